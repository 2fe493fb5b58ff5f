"""A fit without training: what is looked at of each series, whatever the chunks."""

import numpy as np
import pytest
import torch
from toys import fitted, make_settings, panel_of, season

from sktime_lstm.runtime import HERE
from sktime_lstm.storage.shipped import shipped_model
from sktime_lstm.training import untrained
from sktime_lstm.training.preparation import adapted_preprocessing
from sktime_lstm.training.pretrain import as_pretrained
from sktime_lstm.training.untrained import fit_untrained

PANEL = panel_of(season(1, 60), season(2, 40), season(3, 50), season(4, 6), season(5, 60))


def look_at(panel=PANEL, start=None):
    start = start or shipped_model()
    settings = make_settings(fine_tune="none", window_length=None, output_length=None)
    preprocessing = adapted_preprocessing(start.model.preprocessing, panel, settings, 8)
    return fit_untrained(start, panel, preprocessing, HERE)


def assert_same(found, expected):
    (model, summary), (other_model, other_summary) = found, expected
    for name in ("last", "units"):
        np.testing.assert_array_equal(getattr(summary, name), getattr(other_summary, name))
    torch.testing.assert_close(summary.error_sums.total, other_summary.error_sums.total, rtol=1e-6, atol=1e-6)
    sizes, others = (each.calibration.error_scales.series_ratio for each in (model, other_model))
    np.testing.assert_allclose(sizes, others, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_chunks_do_not_change_what_is_known_of_a_series(monkeypatch, size):
    expected = look_at()
    monkeypatch.setattr(untrained, "SERIES_PER_CHUNK", size)
    assert_same(look_at(), expected)


def test_a_series_is_known_alike_whatever_other_series_come_with_it():
    series = [season(number, 60) for number in range(1, 300)]
    (together, summary), (alone, own) = look_at(panel_of(*series)), look_at(panel_of(series[0]))
    assert together.preprocessing.scoring_stride == alone.preprocessing.scoring_stride
    torch.testing.assert_close(summary.error_sums.total[:1], own.error_sums.total, rtol=1e-6, atol=1e-6)
    sizes, size = (model.calibration.error_scales.series_ratio[0] for model in (together, alone))
    np.testing.assert_allclose(sizes, size, rtol=1e-5)


def test_the_summary_is_that_of_the_preprocessing():
    model, summary = look_at()
    expected = model.preprocessing.summary(PANEL)
    np.testing.assert_array_equal(summary.units, expected.units)
    torch.testing.assert_close(summary.error_sums.total, expected.error_sums.total, rtol=1e-6, atol=1e-6)


def test_a_series_that_has_become_wilder_has_a_larger_size():
    noise, later = np.random.default_rng(0).normal(size=80), np.arange(80) >= 50
    panel = panel_of(noise * np.where(later, 9, 1 / 9), noise, noise * np.where(later, 1 / 9, 9))
    wilder, same, calmer = look_at(panel)[0].calibration.error_scales.series_ratio[:, 0]
    assert wilder > 1.3 > 1 > same > calmer


def test_a_model_of_other_series_keeps_its_errors():
    start = as_pretrained(fitted(), PANEL)
    model, _ = look_at(start=start)
    assert model.calibration is start.model.calibration
    assert model.network is start.model.network
