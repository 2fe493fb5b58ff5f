"""`LSTMForecaster`: the sktime interface, and the order of the steps."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sktime.datatypes import convert_to, mtype_to_scitype
from sktime.exceptions import NotFittedError
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.utils.validation.forecasting import check_alpha

from sktime_lstm.data.chunks import Chunk, learn_from_chunks
from sktime_lstm.data.covariates import columns_where
from sktime_lstm.data.horizon import (
    Flags,
    ResolvedHorizon,
    find_cutoffs,
    future_steps,
    last_windows,
    pairs_of,
    resolve_at,
    resolve_horizon,
)
from sktime_lstm.data.panel import Array, Panel, read_panel, sampled_index, under_level
from sktime_lstm.forecasting.cutoffs import standpoints, summaries_at
from sktime_lstm.forecasting.fitted_model import FittedModel, KnownPast, PretrainedModel
from sktime_lstm.forecasting.preprocessing import HistorySummary
from sktime_lstm.forecasting.requests import Request, forecast_from_ends, forecast_within
from sktime_lstm.inspection import plots, tables
from sktime_lstm.network.losses import COUNTS
from sktime_lstm.runtime import Engine, resolve_seed, single_thread
from sktime_lstm.storage.model_file import Fit, Snapshot, read_snapshot, write_snapshot
from sktime_lstm.storage.onnx import export_onnx
from sktime_lstm.storage.shipped import shipped_model
from sktime_lstm.training.fit import FitResult, fit, update
from sktime_lstm.training.importance import permutation_importance
from sktime_lstm.training.loop import LOG_COLUMNS
from sktime_lstm.training.pretrain import as_pretrained, pretrain
from sktime_lstm.training.settings import RULES, SHIPPED, Settings
from sktime_lstm.training.trainer import SAMPLE
from sktime_lstm.validation import (
    check_at_most_one,
    check_counts,
    check_covariates,
    check_covered,
    check_design,
    check_has_learned,
    check_not_below,
    check_parameters,
    check_same_series,
    conflict,
    empirical_distribution,
    integer,
    seed,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLE_RULES = {"num_samples": integer(1), "random_state": seed()}

EVEN_LEVELS = [(number + 0.5) / 199 for number in range(199)]
"""Levels whose quantiles stand for the whole distribution; an odd number, so that the median is among them."""


class LSTMForecaster(BaseForecaster):
    r"""Naive forecasts weighted by their past errors, adjusted by a pretrained recurrent network.

    The forecast is a softmax mixture of naive forecasts (last value, drift, exponential smoothing, seasonal naive, ...)
    plus a correction. Past errors of the naive forecasts set the initial weights; a recurrent network (LSTM, GRU and
    others), which reads the past and the masked future of a window, adjusts them and adds the correction. By default
    the network was pretrained on simulated series and short series are forecast without training: there, most of the
    accuracy comes from the mixture, whose MASE the network lowers by 0 to 5 % on series of the M1 and M3 competitions.
    Long series and panels train it further. Each window is standardised by its own past, so trends and level shifts
    need no preparation.

    One network is fitted to all series of a panel or hierarchy. It does not depend on the horizon: `predict` accepts
    any `fh`. Missing values in `y` or `X` are masked; gaps in the index count as missing values. Forecasts of past
    steps are one-step forecasts from the data before them; that of the first point of a series is NaN.

    Parameters
    ----------
    window_length : int, optional
        Points of past in a window. By default five seasons and six points, for much data without a pretrained network
        three seasons and six; without a season a quarter of the typical length, 8 to 16, or as many observations where
        some are missing. Shorter histories are padded with
        missing values. All earlier observations are used to weight the naive forecasts by their past errors; without a
        season, exponential smoothing looks up to 64 points back.
    output_length : int, optional
        Steps that are forecast at once. By default the largest step of `fh` if it is known in `fit`, else one season or
        8; at most about 100. Steps beyond are rolled out: forecasts are appended to the past and the next block is
        forecast. ``output_length=1`` is the classic one-step recursion.
    sp : int or list of int, optional
        Seasonal period in steps, or several; 1 switches seasonality off. By default all periods that the frequency of
        the index suggests (12 for months, 24 and 168 for hours, 7 and 365 for days, ...) and a test confirms; in a
        single series, or in short ones, the first period need only not be contradicted. Without a frequency, it is
        the highest peak of the autocorrelation if it is high enough. The shortest season of at most 60
        steps is modelled in the windows; longer ones are estimated from the whole history, subtracted before training
        and added to the forecast.
    cell : {"lstm", "gru", "rnn", "peephole", "cifg"}, default="lstm"
        Kind of recurrent layer: LSTM [1]_, gated recurrent unit [2]_, plain recurrence [3]_, LSTM whose gates see the
        cell state [6]_, LSTM with coupled input and forget gates [7]_. GRU and ``"cifg"`` have a quarter fewer weights
        than an LSTM. torch has fast kernels for the first three; training with one of the others takes up to two and a
        half times as long. Forget gates start open, with a bias of one.
    hidden_size : int, optional
        Units of each layer. By default 16, 32 or 64, the more windows the more. More units hurt on a short series.
    num_layers : int, default=1
        Stacked recurrent layers.
    dropout : float, default=0.0
        Share of the outputs of every layer that is set to zero in training, in [0, 1).
    anchored : bool, default=True
        Anchor the output on naive forecasts that are weighted by their past errors, subtract the linear effect of the
        covariates beforehand, and shrink the learned output by a factor: one half, unless held-out windows show
        that 0, 0.25, 0.75 or 1 is better by more than one standard error. False is the textbook network, which has to
        learn all this and needs more data and epochs.
    scaler : {"window", "standard", "minmax", "robust", "none"} or transformer, default="window"
        ``"window"`` standardises each window by its own past. The others scale all data once: to mean 0 and standard
        deviation 1, to the range (-1, 1), by median and quartiles, or not at all. A scikit-learn transformer with
        ``inverse_transform`` is cloned and fitted to the values of all series, one column for each variable.
    loss : {"mae", "mse", "huber", "quantile", "normal", "negative_binomial"}, default="mae"
        Training loss in units of the scale. ``"mae"`` aims at the median, ``"mse"`` at the mean. The last three also
        estimate the spread of the predictive distribution, which differs from window to window; intervals are
        calibrated on held-out windows all the same. ``"quantile"`` estimates seven quantiles, so that the distribution
        may be skewed. ``"negative_binomial"`` is for counts; they are divided by their mean and never shifted, the
        forecast is the mean of the distribution, and nothing is below 0.
    lower_bound : float, optional
        No forecast, quantile or sample is smaller, and no value of `y` may be; 0 for counts, sales or prices. By
        default there is no bound.
    past_covariates : list, optional
        Names of columns of `X` that are known only in the past, such as a temperature that was measured and not
        forecast. They are masked in the future steps of every window, in training and in the forecast, even if `X` has
        values there; `predict` does not need them. By default every column is known in the future.
    max_epochs : int, optional
        Passes over the training windows. By default a fixed number of steps that grows with the number of windows:
        10 to 20 for a series of a hundred points, 160 for a thousand windows, at most 3000.
    batch_size : int, optional
        Windows in a step. By default all if they are few, else 32 to 256.
    learning_rate : float, optional
        Peak of the one-cycle schedule [4]_ of AdamW [5]_. By default it rises with the number of windows, 0.0005 for a
        hundred, up to 0.005 for a thousand, and is 0.003 or 0.002 for more: one short series stays near its naive
        forecasts, since a network would overfit.
    weight_decay : float, default=0.01
        Decoupled weight decay of AdamW.
    patience : int, optional
        Stop after this many checks without improvement on the latest quarter of the windows and keep the weights of
        the best check; there is a check every epoch, or every 100 steps if an epoch is longer. By default the schedule
        runs to its end, the network learns from all windows and the last weights are kept, which is better on short
        series.
    pretrained : {"simulated"}, path, LSTMForecaster or None, default="simulated"
        What `fit` and `pretrain` start from. ``"simulated"`` is a network that comes with the package. It was trained
        on simulated series and serves series of any season: several variables one by one, covariates by their linear
        effect, which is subtracted first; `pretrain` on a panel with either is from scratch. Settings that it
        cannot serve are trained from scratch: another `cell`, `hidden_size`, `num_layers` or `dropout`,
        ``anchored=False``, a `scaler` other than ``"window"``, a `loss` other than ``"mae"`` or ``"quantile"``. None
        always trains from scratch. A file written by `save_model`, or a pretrained or fitted forecaster, has the effect
        of `pretrain`, but survives `set_params`, grid search and pipelines, which forget `pretrain`. If that forecaster
        was pretrained and then fitted, its pretrained weights are used.
    fine_tune : {"auto", "none", "full", "scratch"}, default="auto"
        What `fit` does with the weights it starts from. ``"none"`` keeps them, which takes milliseconds;
        ``"full"`` trains all of them further, as long as without pretraining; ``"scratch"`` ignores them. ``"auto"``
        is ``"full"``, but ``"none"`` for the network that comes with the package where all series together have fewer
        than 1000 points, unless `max_epochs`, `batch_size`, `learning_rate` or `patience` says how to train. That
        network reads neither covariates nor other variables, so for more points with either, for `past_covariates`,
        and for a column of more than 32 categories it is ``"scratch"``; likewise for a single series of
        2000 points or more, which teach more than simulated series do.
    time_budget : float, optional
        Seconds that training may take. The schedule is shortened to fit; the step under way at the end is finished.
        Time before and after, such as the calibration of the intervals, is not counted. Results then depend on
        the speed of the machine.
    device : str, default="auto"
        Device of torch for training, forecasts and sample paths. ``"auto"`` is a GPU if there is one and at least 20000
        windows or paths, else the CPU, which also forecasts where the device is missing after the forecaster was moved.
    random_state : int, RandomState or None, default=None
        Seed of weights, order of batches and dropout. Same seed, same numbers on the same device. No global random
        generator is read or changed.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    window_length_, output_length_, hidden_size_ : int
        Sizes that are used, whether given or chosen from the data.
    sp_ : int or tuple of int
        Seasonal period that is used, 1 for none; several in ascending order.
    history_ : pd.DataFrame
        Course of the training, one row for each epoch or 100 steps: ``step``, ``epoch``, ``loss``,
        ``validation_loss``, ``learning_rate``, ``gradient_norm``, ``failures`` and ``seconds``. The gradient norm is
        that of the last step before clipping at 1.
    pretrained_model_ : object
        What `pretrain` has learned, for `fit` to start from.
    n_pretrain_instances_ : int
        Number of series that `pretrain` has learned from.

    Raises
    ------
    ValueError
        If a parameter is out of range; in `fit`, if time stamps are irregular, repeated or so scattered that nearly all
        of their grid is missing, if values are infinite or a series has no observation; in `predict`, if `X` does not
        cover the horizon or has other columns than in `fit`. A failed `fit` or `update` leaves the forecaster as it
        was.

    Notes
    -----
    Prediction intervals come from the errors of a hold-out network on the latest quarter of the windows, which it was
    not trained on; on a short series from those on the latest half, widened for their small number. Beyond the measured
    steps they grow as errors do that are rolled out farther or, where the series is too short for that, as sample paths
    do. If one of the last four points of a series jumps more than three times any change before, it may be an outlier
    or a new level: intervals then cover the forecasts with and without the points from there on. The point forecast
    itself is not robust: it follows such a jump.

    ``update(y, update_params=False)`` adds the new data and keeps the weights; ``update_params=True`` also
    trains further, with a quarter of the steps at a fifth of the rate. Where `fit` trained nothing, it trains nothing
    either, but chooses seasons, lengths and intervals anew from the longer series.

    `X` holds covariates that are known in the future, or, if `past_covariates` names them, only in the past. Rows are
    found by their labels; `predict` needs every row that is to be forecast. Rows between may be missing and are then
    replaced by the mean of the covariate; rows at other time stamps are ignored.

    Columns of `X` are numeric, boolean or categorical: strings or pandas categories. Up to 32 categories of a column
    are one-hot encoded; for more the network learns an embedding [8]_, without a linear effect. A category that was not
    seen in `fit` counts as missing: as the mean over all categories, or as an embedding that `fit` has learned for
    missing values.

    A column that is constant within each series of a panel, but not the same in all, is a static covariate. It may be
    left out of `X` in `predict`.

    Inside `fit` and `predict` torch uses one thread, which is fastest for networks of this size; the setting of the
    caller is restored.

    References
    ----------
    .. [1] Hochreiter and Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8).
    .. [2] Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder", EMNLP.
    .. [3] Elman (1990), "Finding structure in time", Cognitive Science 14(2).
    .. [4] Smith and Topin (2019), "Super-convergence: very fast training using large learning rates", SPIE 11006.
    .. [5] Loshchilov and Hutter (2019), "Decoupled weight decay regularization", ICLR.
    .. [6] Gers and Schmidhuber (2000), "Recurrent nets that time and count", IJCNN.
    .. [7] Greff et al. (2017), "LSTM: a search space odyssey", IEEE Transactions on Neural Networks 28(10).
    .. [8] Guo and Berkhahn (2016), "Entity embeddings of categorical variables", arXiv 1604.06737.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sktime_lstm import LSTMForecaster
    >>> y = load_airline()
    >>> forecaster = LSTMForecaster(random_state=0).fit(y)
    >>> forecaster.sp_
    12
    >>> y_pred = forecaster.predict(fh=[1, 2, 12])
    >>> y_pred.index.astype(str).tolist()
    ['1961-01', '1961-02', '1961-12']
    >>> y_int = forecaster.predict_interval(fh=[1, 2, 12], coverage=0.9)
    >>> bool((y_int.iloc[:, 0] < y_pred).all())
    True
    """

    _tags = {
        "authors": ["sktime-lstm developers"],
        "maintainers": ["sktime-lstm developers"],
        "python_dependencies": ["torch"],
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": True,
        "capability:missing_values": True,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:non_contiguous_X": True,
        "capability:unequal_length": True,
        "capability:update": True,
        "capability:pretrain": True,
        "pretrain:fitted_params": ["pretrained_model_", "n_pretrain_instances_"],
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": False,
        "X-y-must-have-same-index": True,
    }
    _config = {"remember_data": False}
    _model: FittedModel
    _summary: HistorySummary

    def __init__(
        self,
        window_length: int | None = None,
        *,
        output_length: int | None = None,
        sp: int | list[int] | tuple[int, ...] | None = None,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int = 1,
        dropout: float = 0.0,
        anchored: bool = True,
        scaler: Any = "window",
        loss: str = "mae",
        lower_bound: float | None = None,
        past_covariates: list[Any] | tuple[Any, ...] | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        weight_decay: float = 0.01,
        patience: int | None = None,
        pretrained: str | PathLike[str] | LSTMForecaster | None = "simulated",
        fine_tune: str = "auto",
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
        self.anchored = anchored
        self.scaler = scaler
        self.loss = loss
        self.lower_bound = lower_bound
        self.past_covariates = past_covariates
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.pretrained = pretrained
        self.fine_tune = fine_tune
        self.time_budget = time_budget
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters; sktime calls this at the end of the constructor."""
        check_parameters(self.get_params(deep=False), RULES)
        if isinstance(self.pretrained, LSTMForecaster) and self.pretrained.is_fitted:
            self.pretrained._survive_clone()
        # sktime's tests read these two before fit; its base class leaves them out when it keeps no data.
        if not hasattr(self, "_y"):
            self._y = None
            self._X = None

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> LSTMForecaster:
        """Fit to `y`; if that fails, the forecaster stays as it was.

        What was learned in an earlier `fit` is forgotten; what `pretrain` has learned is kept.

        Parameters
        ----------
        y : time series, panel or hierarchy that sktime knows
            Observations to learn from; missing values are left out.
        X : time series, panel or hierarchy that sktime knows, default=None
            Covariates, with the times of `y` or more.
        fh : forecasting horizon, default=None
            Steps that will be forecast. They may be named in `predict` instead, but if they are known here,
            `output_length` is chosen for them.

        Returns
        -------
        LSTMForecaster
            The forecaster itself, fitted.

        Raises
        ------
        ValueError
            If time stamps are irregular or repeated, values are infinite, or a series has no observation.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> forecaster = LSTMForecaster(random_state=0)
        >>> forecaster = forecaster.fit(load_airline(), fh=range(1, 13))
        >>> forecaster.sp_, forecaster.output_length_
        (12, 12)
        """
        with self._unchanged_on_error():
            super().fit(y, X=X, fh=fh)
        return self

    def update(self, y: Any, X: Any = None, update_params: bool = True) -> LSTMForecaster:
        """Add new data, and continue training if `update_params`; if that fails, the forecaster stays as it was.

        Parameters
        ----------
        y : time series, panel or hierarchy that sktime knows
            New observations, of the same variables. Those that were seen before are replaced.
        X : time series, panel or hierarchy that sktime knows, default=None
            Covariates of the times of `y`, if `fit` had any.
        update_params : bool, default=True
            Train further. False takes the data in and leaves the weights alone, which takes milliseconds.

        Returns
        -------
        LSTMForecaster
            The forecaster itself, which now forecasts from the end of `y`.

        Raises
        ------
        ValueError
            If `y` or `X` has other columns than in `fit`, or time stamps that are not on the grid of the data.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> y = load_airline()
        >>> forecaster = LSTMForecaster(random_state=0).fit(y[:-12])
        >>> forecaster = forecaster.update(y[-12:], update_params=False)
        >>> forecaster.predict(fh=[1]).index.astype(str).to_list()
        ['1961-01']
        """
        with self._unchanged_on_error():
            super().update(y, X=X, update_params=update_params)
        return self

    def predict_samples(
        self,
        fh: Any = None,
        X: Any = None,
        *,
        num_samples: int = 100,
        random_state: int | np.random.RandomState | None = None,
    ) -> pd.DataFrame:
        """Draw sample paths: possible futures, for questions that quantiles of single steps cannot answer.

        Examples are the probability that the sum over a quarter exceeds a budget, or that a level is ever crossed.
        Steps and variables of a path depend on each other as the errors on held-out windows did; different series are
        drawn independently. At each step the paths have the quantiles of `predict_quantiles`. Each further block is
        forecast from the path itself, or of 100 paths and more by regression on an eighth of them, which decides which
        paths are high and which are low there. After a jump that may be an outlier half of the paths start from it,
        while quantiles cover both.

        Parameters
        ----------
        fh : forecasting horizon, default=None
            As in `predict`.
        X : time series, panel or hierarchy that sktime knows, default=None
            As in `predict`.
        num_samples : int, default=100
            Number of paths.
        random_state : int, RandomState or None, default=None
            Seed of the draws. None derives it from that of the forecaster: the same call draws the same paths.

        Returns
        -------
        pd.DataFrame
            One row for each sample, series and time, with these as index levels, the first one named ``sample``, and
            the variables as columns.

        Raises
        ------
        ValueError
            If `num_samples` is no positive integer, or `X` does not cover the horizon.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> forecaster = LSTMForecaster(random_state=0)
        >>> forecaster = forecaster.fit(load_airline(), fh=range(1, 13))
        >>> samples = forecaster.predict_samples(num_samples=200)
        >>> samples.shape, samples.index.names[0]
        ((2400, 1), 'sample')
        >>> year = samples.groupby("sample").sum().iloc[:, 0]
        >>> bool(5000 < year.quantile(0.1) < year.quantile(0.9) < 7000)
        True
        """
        self.check_is_fitted()
        request = self._samples(num_samples, random_state)
        # `_check_fh` stores the horizon on the forecaster; a copy keeps this call free of side effects.
        resolved = resolve_horizon(self._memory, copy.copy(self)._check_fh(fh), self.cutoff[0])
        values = self._fill(resolved, self._check_X(X=X), request)
        return _stacked(values, resolved.index, self._memory.columns)

    def predict_at(
        self,
        cutoffs: Any,
        fh: Any = None,
        X: Any = None,
        *,
        y: Any = None,
        coverage: float | list[float] | None = None,
        alpha: float | list[float] | None = None,
        num_samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> pd.DataFrame:
        """Forecast from many cutoffs at once, for backtests.

        The forecasts are those of ``update(..., update_params=False)`` and `predict` at one cutoff after the other, but
        faster. Each uses only data up to its cutoff, and the weights of the fit. If the fit has seen data beyond a
        cutoff, so have the weights; the typical change of a series is then estimated at the earliest such cutoff, so
        that with covariates a forecast depends a little on the other cutoffs. The forecaster is not changed.

        Parameters
        ----------
        cutoffs : time stamp, or index or list of them
            Last time stamps that the forecasts use, in any order. They must be time stamps of the data.
        fh : forecasting horizon, default=None
            Steps after each cutoff, 1 or more. None is the horizon of `fit`.
        X : time series, panel or hierarchy that sktime knows, default=None
            Covariates of the rows of `y`, and of later rows that have not been passed before. Covariates that were
            passed before are known at every cutoff.
        y : like `y` in `fit`, default=None
            Later observations, as they would be passed to `update`; rows seen before may be among them.
        coverage : float or list of float, default=None
            Return prediction intervals of these nominal coverages.
        alpha : float or list of float, default=None
            Return quantiles at these levels.
        num_samples : int, default=None
            Return this many sample paths. Paths of the same number at different cutoffs are drawn with the same random
            numbers, as by `predict_samples`.
        random_state : int, RandomState or None, default=None
            Seed of the sample paths, as in `predict_samples`.

        Returns
        -------
        pd.DataFrame
            Rows as `predict`, `predict_interval`, `predict_quantiles` or `predict_samples` return them, under an index
            level ``cutoff``, cutoffs ascending, which is the first one, or follows ``sample``; columns as there. A
            series that ends before a cutoff is forecast from its end; one that begins later is omitted. A row that is
            missing at a cutoff counts as a missing value.

        Raises
        ------
        ValueError
            If a cutoff is no time stamp of the data, a step is not in the future, `X` does not cover the horizon, or
            more than one of `coverage`, `alpha` and `num_samples` is passed.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> y = load_airline()
        >>> forecaster = LSTMForecaster(random_state=0).fit(y[:96])
        >>> forecasts = forecaster.predict_at(y.index[95:-12], fh=[1, 12], y=y)
        >>> forecasts.shape, forecasts.index.names
        ((74, 1), FrozenList(['cutoff', 'Period']))
        >>> forecasts.loc["1959-12"].index.astype(str).tolist()
        ['1960-01', '1960-12']
        """
        self.check_is_fitted()
        request, columns = self._asked(coverage, alpha, num_samples, random_state)
        there = self if y is None else self._knowing(y, X)
        stamps, position = find_cutoffs(there._memory, cutoffs)
        rows, cutoff = resolve_at(there._memory, future_steps(copy.copy(self)._check_fh(fh)), position)
        is_new = rows.position > there._memory.last[rows.instance]
        panel = there._with_room(rows, self._check_X(X=X), needed=is_new)
        at = standpoints(there._memory, rows, cutoff)
        with single_thread():
            known = summaries_at(
                self._model.preprocessing,
                at,
                known=self._summary,
                known_panel=self._memory,
                verbose=bool(self.verbose),
            )
        values = forecast_from_ends(self._model, panel, known, rows, request, self._engine)
        index = under_level(rows.index, stamps, cutoff, name="cutoff")
        return _stacked(values, index, columns) if num_samples else _wide(values, index, columns)

    def _asked(
        self, coverage: Any, alpha: Any, num_samples: int | None, random_state: int | np.random.RandomState | None
    ) -> tuple[Request, pd.Index]:
        """What is asked of each row, and the columns of the answer."""
        check_at_most_one(coverage=coverage, alpha=alpha, num_samples=num_samples)
        if num_samples is not None:
            return self._samples(num_samples, random_state), self._memory.columns
        if coverage is not None:
            coverage = check_alpha(coverage, name="coverage")
            levels = [0.5 + side * each / 2 for each in coverage for side in (-1, 1)]
            return Request(levels), self._get_columns(method="predict_interval", coverage=coverage)
        if alpha is not None:
            alpha = check_alpha(alpha)
            return Request(alpha), self._get_columns(method="predict_quantiles", alpha=alpha)
        return Request(), self._memory.columns

    def _knowing(self, y: Any, X: Any) -> LSTMForecaster:
        """Return a twin with the same model that has seen later observations, but has no summary of them."""
        twin = copy.copy(self)
        newer = self._read_newer(convert_to(y, self.get_tag("y_inner_mtype")), self._check_X(X=X))
        twin._memory = self._memory.merged(newer)
        return twin

    def pretrain(self, y: Any, X: Any = None, fh: Any = None) -> LSTMForecaster:
        """Train on a panel of other series than those to forecast; if that fails, the forecaster stays as it was.

        The first call trains the network of `pretrained` further; a second call continues with more series. `fit` then
        starts from what was learned, as `fine_tune` says. With ``pretrained=None`` the first call trains from scratch,
        as it does where the network that comes with the package does not serve: for other settings, covariates or
        several variables. Unless `max_epochs` and `learning_rate` are given, they are a quarter of those of a fit
        from scratch to the panel, since other series are only similar. Processes started by ``torchrun`` train
        together.

        Parameters
        ----------
        y : panel or hierarchy that sktime knows
            The other series.
        X : like `y`, default=None
            Covariates of the times of `y`.
        fh : forecasting horizon, default=None
            Steps that will be forecast, as in `fit`.

        Returns
        -------
        LSTMForecaster
            The forecaster itself, pretrained.

        Raises
        ------
        ValueError
            If `y` cannot be learned from, as in `fit`, or has other columns than in an earlier call.
        TypeError
            If `y` is a single series.

        Examples
        --------
        >>> from sktime.utils._testing.panel import _make_panel
        >>> from sktime_lstm import LSTMForecaster
        >>> panel = _make_panel(n_instances=3, n_timepoints=30, random_state=0)
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).pretrain(panel)
        >>> forecaster.n_pretrain_instances_
        3
        """
        with self._unchanged_on_error():
            super().pretrain(y, X=X, fh=fh)
        return self

    def pretrain_stream(self, chunks: Iterable[Chunk] | str | PathLike[str], *, fh: Any = None) -> LSTMForecaster:
        """Pretrain on a panel that is too large for the memory, chunk by chunk.

        The same as one call of `pretrain` for each chunk. All windows have about the same weight; what is chosen from
        the data, such as the seasonal period, is chosen from the first chunk. So every chunk should contain a mix of
        the series.

        If a chunk fails, what was learned from those before it is kept, and the error gives their number. With
        ``verbose=1`` a second progress bar counts the chunks.

        Parameters
        ----------
        chunks : iterable or path
            Panels that sktime knows, or pairs of one and its covariates. Or a folder: each of its files that ends
            in ``.parquet`` contains a panel with instance and time as index; they are read in the order of their names.
        fh : forecasting horizon, default=None
            As in `pretrain`.

        Returns
        -------
        LSTMForecaster
            The forecaster itself, pretrained.

        Raises
        ------
        ValueError
            If there is no chunk, or a chunk cannot be read or learned from, for example because it has other columns
            than the first.

        Examples
        --------
        >>> from sktime.utils._testing.panel import _make_panel
        >>> from sktime_lstm import LSTMForecaster
        >>> chunks = (_make_panel(n_instances=3, random_state=i) for i in range(2))
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
        >>> forecaster = forecaster.pretrain_stream(chunks)
        >>> forecaster.n_pretrain_instances_
        6
        """
        learn_from_chunks(chunks, lambda y, X: self.pretrain(y, X=X, fh=fh), verbose=bool(self.verbose))
        return self

    def save_model(self, path: str | PathLike[str]) -> None:
        """Write the forecaster to one file that can be loaded without running code from it.

        The file contains parameters, choices made in `fit`, weights, scales, the distribution of the errors and the
        training data. Writing is atomic: a crash leaves an older file as it was. Weights that were trained on a GPU
        load without one.

        Parameters
        ----------
        path : path
            File to write; an existing one is replaced.

        Raises
        ------
        ValueError
            If something cannot be described by plain values, such as a scaler that is not one of scikit-learn's
            standard, minmax or robust ones.

        See Also
        --------
        sktime_lstm.load_model : Read the file.

        Examples
        --------
        >>> import tempfile
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster, load_model
        >>> y = load_airline()
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).fit(y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     forecaster.save_model(f"{folder}/airline.safetensors")
        ...     loaded = load_model(f"{folder}/airline.safetensors")
        >>> bool((loaded.predict(fh=[1, 2]) == forecaster.predict(fh=[1, 2])).all())
        True
        """
        if not self.is_fitted and not hasattr(self, "pretrained_model_"):
            raise NotFittedError("The forecaster has learned nothing yet. Call fit or pretrain before save_model.")
        write_snapshot(self._snapshot(), path)

    def export_onnx(self, path: str | PathLike[str]) -> None:
        """Write the network as an ONNX file, for programs without Python or torch. Needs the extra ``onnx``.

        Inputs are ``context`` of shape (batch, time, variable), NaN where missing, and ``covariates`` of shape (batch,
        time + horizon, covariate), whose last axis is 0 without covariates, and, if anchored, ``anchor_errors`` of
        shape (batch, variable, anchor), the mean absolute error of each naive forecast so far, and ``zero`` of shape
        (batch, 1, variable), the value of the scaled context that is 0 in the data; output is ``forecast`` of shape
        (batch, horizon, variable). With ``zero`` NaN only the data are smoothed, else their logarithms too, where all
        are positive. Batch, time and horizon are free, but time must cover at least one season; to forecast as this
        forecaster does, pass ``window_length_`` points with a season and the larger of that and 64 without one (or as
        many as the longest series less one has), padded with NaN in front. The seasonal period is that of this
        forecaster. The file contains the network alone: scale each context by mean and standard deviation of its latest
        ``window_length_`` points, and the forecast back.

        Parameters
        ----------
        path : path
            File to write.

        Raises
        ------
        ValueError
            For a `cell` other than ``"lstm"``, ``"gru"`` and ``"rnn"``, which ONNX does not have.

        Examples
        --------
        >>> import tempfile
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> y = load_airline()
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).fit(y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     forecaster.export_onnx(f"{folder}/airline.onnx")
        """
        if not self.is_fitted and not hasattr(self, "pretrained_model_"):
            raise NotFittedError("The forecaster has learned nothing yet. Call fit or pretrain before export_onnx.")
        model = self._model if self.is_fitted else self.pretrained_model_.model
        with single_thread():
            export_onnx(
                model.network,
                path,
                window_length=model.preprocessing.window_length,
                context_length=model.preprocessing.context_length,
                sp=model.preprocessing.sp,
            )

    def gate_activations(self, y: Any = None, X: Any = None, *, units: bool = True) -> pd.DataFrame:
        """Return the gates of the network in the last window.

        The window is the past that the network sees, ``window_length_`` points, and the future that it forecasts at
        once, ``output_length_`` steps whose values are masked.

        Parameters
        ----------
        y : time series, panel or hierarchy that sktime knows, default=None
            Use the last window of this instead of the training data. It needs the same columns; the forecaster is
            not changed.
        X : like `y`, default=None
            Covariates, if there were any in `fit`: of the future steps, and with `y` of its past too.
        units : bool, default=True
            Return every unit of the layers. False returns their mean, a small table even for a large panel.

        Returns
        -------
        pd.DataFrame
            One row for each value. Columns: the instance levels of a panel under their names, ``time``, ``layer`` (0 is
            next to the inputs), ``gate``, ``unit`` (if `units`) and ``value``. The gates and states are those of the
            equations of the cell: for an LSTM ``"input gate"``, ``"forget gate"``, ``"candidate"``, ``"output gate"``,
            ``"cell state"`` and ``"hidden state"``. Gates lie between 0, closed, and 1, open. Points of the
            window before the start of a series count as missing values and have rows too.

        Raises
        ------
        ValueError
            If `y` has other columns than in `fit`, or `X` does not cover the future.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
        >>> forecaster = forecaster.fit(load_airline(), fh=range(1, 13))
        >>> gates = forecaster.gate_activations(units=False)
        >>> forget = gates[gates["gate"] == "forget gate"].set_index("time")["value"]
        >>> len(forget) == forecaster.window_length_ + 12
        True
        >>> bool(forget.between(0, 1).all())
        True
        """
        past, resolved = self._last_windows(y, X)
        with single_thread():
            return tables.gate_activations(self._model, past, resolved, units=units)

    def anchor_weights(self, fh: Any = None, X: Any = None) -> pd.DataFrame:
        """Return the weight of each naive forecast in each forecast.

        The forecast is a mixture of naive forecasts with these weights, plus a correction, the linear effect of the
        covariates and the long seasons. Beyond ``output_length_`` steps the naive forecasts are those of a past to
        which forecasts were appended.

        Parameters
        ----------
        fh : forecasting horizon, default=None
            As in `predict`.
        X : time series, panel or hierarchy that sktime knows, default=None
            As in `predict`.

        Returns
        -------
        pd.DataFrame
            One row for each weight. Columns: the instance levels of a panel under their names, ``time``,
            ``variable``, ``anchor`` and ``weight``. The weights of a step sum to 1; naive forecasts that do not exist,
            such as seasonal ones without a season, have weight 0.

        Raises
        ------
        ValueError
            If ``anchored=False``, or `X` does not cover the horizon.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> y = load_airline()
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).fit(y)
        >>> weights = forecaster.anchor_weights(fh=[1, 2, 3])
        >>> weights.groupby("time")["weight"].sum().round(5).tolist()
        [1.0, 1.0, 1.0]
        """
        self.check_is_fitted()
        # `_check_fh` stores the horizon on the forecaster; a copy keeps this call free of side effects.
        resolved = resolve_horizon(self._memory, copy.copy(self)._check_fh(fh), self.cutoff[0])
        with single_thread():
            past = self._known_past(resolved, self._check_X(X=X))
            return tables.anchor_weights(self._model, past, resolved)

    def covariate_importance(self, *, num_repeats: int = 5) -> pd.DataFrame:
        """Return the permutation importance of each covariate on held-out windows.

        A network is trained once more, without the latest quarter of the windows, which takes up to as long as `fit`.
        These windows are then forecast with one covariate at a time taken from other windows, in the past and in the
        future. Of two correlated covariates each may seem unimportant.

        Parameters
        ----------
        num_repeats : int, default=5
            Permutations of each covariate; more of them reduce the noise.

        Returns
        -------
        pd.DataFrame
            One row for each covariate and variable. Columns: ``covariate``, ``variable``, ``error``, the mean absolute
            error of held-out windows in the scale of `scaler`, that of `y` by default, ``importance``, its increase,
            and ``deviation``, the standard deviation of the increase over permutations. NaN where a series is too short
            for held-out windows.

        Raises
        ------
        ValueError
            If `num_repeats` is no positive integer.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from sktime_lstm import LSTMForecaster
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame(rng.normal(size=(200, 2)), columns=["cause", "noise"])
        >>> y = 10 * X["cause"] + rng.normal(size=200)
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).fit(y, X=X)
        >>> table = forecaster.covariate_importance().set_index("covariate")
        >>> bool(table["importance"]["cause"] > 5 > table["importance"]["noise"])
        True
        """
        self.check_is_fitted()
        check_parameters({"num_repeats": num_repeats}, {"num_repeats": integer(1)})
        settings, start = self._settings(), self._start
        with single_thread():
            error, permuted = permutation_importance(
                self._model, self._memory, settings, start, num_repeats=num_repeats, root_seed=self._root_seed
            )
        return tables.covariate_importance(error, permuted, self._memory)

    def covariate_effects(self) -> pd.DataFrame:
        """Return the linear effect of each covariate, which is subtracted before training, with its standard error.

        Effects that the network learns in addition, such as interactions, are not in the table. The effects are shrunk
        towards zero, and the standard errors are those of the shrunk effects.

        Returns
        -------
        pd.DataFrame
            One row for each covariate, or each of its categories, and variable. Columns: ``covariate``, ``category``
            (None for numbers), ``variable``, ``effect`` and ``standard_error``: by how much `y`, in the scale of
            `scaler`, rises if the covariate rises by one, or if the category is the case. In a panel in units of the
            typical change of a series from one point to the next. Both are 0 for columns that are known only in the
            past or have more than 32 categories, and for ``anchored=False``.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from sktime_lstm import LSTMForecaster
        >>> generator = np.random.default_rng(0)
        >>> X = pd.DataFrame({"promotion": generator.integers(0, 2, 200)})
        >>> y = 10 * X["promotion"] + generator.normal(size=200)
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1).fit(y, X=X)
        >>> forecaster.covariate_effects()["effect"].round().tolist()
        [10.0]
        """
        self.check_is_fitted()
        return tables.covariate_effects(self._model, self._memory)

    def plot_forecast(
        self,
        fh: Any = None,
        X: Any = None,
        *,
        y_true: Any = None,
        coverage: float | list[float] = 0.9,
        ax: Axes | npt.NDArray[Any] | None = None,
    ) -> Axes | npt.NDArray[Any]:
        """Plot history, forecast and prediction intervals. Needs matplotlib.

        Parameters
        ----------
        fh, X
            As in `predict`.
        y_true : like `y` in `fit`, default=None
            Actual values over the horizon, if known.
        coverage : float or list of float, default=0.9
            Nominal coverage of the interval; several make several bands.
        ax : Axes, array of Axes or None, default=None
            Where to draw, one axes for each variable of each series. None makes a new figure.

        Returns
        -------
        Axes or array of Axes
            An axes for one univariate series; else an array with one axes for each variable of each series, the first
            6 of them.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
        >>> forecaster = forecaster.fit(load_airline(), fh=range(1, 13))
        >>> forecaster.plot_forecast(coverage=[0.5, 0.9]).get_title()
        'Number of airline passengers'
        """
        # `predict` stores the horizon on the forecaster; a copy keeps this call free of side effects.
        twin = copy.copy(self)
        intervals = twin.predict_interval(fh, X, coverage=coverage)
        forecast = twin._predict(twin.fh, twin._check_X(X=X))
        y_true = None if y_true is None else convert_to(y_true, self.get_tag("y_inner_mtype"))
        return plots.plot_forecast(self._memory.frame(), forecast, intervals=intervals, y_true=y_true, ax=ax)

    def plot_gates(
        self, y: Any = None, X: Any = None, *, layer: int = 0, ax: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Plot the gates in the last window, below the series. Needs matplotlib.

        For each gate a line is the mean over units and a band covers the middle half of them; each state is a heat map
        with a row for each unit.

        Parameters
        ----------
        y, X
            As in `gate_activations`. Of a panel the first series is drawn; pass another one as `y`.
        layer : int, default=0
            Number of the layer; 0 is next to the inputs.
        ax : array of Axes or None, default=None
            Where to draw, one axes for the series and one for each gate and state. None makes a new figure.

        Returns
        -------
        array of Axes
            The axes drawn on, from top to bottom.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
        >>> forecaster = forecaster.fit(load_airline(), fh=range(1, 13))
        >>> [axes.get_ylabel() for axes in forecaster.plot_gates()][:4]
        ['series', 'input gate', 'forget gate', 'output gate']
        """
        past, resolved = self._last_windows(y, X)
        with single_thread():
            resolved = resolved.only(resolved.instance == 0)
            gates = tables.gate_activations(self._model, past, resolved, units=True)
            forecast = tables.forecast_after_window(self._model, past, resolved)
        return plots.plot_gates(gates, tables.observed_window(past.panel, resolved), forecast, layer=layer, ax=ax)

    def plot_anchor_weights(
        self, fh: Any = None, X: Any = None, *, ax: Axes | npt.NDArray[Any] | None = None
    ) -> Axes | npt.NDArray[Any]:
        """Plot the weight of each naive forecast at each step. Needs matplotlib.

        Parameters
        ----------
        fh, X
            As in `predict`.
        ax : Axes, array of Axes or None, default=None
            Where to draw, one axes for each variable of each series. None makes a new figure.

        Returns
        -------
        Axes or array of Axes
            An axes for one univariate series; else an array with one axes for each variable of each series, the first
            6 of them.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
        >>> forecaster = forecaster.fit(load_airline(), fh=range(1, 13))
        >>> forecaster.plot_anchor_weights().get_ylabel()
        'weight'
        """
        return plots.plot_anchor_weights(self.anchor_weights(fh, X), ax=ax)

    def plot_history(self, *, ax: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Draw the course of the training: losses, learning rate, and gradient norms. Needs matplotlib.

        Parameters
        ----------
        ax : array of 3 Axes or None, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        array of Axes
            Those of the losses, the gradient norm before clipping with the limit, and the learning rate.

        Examples
        --------
        >>> from sktime.datasets import load_airline
        >>> from sktime_lstm import LSTMForecaster
        >>> forecaster = LSTMForecaster(random_state=0, max_epochs=1)
        >>> forecaster = forecaster.fit(load_airline(), fh=range(1, 13))
        >>> [axes.get_ylabel() for axes in forecaster.plot_history()]
        ['loss', 'gradient norm', 'learning rate']
        """
        self.check_is_fitted()
        return plots.plot_history(self.history_, ax=ax)

    def _last_windows(self, y: Any, X: Any) -> tuple[KnownPast, ResolvedHorizon]:
        """Last window of each series, of `y` if it is passed, and what is known of it."""
        self.check_is_fitted()
        there = self if y is None else self._at(y, X)
        preprocessing = self._model.preprocessing
        resolved = last_windows(
            there._memory, there.cutoff[0], past=preprocessing.window_length, future=preprocessing.output_length
        )
        with single_thread():
            return there._known_past(resolved, there._check_X(X=X)), resolved

    def _at(self, y: Any, X: Any) -> LSTMForecaster:
        """Return a twin with the same model that stands at the end of other series."""
        inner = convert_to(y, self.get_tag("y_inner_mtype"))
        check_same_series(inner, self._memory.columns, is_panel=isinstance(inner.index, pd.MultiIndex))
        X = check_covariates(self._check_X(X=X), self._memory.covariate_columns, needed=True)
        twin = copy.copy(self)
        twin._memory = read_panel(inner, X)
        twin._summary = self._model.preprocessing.summary(twin._memory)
        twin._set_cutoff(twin._memory.axis.stamps(twin._memory.last.max(keepdims=True)))
        return twin

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> LSTMForecaster:
        self._memory = read_panel(y, X)
        self._check_values(self._memory)
        self._root_seed = resolve_seed(self.random_state)
        self._start = self._find_start(shipped=True)
        max_step = self._max_step(fh)
        with single_thread():
            result = fit(
                self._memory,
                self._settings(),
                self._start,
                max_step=max_step,
                root_seed=self._root_seed,
                engine=self._engine,
            )
        self._publish(result)
        return self

    def _pretrain(self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: Any = None) -> LSTMForecaster:
        has_trained = self.is_fitted and bool(self._log)
        start, root_seed = self._find_start(shipped=not has_trained), resolve_seed(self.random_state)
        if start is None and self.is_fitted:
            start = self._learned
        panel = read_panel(y, X)
        max_step = int(max(fh.to_numpy())) if fh is not None and fh.is_relative else None
        with single_thread():
            self.pretrained_model_ = pretrain(panel, self._settings(), start, max_step=max_step, root_seed=root_seed)
        self.n_pretrain_instances_ = getattr(self, "n_pretrain_instances_", 0) + panel.num_instances
        return self

    def _find_start(self, *, shipped: bool = False) -> PretrainedModel | None:
        """What was learned before, by `pretrain`, by the forecaster that was passed, or by the `shipped` network."""
        if self.fine_tune == "scratch":
            return None
        asked, defaults = self.get_params(deep=False), self.get_param_defaults()
        start: PretrainedModel | None = getattr(self, "pretrained_model_", None)
        if start is None and self.pretrained == SHIPPED:
            serves = shipped and conflict(shipped_model().design, asked, defaults) is None
            return shipped_model() if serves else None
        if start is None and self.pretrained is not None:
            other = self.pretrained if isinstance(self.pretrained, LSTMForecaster) else load_model(self.pretrained)
            check_has_learned(other)
            start = other._learned
        if start is not None:
            check_design(start.design, asked, defaults)
        return start

    @property
    def _learned(self) -> PretrainedModel | None:
        """What a forecaster starts from to which this one is passed: its pretraining, or else its fit."""
        start: PretrainedModel | None = getattr(self, "pretrained_model_", self.__dict__.get("_learned_by_original"))
        return as_pretrained(self._model, self._memory) if start is None and self.is_fitted else start

    @_learned.setter
    def _learned(self, learned: PretrainedModel) -> None:
        self.__dict__["_learned_by_original"] = learned

    def _survive_clone(self) -> None:
        """Let sktime copy what was learned to clones of this forecaster, as it does after `pretrain`.

        A clone of the forecaster that this one was passed to holds a clone of this one, which has forgotten its fit.
        """
        if not getattr(self, "_pretrained_attrs", None):
            self._pretrained_attrs = ["_learned"]

    def _update(self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True) -> LSTMForecaster:
        newer, older = self._read_newer(y, X), self._memory
        self._memory = older.merged(newer)
        if self._memory.num_instances > newer.num_instances:
            # sktime has set the cutoff to the end of the new data; the series that got none end where they did.
            self._set_cutoff(self._memory.axis.stamps(self._memory.last.max(keepdims=True)))
        with single_thread():
            if update_params:
                self._publish(self._updated())
            else:
                preprocessing = self._model.preprocessing
                self._summary = preprocessing.updated_summary(self._summary, older, self._memory)
        return self

    def _updated(self) -> FitResult:
        """What further training on the memory gives."""
        return update(
            self._model,
            self._memory,
            self._settings(),
            self._start,
            has_trained=bool(self._log),
            max_step=self._max_step(self._fh),
            root_seed=self._root_seed,
            engine=self._engine,
        )

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> pd.DataFrame:
        resolved = resolve_horizon(self._memory, fh, self.cutoff[0])
        values = self._forecast_rows(resolved, X)
        return pd.DataFrame(values, index=resolved.index, columns=self._memory.columns)

    def _predict_quantiles(self, fh: Any, X: pd.DataFrame | None, alpha: list[float]) -> pd.DataFrame:
        resolved = resolve_horizon(self._memory, fh, self.cutoff[0])
        values = self._forecast_rows(resolved, X, alpha)
        columns = self._get_columns(method="predict_quantiles", alpha=alpha)
        return _wide(values, resolved.index, columns)

    def _predict_var(self, fh: Any, X: pd.DataFrame | None, cov: bool = False) -> pd.DataFrame:
        if cov:
            raise ValueError("cov=True is not offered. Take covariances from predict_samples, whose paths go together.")
        resolved = resolve_horizon(self._memory, fh, self.cutoff[0])
        values = self._forecast_rows(resolved, X, EVEN_LEVELS)
        return pd.DataFrame(values.var(-1), index=resolved.index, columns=self._memory.columns)

    def _predict_proba(self, fh: Any, X: pd.DataFrame | None, marginal: bool = True) -> Any:
        empirical = empirical_distribution()
        if marginal:
            resolved = resolve_horizon(self._memory, fh, self.cutoff[0])
            samples = _stacked(self._forecast_rows(resolved, X, EVEN_LEVELS), resolved.index, self._memory.columns)
        else:
            samples = self.predict_samples(fh, X, num_samples=len(EVEN_LEVELS))
        rows = samples.xs(0).index
        return empirical(samples, time_indep=marginal, index=rows, columns=samples.columns)

    def _forecast_rows(
        self, resolved: ResolvedHorizon, X: pd.DataFrame | None, alphas: list[float] | None = None
    ) -> Array:
        """Forecast the rows of a horizon, of shape (rows, variables) or (rows, variables, alphas)."""
        return self._fill(resolved, X, Request(alphas))

    def _fill(self, resolved: ResolvedHorizon, X: pd.DataFrame | None, request: Request) -> Array:
        """Answer the request for future and past rows; NaN before the start of a series."""
        values = np.full((len(resolved.index), len(self._memory.columns), *request.shape), np.nan)
        panel = self._with_room(resolved, X, needed=resolved.is_future)
        begun = resolved.position >= self._memory.first[resolved.instance]
        at_the_end = resolved.is_future & (resolved.origin == self._memory.last[resolved.instance] + 1)
        if (chosen := begun & at_the_end).any():
            rows = resolved.only(chosen)
            summary = self._summary.only(rows.instance[pairs_of(rows)])
            values[chosen] = forecast_from_ends(self._model, panel, summary, rows, request, self._engine)
        if (chosen := begun & ~at_the_end).any():
            rows = resolved.only(chosen)
            values[chosen] = forecast_within(self._model, panel, self._summary, rows, request, self._engine)
        return values

    @property
    def _engine(self) -> Engine:
        """Where the user wants panels to be computed."""
        config = self.get_config()
        parameters, verbose = config["backend:parallel:params"], bool(self.verbose)
        return Engine(config["backend:parallel"], parameters, verbose=verbose, device=self.device)

    def _samples(self, num_samples: int, random_state: int | np.random.RandomState | None) -> Request:
        check_parameters({"num_samples": num_samples, "random_state": random_state}, SAMPLE_RULES)
        root_seed = self._root_seed if random_state is None else resolve_seed(random_state)
        return Request(num_samples=num_samples, seed=(root_seed, SAMPLE))

    def _with_room(self, resolved: ResolvedHorizon, X: pd.DataFrame | None, *, needed: Flags) -> Panel:
        """Memory with room for the rows to forecast, and their covariates, which `X` has to have where `needed`."""
        columns, labels = self._memory.covariate_columns, self._memory.static_values()
        unread = columns_where(columns, self._model.preprocessing.encoder.past_only)
        static = columns_where(columns, np.asarray(np.isfinite(labels).any(axis=0)))
        X = check_covariates(X, columns, needed=bool(needed.any()), unread=unread, static=static)
        last_needed = self._memory.last.copy()
        np.maximum.at(last_needed, resolved.instance, np.maximum(resolved.position, resolved.origin))
        panel = self._memory.extended(last_needed, covariates=labels)
        if X is not None:
            rows = panel.rows(resolved.instance, resolved.position)[needed]
            if not X.columns.isin(static).all():
                check_covered(resolved.index[needed], panel.covered_by(X)[rows])
            panel = panel.with_covariates(X, after=self._memory.last)
        return panel

    def _known_past(self, resolved: ResolvedHorizon, X: pd.DataFrame | None) -> KnownPast:
        """Memory with room for the rows to forecast, ready to be forecast from anywhere in it."""
        panel = self._with_room(resolved, X, needed=resolved.is_future)
        return self._model.past_of(panel, self._summary, complete=True)

    def _read_newer(self, y: pd.DataFrame, X: pd.DataFrame | None) -> Panel:
        check_same_series(y, self._memory.columns, is_panel=self._memory.keys is not None)
        X = check_covariates(X, self._memory.covariate_columns, needed=True)
        newer = read_panel(y, X, memory=self._memory)
        self._check_values(newer)
        return newer

    def _check_values(self, panel: Panel) -> None:
        """Check what the parameters demand of the data."""
        check_not_below(panel.values, self.lower_bound)
        if self.loss == COUNTS:
            check_counts(panel.values, self.scaler)

    def _max_step(self, fh: Any) -> int | None:
        """Largest step of the horizon, None if it is unknown or lies in the past."""
        if fh is None:
            return None
        resolved = resolve_horizon(self._memory, fh, self.cutoff[0])
        return int(resolved.step.max()) if resolved.is_future.any() else None

    def _snapshot(self) -> Snapshot:
        """All that a file needs; a pretrained forecaster that was passed as parameter becomes our own pretraining."""
        is_shipped = self.pretrained == SHIPPED
        parameters = {**self.get_params(deep=False), "pretrained": SHIPPED if is_shipped else None}
        fit = self._fit_snapshot() if self.is_fitted else None
        start = getattr(self, "pretrained_model_", self._start if self.is_fitted and not is_shipped else None)
        return Snapshot(parameters, start, getattr(self, "n_pretrain_instances_", 0), fit)

    def _fit_snapshot(self) -> Fit:
        return Fit(
            model=self._model,
            memory=self._memory,
            summary=self._summary,
            root_seed=self._root_seed,
            cutoff=self._memory.axis.position_before(self.cutoff[0]),
            log=self._log,
            mtype=self._y_mtype_last_seen,
            store=self._converter_store_y,
            horizon=None if self._fh is None else self._fh.to_pandas(),
            is_relative=self._fh is None or self._fh.is_relative,
        )

    @classmethod
    def _of(cls, snapshot: Snapshot) -> LSTMForecaster:
        """Inverse of `_snapshot`."""
        forecaster = cls(**snapshot.parameters)
        if snapshot.pretrained is not None:
            forecaster.pretrained_model_ = snapshot.pretrained
            forecaster.n_pretrain_instances_ = snapshot.num_pretrained
            forecaster._pretrained_attrs = list(forecaster.get_tag("pretrain:fitted_params"))
            forecaster._state = "pretrained"
        if snapshot.fit is not None:
            forecaster._restore(snapshot.fit)
        return forecaster

    def _restore(self, fit: Fit) -> None:
        """Restore the state after a fit, with the attributes that sktime sets in `fit`."""
        self._memory, self._root_seed = fit.memory, fit.root_seed
        self._start = self._find_start(shipped=True)
        scitype = mtype_to_scitype(fit.mtype)
        y = convert_to(fit.memory.frame(), fit.mtype, scitype, store=fit.store, store_behaviour="freeze")
        self._check_X_y(y=y)
        self._set_cutoff(fit.memory.axis.stamps(np.array([fit.cutoff])))
        self._is_vectorized = False
        self._fh = None if fit.horizon is None else ForecastingHorizon(fit.horizon, is_relative=fit.is_relative)
        self._publish(FitResult(fit.model, fit.summary, fit.log))
        self._state = "fitted"

    def _settings(self) -> Settings:
        return Settings(**self.get_params(deep=False))

    def _publish(self, result: FitResult) -> None:
        """Keep what was learned, and make the choices and the course of the training readable."""
        self._model, self._summary, self._log = result.model, result.summary, result.log
        preprocessing = self._model.preprocessing
        self.window_length_, self.output_length_ = preprocessing.window_length, preprocessing.output_length
        self.sp_ = preprocessing.periods if len(preprocessing.periods) > 1 else preprocessing.periods[0]
        self.hidden_size_ = self._model.network.size.hidden_size
        self.history_ = pd.DataFrame(result.log, columns=list(LOG_COLUMNS))

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

    def __sklearn_clone__(self) -> LSTMForecaster:
        """Clone as sktime does, for scikit-learn: what was learned by pretraining is kept."""
        clone: LSTMForecaster = self.clone()
        return clone

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


def _stacked(values: Array, index: pd.Index, columns: pd.Index) -> pd.DataFrame:
    """Tidy frame of values of shape (rows, variables, samples), sample after sample."""
    flat = np.moveaxis(values, 2, 0).reshape(-1, values.shape[1])
    return pd.DataFrame(flat, sampled_index(index, values.shape[2]), columns)


def _wide(values: Array, index: pd.Index, columns: pd.Index) -> pd.DataFrame:
    """Frame of values of shape (rows, variables) or (rows, variables, levels), one row each."""
    return pd.DataFrame(values.reshape(len(values), -1), index, columns)


def load_model(path: str | PathLike[str]) -> LSTMForecaster:
    """Read a forecaster from a file that `LSTMForecaster.save_model` has written.

    Loading runs no code: the file contains arrays and a description in JSON. A checksum detects damage; it is not a
    signature.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    LSTMForecaster
        Fitted or pretrained as it was when it was saved, with the same forecasts. `predict`, `update` and `fit` go on
        from there.

    Raises
    ------
    ValueError
        If the file was not written by `save_model`, was damaged or changed since, or comes from a newer version.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> from sktime_lstm import load_model
    >>> load_model("nowhere.safetensors")
    Traceback (most recent call last):
        ...
    FileNotFoundError: There is no file 'nowhere.safetensors'.
        Pass the path of a file written by save_model.
    """
    with single_thread():
        return LSTMForecaster._of(read_snapshot(path))
