"""The track record: how wrong each naive forecast has been, since when that is known, and what a series tells."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from sktime_lstm.anchors.naive import ANCHORS
from sktime_lstm.anchors.smoothing import smoothing_forecasts
from sktime_lstm.anchors.track_record import (
    PRIOR_WINDOWS,
    ErrorSums,
    TrackRecord,
    anchor_errors,
    mean_errors,
    score_anchors,
)
from sktime_lstm.data.scaling import unit_scale, window_scale
from sktime_lstm.data.windows import ScaledWindows, WindowBatch, WindowIndex

NAN = torch.nan
PRIOR = torch.ones(1, 1)


def window_of(*context, horizon, sp=1):
    """One scaled window of one variable."""
    return WindowBatch(torch.tensor(context).view(1, -1, 1), torch.zeros(1, len(context) + horizon, 0), sp)


def column(*target):
    return torch.tensor(target).view(1, -1, 1)


def windows_over(*series, horizon=1, window_length=2, first=2):
    """Windows at every row of these series from the `first` on whose future is complete."""
    bounds = np.concatenate([[0], np.cumsum([len(values) for values in series])])
    origins = [np.arange(start + first, end - horizon + 1) for start, end in pairwise(bounds)]
    flat = torch.tensor(np.concatenate(series), dtype=torch.float64)[:, None]
    return WindowIndex(
        flat,
        torch.zeros(len(flat), 0),
        torch.from_numpy(bounds),
        torch.from_numpy(np.concatenate(origins)),
        window_length,
        horizon,
        sp=1,
    )


def record_of(last_rows, errors, *, bounds=(0, 9)):
    """Track record of one anchor of one variable; a missing error counts nothing."""
    errors = np.array(errors, dtype=float)
    sums = np.stack([np.nan_to_num(errors), np.isfinite(errors)])
    running = np.concatenate([np.zeros((2, 1)), sums.cumsum(axis=1)], axis=1)
    return TrackRecord(
        torch.tensor(last_rows), torch.tensor(running, dtype=torch.float64)[..., None, None], torch.tensor(bounds)
    )


def errors_at(record, *origins, prior=PRIOR):
    return record.errors_at(torch.tensor(origins), prior).flatten().tolist()


# ---- the error of a window -------------------------------------------------------------------------------------------


def test_the_error_of_a_naive_forecast_is_its_mean_distance_from_the_target():
    window = window_of(0.0, 2.0, horizon=2)
    errors = anchor_errors(window, column(5.0, NAN))
    smoothed = smoothing_forecasts(window.context, horizon=2).forecast[0, 0, 0]
    expected = [3, 5 - 2 / 1.7, 5 - 2 / 1.9, 4, 1, *(5 - smoothed).abs(), NAN, NAN]
    np.testing.assert_allclose(errors.flatten(), expected, rtol=1e-6)


def test_without_a_target_there_is_no_error():
    assert anchor_errors(window_of(0.0, 2.0, horizon=2), column(NAN, NAN)).isnan().all()


def test_the_mean_error_over_all_windows_is_zero_where_a_naive_forecast_does_not_exist():
    windows = windows_over([0.0, 2, 5, 4])
    errors = mean_errors(ScaledWindows(windows, unit_scale, torch.device("cpu")))
    # The last value is 3 and then 1 away, the line 1 and then 4.
    assert errors[0, ANCHORS.index("last")].item() == pytest.approx(2)
    assert errors[0, ANCHORS.index("drift")].item() == pytest.approx(2.5)
    assert errors[0, ANCHORS.index("seasonal")].item() == 0


# ---- scoring ---------------------------------------------------------------------------------------------------------


def last_errors(record):
    """Errors of the last value in each scored window."""
    return record.sums[0, :, 0, ANCHORS.index("last")].diff().tolist()


def test_each_window_is_scored_and_its_error_known_after_its_last_row():
    record = score_anchors(windows_over([0.0, 2, 5, 4, 8], horizon=2), unit_scale, weight=1)
    assert record.last_rows.tolist() == [3, 4]
    # From 2 to 5 and 4 it is 3 and 2, from 5 to 4 and 8 it is 1 and 3.
    assert last_errors(record) == [2.5, 2.0]


def test_errors_are_counted_in_the_scale_of_the_window():
    # The past is 1 +- 1 in some unit, and the next value one and a half of these units above the last.
    record = score_anchors(windows_over([0.0, 2, 3.5]), window_scale, weight=1)
    scaled = score_anchors(windows_over([0.0, 200, 350]), window_scale, weight=1)
    assert last_errors(record) == last_errors(scaled) == [1.5]


def test_a_window_that_does_not_vary_shows_nothing():
    record = score_anchors(windows_over([3.0, 3, 8, 9]), window_scale, weight=1)
    assert record.sums[1, :, 0, 0].tolist() == [0, 0, 1]


def test_a_missing_target_shows_nothing():
    record = score_anchors(windows_over([1.0, 3, NAN, 9]), unit_scale, weight=1)
    assert record.sums[1, :, 0, 0].tolist() == [0, 0, 1]


def test_a_scored_window_stands_for_those_between_that_were_not():
    once, thrice = (score_anchors(windows_over([0.0, 2, 5, 4]), unit_scale, weight=weight) for weight in (1, 3))
    torch.testing.assert_close(thrice.sums, 3 * once.sums)


def test_without_windows_there_is_an_empty_record():
    record = score_anchors(windows_over([1.0, 2.0]), unit_scale, weight=1)
    assert len(record.last_rows) == 0
    assert record.errors_at(torch.tensor([0, 1]), torch.full((1, len(ANCHORS)), 3.0)).unique().tolist() == [3.0]
    assert record.totals().count.tolist() == [[[0] * len(ANCHORS)]]


# ---- what is known at an origin --------------------------------------------------------------------------------------


def test_an_error_counts_once_its_whole_window_is_past():
    record = record_of([3, 5], [2.0, 8.0])
    known = [PRIOR_WINDOWS / PRIOR_WINDOWS, (5 + 2) / 6, (5 + 2 + 8) / 7]
    np.testing.assert_allclose(errors_at(record, 3, 4, 5, 6, 8), np.array(known)[[0, 1, 1, 2, 2]], rtol=1e-6)


def test_no_error_at_an_origin_depends_on_what_comes_after_it():
    values = np.random.default_rng(0).normal(size=20)
    later = np.where(np.arange(20) >= 12, 100.0, values)
    origins, prior = torch.arange(20), torch.ones(1, len(ANCHORS))
    before, after = (
        score_anchors(windows_over(series, horizon=3), window_scale, weight=1).errors_at(origins, prior)
        for series in (values, later)
    )
    assert before[:13].equal(after[:13])
    assert not before[13:].equal(after[13:])


def test_the_prior_counts_as_five_windows():
    assert PRIOR_WINDOWS == 5
    assert errors_at(record_of([3], [7.0]), 4, prior=torch.tensor([[4.0]])) == pytest.approx([(5 * 4 + 7) / 6])


def test_a_missing_error_counts_nothing():
    assert errors_at(record_of([2, 3, 4], [NAN, 7.0, NAN]), 3, 4, 5) == [1, 2, 2]


def test_series_do_not_mix():
    record = record_of([2, 5, 7], [2.0, 8.0, 14.0], bounds=(0, 4, 9))
    # In the second series the error of 2 of the first one counts nothing.
    np.testing.assert_allclose(errors_at(record, 3, 4, 5, 6, 8), [7 / 6, 1, 1, 13 / 6, 27 / 7], rtol=1e-6)


def test_a_perfect_anchor_counts_as_a_thousandth_of_the_worst_and_no_error_is_zero():
    nothing = TrackRecord(torch.zeros(0, dtype=torch.int64), torch.zeros(2, 1, 1, 2), torch.tensor([0, 4]))
    np.testing.assert_allclose(errors_at(nothing, 1, prior=torch.tensor([[0.0, 2.0]])), [0.002, 2], rtol=1e-6)
    assert min(errors_at(nothing, 1, prior=torch.zeros(1, 2))) > 0


def test_errors_come_in_the_precision_of_the_network():
    assert record_of([3], [7.0]).errors_at(torch.tensor([4]), PRIOR).dtype == torch.float32


# ---- sums ------------------------------------------------------------------------------------------------------------

SERIES = [np.random.default_rng(number).normal(size=length).cumsum() for number, length in enumerate([20, 3, 12])]


def scored(*series, horizon=2, weight=1, **options):
    return score_anchors(windows_over(*series, horizon=horizon, **options), window_scale, weight=weight)


def test_the_totals_are_the_sums_of_each_series_alone():
    together = scored(*SERIES).totals()
    for number, values in enumerate(SERIES):
        alone = scored(values).totals()
        torch.testing.assert_close(together.total[number], alone.total[0])
        torch.testing.assert_close(together.count[number], alone.count[0])


def test_the_sums_at_the_end_tell_what_the_whole_record_tells_after_the_last_row():
    whole, prior = scored(*SERIES), torch.rand(1, len(ANCHORS), generator=torch.Generator().manual_seed(0))
    # One more row at the end of each series, to be forecast.
    extended = np.concatenate([[0], np.cumsum([len(values) + 1 for values in SERIES])])
    at_the_end = whole.totals().at_the_end(torch.from_numpy(extended))
    found = at_the_end.errors_at(torch.from_numpy(extended[1:] - 1), prior)
    for number, values in enumerate(SERIES):
        record = scored(values)
        longer = replace(record, bounds=torch.tensor([0, len(values) + 1]))
        torch.testing.assert_close(found[number], longer.errors_at(torch.tensor([len(values)]), prior)[0])


def test_the_sums_of_a_tail_hold_at_every_row_of_it():
    bounds = torch.tensor([0, 4, 6])
    sums = ErrorSums(torch.tensor([10.0, 0.0]).view(2, 1, 1), torch.tensor([5.0, 0.0]).view(2, 1, 1))
    record = sums.at_the_end(bounds)
    np.testing.assert_allclose(errors_at(record, 1, 3, 4, 5), [15 / 10, 15 / 10, 1, 1])


def test_sums_plus_those_of_later_windows_are_the_sums_of_all():
    windows = windows_over(*SERIES, horizon=2)
    late = (
        windows.origins
        >= torch.tensor([14, 22, 30])[torch.bucketize(windows.origins, windows.bounds[1:-1], right=True)]
    )
    early, later = (
        score_anchors(replace(windows, origins=windows.origins[part]), window_scale, weight=1) for part in (~late, late)
    )
    assert 0 < len(early.last_rows) < len(windows)
    together, whole = early.totals().plus(later.totals(), torch.arange(3)), scored(*SERIES).totals()
    torch.testing.assert_close(together.total, whole.total)
    torch.testing.assert_close(together.count, whole.count)


def test_sums_are_added_to_those_of_the_same_series_and_a_new_series_starts_from_nothing():
    old = ErrorSums(torch.tensor([1.0, 2.0]).view(2, 1, 1), torch.tensor([10.0, 20.0]).view(2, 1, 1))
    newer = ErrorSums(torch.tensor([100.0, 200.0, 300.0]).view(3, 1, 1), torch.ones(3, 1, 1))
    found = old.plus(newer, torch.tensor([1, -1, 0]))
    assert found.total.flatten().tolist() == [102, 200, 301]
    assert found.count.flatten().tolist() == [21, 1, 11]


def test_of_a_series_alone_a_single_window_tells_nothing():
    record, own = record_of([3, 4], [7.0, 1.0]), torch.full((1, 1), NAN)
    assert errors_at(record, 4, prior=own) == errors_at(record, 0, prior=own)
    assert errors_at(record, 5, prior=own) == pytest.approx([4.0])
    assert errors_at(record, 4) != errors_at(record, 0)


@pytest.mark.parametrize(("verbose", "many", "shown"), [(True, 1, True), (True, 100, False), (False, 1, False)])
def test_a_bar_counts_the_batches_of_a_large_panel_on_request(capsys, monkeypatch, verbose, many, shown):
    monkeypatch.setattr("sktime_lstm.anchors.track_record.MANY_BATCHES", many)
    score_anchors(windows_over(np.arange(9.0), horizon=3), window_scale, weight=1, verbose=verbose)
    assert ("naive forecasts" in capsys.readouterr().err) == shown
