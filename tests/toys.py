"""Toy panels and models for the tests of several modules."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import torch

from sktime_lstm.data.panel import read_panel
from sktime_lstm.forecaster import LSTMForecaster
from sktime_lstm.training.fit import fit_from_scratch
from sktime_lstm.training.settings import Settings

NAN = np.nan

# For tests whose point are series too short to train on.
TOO_SHORT = pytest.mark.filterwarnings("ignore:y has too few observed points")
SMALL = {"window_length": 6, "output_length": 2, "sp": 4, "hidden_size": 3, "max_epochs": 3}
STEPS = np.arange(1, 8)


def make_settings(**changes):
    """Settings of a forecaster that is small unless told otherwise."""
    chosen = LSTMForecaster(**{**SMALL, **changes}).get_params(deep=False)
    return Settings(**{field.name: chosen[field.name] for field in fields(Settings)})


def season(number, length=30):
    noise = np.random.default_rng(number).normal(scale=0.3, size=length)
    return 10 * number + np.tile([0.0, 3, -1, 2], 40)[:length] + noise


def panel_of(*series, order=1):
    """A panel of these series, its rows in order or, with -1, from the last to the first."""
    frames = [pd.DataFrame({"y": np.asarray(values, dtype=float)}) for values in series]
    return read_panel(pd.concat(frames, keys=range(len(frames)))[::order], None)


TOY = panel_of(season(1), season(2, 24), season(3, 27))


def result_of(panel=TOY, *, root_seed=0, max_step=None, **changes):
    return fit_from_scratch(panel, make_settings(**changes), max_step=max_step, root_seed=root_seed)


def fitted(panel=TOY, *, root_seed=0, max_step=None, **changes):
    return result_of(panel, root_seed=root_seed, max_step=max_step, **changes).model


def past_of(model, panel=TOY, *, steps=0, complete=True):
    """The past of a panel, with room for so many steps after the end of each series."""
    return model.past_of(panel.extended(panel.last + steps), model.preprocessing.summary(panel), complete=complete)


def forecast(model, panel=TOY, *, instance=0, back=0, steps=STEPS, alphas=None):
    """Forecast of one series from its end, or from so many points before it."""
    past = past_of(model, panel, steps=int(max(steps)))
    origin = past.panel.bounds[instance + 1] - int(max(steps)) - back
    return model.forecast(past, np.full(len(steps), origin), np.asarray(steps), alphas)


def random_numbers(origins=1, seed=0):
    """Numbers in [0, 1) for so many origins, as `FittedModel.sample` asks for them."""
    return lambda draw, shape: np.random.default_rng([seed, draw]).random((origins, *shape))


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.network.parameters()])


def small(**parameters):
    """A forecaster that trains in an instant."""
    return LSTMForecaster(**{"max_epochs": 3, "hidden_size": 4, "random_state": 0, **parameters})


def wave(length, index=None, seed=0):
    """A random walk with a season of four."""
    generator = np.random.default_rng(seed)
    values = 10 + generator.normal(size=length).cumsum() / 4 + np.tile([0, 3, 1, -2], length)[:length]
    return pd.Series(values, index=index)


def panel_of_waves(number, seed=0, length=60):
    """Monthly frames, one series for each seed from `seed` on."""
    months = pd.period_range("2010-01", periods=length, freq="M")
    return pd.concat({seed + k: wave(length, months, seed + k).to_frame("y") for k in range(number)})
