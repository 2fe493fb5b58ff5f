"""The baseline: what covariates do, how wrong each naive forecast has been, and since when that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.anchors.track_record import PRIOR_WINDOWS, InitialMixture, fit_initial_mixture
from sktime_lstm.network.network import Network, NetworkSize, WindowBatch

NAN = torch.nan
NO_EFFECT = torch.zeros(0, 1)


def window_of(context, covariates=None, *, horizon, sp=1):
    """One scaled window of one variable."""
    context = torch.tensor(context).view(1, -1, 1)
    if covariates is None:
        covariates = torch.zeros(context.shape[1] + horizon, 0)
    return WindowBatch(context, covariates[None], sp)


def record(errors, *, pooled=1.0, bounds=(0, 4), **options):
    """Track record of a single anchor of a single variable, row by row."""
    initial_mixture = InitialMixture(NO_EFFECT, torch.tensor([[pooled]]))
    errors = torch.tensor(errors).view(-1, 1, 1)
    return initial_mixture.anchor_error_rows(errors, torch.tensor(bounds), **options).flatten().tolist()


def forecast(window, initial_mixture):
    """What the baseline alone forecasts."""
    size = NetworkSize(1, window.covariates.shape[-1], hidden_size=2)
    network = Network(size, torch.Generator().manual_seed(0))
    network.effect.copy_(initial_mixture.effect)
    known = WindowBatch(window.context, window.covariates, window.sp, initial_mixture.errors[None])
    return network(known).detach().flatten()


def test_the_error_of_a_naive_forecast_is_its_mean_distance_from_the_target():
    errors = InitialMixture(NO_EFFECT, NO_EFFECT).errors_of(
        window_of([0.0, 2.0], horizon=2), torch.tensor([[[5.0], [NAN]]])
    )
    expected = [3, 5 - 2 / 1.7, 5 - 2 / 1.9, 4, 1, 1, NAN, NAN]
    np.testing.assert_allclose(errors.flatten(), expected, rtol=1e-6)


def test_without_a_target_there_is_no_error():
    errors = InitialMixture(NO_EFFECT, NO_EFFECT).errors_of(
        window_of([0.0, 2.0], horizon=2), torch.full((1, 2, 1), NAN)
    )
    assert errors.isnan().all()


def test_errors_are_those_of_the_series_without_the_effect_of_its_covariates():
    promotion = torch.tensor([0.0, 1, 0, 0, 1, 0])
    values = 7 + 5 * promotion
    errors = InitialMixture(torch.tensor([[5.0]]), NO_EFFECT).errors_of(
        window_of(values[:4].tolist(), promotion[:, None], horizon=2), values[4:].view(1, 2, 1)
    )
    assert errors[..., : ANCHORS.index("seasonal")].abs().max() < 1e-5


def test_a_straight_line_goes_on():
    values = torch.arange(12.0)
    window = window_of(values[:8].tolist(), horizon=4)
    initial_mixture = fit_initial_mixture(window, values[8:].view(1, 4, 1))
    torch.testing.assert_close(forecast(window, with_floor(initial_mixture)), values[8:], rtol=0.01, atol=0)


def test_a_known_covariate_is_followed():
    promotion = torch.tensor([0.0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1])
    values = 5 * promotion
    window = window_of(values[:8].tolist(), promotion[:, None], horizon=4)
    initial_mixture = fit_initial_mixture(window, values[8:].view(1, 4, 1))
    torch.testing.assert_close(forecast(window, with_floor(initial_mixture)), values[8:], rtol=0, atol=0.05)


def with_floor(initial_mixture):
    """The same, with errors as a track record of nothing else shows them."""
    errors = torch.full((1, 1, len(ANCHORS)), NAN)
    return InitialMixture(
        initial_mixture.effect, initial_mixture.anchor_error_rows(errors, torch.tensor([0, 1]), delay=1)[0]
    )


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_an_error_counts_once_its_whole_window_is_past(delay):
    weighed = [(PRIOR_WINDOWS + total) / (PRIOR_WINDOWS + count) for count, total in [(0, 0), (1, 2), (2, 6), (3, 14)]]
    records = record([2.0, 4.0, 8.0, 16.0], delay=delay)
    np.testing.assert_allclose(records, ([weighed[0]] * delay + weighed[1:])[:4])


def test_a_missing_error_counts_nothing():
    np.testing.assert_allclose(record([NAN, 7.0, NAN, NAN], delay=1), [1, 1, 2, 2])


def test_a_judged_row_stands_for_those_that_were_not():
    np.testing.assert_allclose(record([7.0, NAN, NAN, NAN], delay=1, every=2)[1:], [(5 + 14) / 7] * 3)


def test_each_series_has_its_own_record():
    records = record([2.0, 4.0, 8.0, 16.0], delay=1, bounds=(0, 2, 4))
    assert records[2] == 1
    np.testing.assert_allclose(records[3], (5 + 8) / 6)


def test_a_perfect_anchor_counts_as_a_thousandth_of_the_worst_and_no_record_is_zero():
    initial_mixture = InitialMixture(NO_EFFECT, torch.tensor([[0.0, 2.0]]))
    records = initial_mixture.anchor_error_rows(torch.full((1, 1, 2), NAN), torch.tensor([0, 1]), delay=1)
    np.testing.assert_allclose(records.flatten(), [0.002, 2])
    nothing = InitialMixture(NO_EFFECT, torch.zeros(1, 2))
    assert (nothing.anchor_error_rows(torch.zeros(1, 1, 2), torch.tensor([0, 1]), delay=1) > 0).all()
