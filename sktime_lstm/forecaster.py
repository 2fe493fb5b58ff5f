"""`LSTMForecaster`: the sktime interface, and the order of the steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster

from sktime_lstm.cells import CELLS
from sktime_lstm.losses import LOSSES
from sktime_lstm.model import HISTORY_COLUMNS, Settings, fit_model, tune_model
from sktime_lstm.request import Request, make_request
from sktime_lstm.runtime import root_seed, single_thread
from sktime_lstm.scaling import GLOBAL_SCALERS
from sktime_lstm.series import Array, Panel, read_panel
from sktime_lstm.validation import (
    boolean,
    check_covariates,
    check_covered,
    check_parameters,
    check_same_series,
    integer,
    name_or_transformer,
    number,
    one_of,
    optional,
    seed,
    text,
)

RULES = {
    "window_length": optional(integer(1)),
    "output_length": optional(integer(1)),
    "sp": optional(integer(1)),
    "cell": one_of(*CELLS),
    "hidden_size": optional(integer(1)),
    "num_layers": integer(1),
    "dropout": number(0.0, 1.0, closed=True),
    "bidirectional": boolean(),
    "anchored": boolean(),
    "scaler": name_or_transformer("window", *(name for name in GLOBAL_SCALERS if name != "window")),
    "loss": one_of(*LOSSES),
    "max_epochs": optional(integer(1)),
    "batch_size": optional(integer(1)),
    "learning_rate": optional(number(0.0)),
    "weight_decay": number(0.0, closed=True),
    "patience": optional(integer(1)),
    "num_members": integer(1),
    "time_budget": optional(number(0.0, closed=True)),
    "device": text(),
    "random_state": seed(),
    "verbose": integer(0),
}


class LSTMForecaster(BaseForecaster):
    """Placeholder.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime_lstm import LSTMForecaster
    >>> y = load_airline()
    >>> forecaster = LSTMForecaster(random_state=0).fit(y)
    >>> forecaster.predict(fh=[1, 2, 3]).shape
    (3,)
    """

    _tags = {
        "authors": ["sktime-lstm developers"],
        "maintainers": ["sktime-lstm developers"],
        "python_dependencies": ["torch"],
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": False,
        "capability:missing_values": True,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:non_contiguous_X": True,
        "capability:unequal_length": True,
        "capability:update": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": False,
        "X-y-must-have-same-index": True,
    }
    _config = {"remember_data": False}

    def __init__(
        self,
        window_length: int | None = None,
        *,
        output_length: int | None = None,
        sp: int | None = None,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        anchored: bool = True,
        scaler: Any = "window",
        loss: str = "mae",
        max_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        weight_decay: float = 0.01,
        patience: int | None = None,
        num_members: int = 1,
        time_budget: float | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.window_length = window_length
        self.output_length = output_length
        self.sp = sp
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.anchored = anchored
        self.scaler = scaler
        self.loss = loss
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.num_members = num_members
        self.time_budget = time_budget
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters; sktime calls this at the end of the constructor."""
        check_parameters(self.get_params(deep=False), RULES)
        # sktime's tests read these two before fit; its base class leaves them out when it keeps no data.
        if not hasattr(self, "_y"):
            self._y = None
            self._X = None

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> LSTMForecaster:
        """Train on `y`; if that fails, the forecaster stays as it was.

        See `sktime.forecasting.base.BaseForecaster.fit`.
        """
        with self._unchanged_on_error():
            super().fit(y, X=X, fh=fh)
        return self

    def update(self, y: Any, X: Any = None, update_params: bool = True) -> LSTMForecaster:
        """Take new data in, and continue training if `update_params`; if that fails, nothing has changed.

        See `sktime.forecasting.base.BaseForecaster.update`.
        """
        with self._unchanged_on_error():
            super().update(y, X=X, update_params=update_params)
        return self

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> LSTMForecaster:
        self._memory = read_panel(y, X)
        self._root = root_seed(self.random_state)
        farthest = self._farthest(fh)
        with single_thread():
            self._model, records = fit_model(self._memory, self._settings(), farthest=farthest, root=self._root)
        self._publish(records)
        return self

    def _update(self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True) -> LSTMForecaster:
        newer = self._read_newer(y, X)
        self._memory = self._memory.merged(newer)
        if self._memory.num_instances > newer.num_instances:
            # sktime has set the cutoff to the end of the new data; the series that got none end where they did.
            self._set_cutoff(self._memory.axis.stamps(self._memory.last.max(keepdims=True)))
        if update_params:
            with single_thread():
                self._model, records = tune_model(self._model, self._memory, self._settings(), root=self._root)
            self._publish(records)
        return self

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> pd.DataFrame:
        request = make_request(self._memory, fh, self.cutoff[0])
        values = self._answer(request, X)
        return pd.DataFrame(values, index=request.index, columns=self._memory.columns)

    def _predict_quantiles(self, fh: Any, X: pd.DataFrame | None, alpha: list[float]) -> pd.DataFrame:
        request = make_request(self._memory, fh, self.cutoff[0])
        values = self._answer(request, X, alpha)
        columns = self._get_columns(method="predict_quantiles", alpha=alpha)
        return pd.DataFrame(values.reshape(len(values), -1), index=request.index, columns=columns)

    def _answer(self, request: Request, X: pd.DataFrame | None, alphas: list[float] | None = None) -> Array:
        """Forecast the rows of a request, of shape (rows, variables) or (rows, variables, alphas)."""
        panel = self._known(request, X)
        shape = (len(request.index), len(panel.columns)) + (() if alphas is None else (len(alphas),))
        values = np.full(shape, np.nan)
        origins = panel.rows(request.instance, request.origin)
        with single_thread():
            for rows in (request.is_future, ~request.is_future):
                rows = rows & (request.position >= panel.first[request.instance])
                if rows.any():
                    values[rows] = self._model.forecast(panel, origins[rows], request.step[rows], alphas)
        return values

    def _known(self, request: Request, X: pd.DataFrame | None) -> Panel:
        """Memory with room for the requested rows, and their covariates."""
        X = check_covariates(X, self._memory.covariate_columns, needed=bool(request.is_future.any()))
        reach = np.full(self._memory.num_instances, np.iinfo(np.int64).min)
        np.maximum.at(reach, request.instance, np.maximum(request.position, request.origin))
        panel = self._memory.extended(reach)
        if X is None:
            return panel
        rows = panel.rows(request.instance, request.position)[request.is_future]
        check_covered(request.index[request.is_future], panel.covered_by(X)[rows])
        return panel.with_covariates(X)

    def _read_newer(self, y: pd.DataFrame, X: pd.DataFrame | None) -> Panel:
        check_same_series(y, self._memory.columns, is_panel=self._memory.keys is not None)
        X = check_covariates(X, self._memory.covariate_columns, needed=True)
        return read_panel(y, X, memory=self._memory)

    def _farthest(self, fh: Any) -> int | None:
        """Largest step of the horizon, None if it is unknown or lies in the past."""
        if fh is None:
            return None
        request = make_request(self._memory, fh, self.cutoff[0])
        return int(request.step.max()) if request.is_future.any() else None

    def _settings(self) -> Settings:
        return Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})

    def _publish(self, records: list[dict[str, float]]) -> None:
        """Make the choices and the course of the training readable."""
        view = self._model.view
        self.window_length_, self.output_length_, self.sp_ = view.window_length, view.output_length, view.sp
        self.hidden_size_ = self._model.network.networks[0].size.hidden_size
        self.history_ = pd.DataFrame(records, columns=list(HISTORY_COLUMNS))

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        """Take back every attribute if the block raises."""
        # sktime writes into the dictionaries it keeps, so these are copied too.
        before = {name: value.copy() if isinstance(value, dict) else value for name, value in self.__dict__.items()}
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _get_fitted_params(self) -> dict[str, Any]:
        names = ("window_length", "output_length", "sp", "hidden_size", "history")
        return {name: getattr(self, f"{name}_") for name in names}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small settings for sktime's test suite."""
        return [
            {"max_epochs": 2, "hidden_size": 4, "random_state": 0},
            {"window_length": 3, "output_length": 1, "max_epochs": 1, "hidden_size": 4, "random_state": 1},
            {
                "cell": "gru",
                "scaler": "standard",
                "anchored": False,
                "max_epochs": 2,
                "hidden_size": 4,
                "random_state": 2,
            },
        ]
