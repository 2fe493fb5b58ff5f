"""What held-out windows show: how much of what was learned lasts, and how large the errors are."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toys import TOY, make_settings, panel_of, season

from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.network.network import Network, NetworkSize
from sktime_lstm.training.holdout import HeldOutErrors, measure_errors, select_share
from sktime_lstm.training.preparation import choose_preprocessing, prepare


@dataclass
class Given:
    """Windows and targets that are there already."""

    window: WindowBatch
    target: torch.Tensor

    @property
    def windows(self):
        return SimpleNamespace(horizon=self.window.horizon, points_per_window=10)

    def __len__(self):
        return len(self.target)

    def batch(self, chosen):
        window = WindowBatch(self.window.context[chosen], self.window.covariates[chosen], self.window.sp)
        return window, self.target[chosen]


def learned_one(number=200, **size):
    """A network that has learned to add 1 to the naive forecasts, windows, and what it forecast before."""
    generator = torch.Generator().manual_seed(1)
    network = Network(NetworkSize(1, 0, hidden_size=2, **size), generator).eval()
    window = WindowBatch(torch.randn(number, 8, 1, generator=generator), torch.zeros(number, 10, 0), 1)
    output = network(window).detach()
    with torch.no_grad():
        network.output.bias[0] = 1.0
    untrained = output if output.ndim == 3 else output[..., 0]
    return network, window, untrained, generator


@pytest.mark.parametrize("lasting", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize(("noise", "seen"), [(0.05, True), (50.0, False)])
@pytest.mark.parametrize("outputs", [0, 1], ids=["forecast alone", "with a spread"])
def test_half_is_kept_of_what_was_learned_unless_held_out_windows_show_another_factor(lasting, noise, seen, outputs):
    network, window, untrained, generator = learned_one(num_distribution_outputs=outputs)
    target = untrained + lasting + noise * torch.randn(untrained.shape, generator=generator)
    assert select_share(network, Given(window, target)) == (lasting if seen else 0.5)


def test_missing_targets_say_nothing_of_the_factor():
    network, window, untrained, _ = learned_one()
    target = untrained + 1.0
    target[::2] = torch.nan
    assert select_share(network, Given(window, target)) == 1.0


def test_the_network_is_left_as_it_was():
    network, window, untrained, _ = learned_one()
    before = network.output.bias.detach().clone()
    select_share(network, Given(window, untrained))
    assert network.output.bias.equal(before)


# ---- errors ----------------------------------------------------------------------------------------------------------


def measured(panel=TOY, *, max_step=None, **changes):
    """Errors of a network that has learned nothing."""
    settings = make_settings(**changes)
    ready = prepare(panel, choose_preprocessing(panel, settings, max_step), anchored=settings.anchored)
    size = NetworkSize(len(panel.columns), len(panel.covariate_columns), hidden_size=2, anchored=settings.anchored)
    return HeldOutErrors(Network(size, torch.Generator().manual_seed(0)).eval(), ready)


@pytest.mark.parametrize(
    ("length", "max_step", "expected"), [(100, 10, 10), (100, 60, 25), (100, None, 8), (30, 10, 7)]
)
def test_errors_are_measured_as_far_as_asked_for_and_a_quarter_of_the_series_reaches(length, max_step, expected):
    errors = measured(panel_of(season(1, length)), output_length=1)
    assert errors.calibration(max_step).steps == expected


def test_errors_are_those_of_the_latest_quarter_of_the_windows():
    quiet = np.random.default_rng(0).normal(size=400)
    loud_before, loud_after = np.where(np.arange(400) < 200, 50.0, 1.0), np.where(np.arange(400) < 300, 1.0, 50.0)
    typical = [
        measured(panel_of(quiet * size), output_length=1, sp=1).calibration(1).error_scales.typical_scale.item()
        for size in (np.ones(400), loud_before, loud_after)
    ]
    assert typical[1] == pytest.approx(typical[0], rel=0.01)
    assert typical[2] > 20 * typical[0]


def test_the_error_of_the_last_value_of_a_random_walk_grows_with_the_root_of_the_step():
    walk = np.random.default_rng(0).normal(size=2_000).cumsum()
    errors = measured(panel_of(walk), output_length=1, sp=1, window_length=16)
    calibration = errors.calibration(4)
    assert 0.3 < errors.growth(calibration, 0).item() < 0.7


def test_the_error_of_a_steady_level_does_not_grow():
    noise = np.random.default_rng(0).normal(size=2_000)
    errors = measured(panel_of(noise), output_length=1, sp=1, window_length=16)
    assert errors.growth(errors.calibration(4), 0).item() < 0.1


def test_where_the_series_hardly_reaches_farther_sample_paths_show_the_growth():
    errors = measured(panel_of(season(1, 60)), output_length=1)
    calibration = errors.calibration(12)
    assert calibration.steps == 12
    growth = errors.growth(calibration, 0)
    assert 0 <= growth.item() <= 1
    np.testing.assert_array_equal(errors.growth(calibration, 0), growth)


def test_measured_errors_carry_their_growth():
    errors = measured()
    whole = measure_errors(errors.network, errors.prepared, 4, root_seed=0)
    np.testing.assert_array_equal(whole.growth, errors.growth(errors.calibration(4), 0))
    np.testing.assert_array_equal(whole.rmse_by_step, errors.calibration(4).rmse_by_step)


def test_a_window_that_does_not_vary_shows_no_error():
    constant = np.r_[season(1, 40), np.full(20, 7.0)]
    calibration = measured(panel_of(constant), output_length=1).calibration(2)
    assert np.isfinite(calibration.rmse_by_step).all()
