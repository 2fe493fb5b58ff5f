"""A fit that trains nothing: each series is only looked at, in chunks, which the engine of the user may run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from sktime_lstm.anchors.track_record import own_errors
from sktime_lstm.data.panel import Array, Panel
from sktime_lstm.forecasting.fitted_model import FittedModel, PretrainedModel
from sktime_lstm.forecasting.preprocessing import HistorySummary, Preprocessing
from sktime_lstm.forecasting.requests import SERIES_PER_CHUNK, chunks
from sktime_lstm.runtime import Engine
from sktime_lstm.training.holdout import HeldOutErrors
from sktime_lstm.training.preparation import known_errors, mean_errors_of, prepare


@dataclass(frozen=True)
class Look:
    """Some series, and the model that will forecast them.

    Attributes
    ----------
    model : FittedModel
        With the preprocessing of the whole panel.
    panel : Panel
        The series.
    with_sizes : bool
        Whether to measure how large the errors of each series are.
    """

    model: FittedModel
    panel: Panel
    with_sizes: bool

    def answer(self) -> tuple[HistorySummary, Array | None]:
        """What a forecast needs to know of the series, and how large the errors of each are."""
        model = self.model
        anchored = model.prior_errors is not None
        prepared = prepare(
            self.panel, model.preprocessing, anchored=anchored, prior_errors=model.prior_errors, to_train=False
        )
        sizes = HeldOutErrors(model.network, prepared).sizes(model.calibration) if self.with_sizes else None
        return prepared.summary, sizes


def fit_untrained(
    start: PretrainedModel, panel: Panel, preprocessing: Preprocessing, engine: Engine
) -> tuple[FittedModel, HistorySummary]:
    """Take a pretrained model as it is; what serves any series has intervals by the errors of each."""
    prior_errors = _prior_errors(start.model, panel, preprocessing)
    model = replace(start.model, preprocessing=preprocessing, prior_errors=prior_errors)
    parts = chunks(panel.num_instances, SERIES_PER_CHUNK)
    looks = (Look(model, panel.part(part[0], part[-1] + 1), start.is_universal) for part in parts)
    summaries, sizes = zip(*engine.run(looks, len(parts)), strict=True)
    if start.is_universal:
        model = replace(model, calibration=model.calibration.with_sizes(np.concatenate(sizes), panel.keys))
    return model, HistorySummary.joined(summaries)


def _prior_errors(model: FittedModel, panel: Panel, preprocessing: Preprocessing) -> Tensor | None:
    """Errors of the naive forecasts before a series has shown any."""
    if model.prior_errors is None:
        return None
    if model.preprocessing.is_universal:
        # As it has learned: how wrong they were in other series does not tell how certain it may be.
        return own_errors(len(panel.columns))
    known = known_errors(model, preprocessing)
    return mean_errors_of(panel, preprocessing) if known is None else known
