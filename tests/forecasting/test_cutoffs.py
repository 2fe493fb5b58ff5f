"""What was known at earlier cutoffs: by hand, and as one update after the other finds it."""

from __future__ import annotations

import numpy as np
import pytest
from toys import NAN, fitted, panel_of, season

from sktime_lstm.data.horizon import resolve_at
from sktime_lstm.forecasting.cutoffs import standpoints, summaries_at


def at_cutoffs(panel, *cutoffs):
    return standpoints(panel, *resolve_at(panel, np.array([1, 2]), np.array(cutoffs)))


def test_a_standpoint_is_a_series_at_a_cutoff_by_which_it_has_begun():
    at = at_cutoffs(panel_of([1, 2, 3, 4], [5, 6]), 0, 2)
    assert len(at) == 4
    assert at.cutoff.tolist() == [0, 0, 1, 1]
    assert at.instance.tolist() == [0, 1, 0, 1]
    assert at.end.tolist() == [0, 0, 2, 1]
    assert at.previous().tolist() == [-1, -1, 0, 1]


def test_observations_are_counted_up_to_each_standpoint():
    at = at_cutoffs(panel_of([1, NAN, 3, 4], [NAN, 6, 7]), 0, 1, 2)
    assert at.num_observed().tolist() == [1, 0, 1, 1, 2, 2]


def test_a_history_ends_at_its_standpoint():
    at = at_cutoffs(panel_of([1, 2, 3, 4], [5, 6]), 0, 2)
    history = at.histories(np.array([2, 1]))
    assert history.values[:, 0].tolist() == [1, 2, 3, 5]
    assert history.keys.tolist() == [0, 1]


@pytest.mark.parametrize("changes", [{}, {"sp": [4, 13]}], ids=["at once", "one by one"])
def test_every_summary_is_that_of_one_update_after_the_other(changes):
    panel = panel_of(season(1, 60), season(2, 33), season(3, 50))
    preprocessing = fitted(panel, **changes).preprocessing
    cutoffs = [25, 28, 34, 48, 59]
    at = at_cutoffs(panel, *cutoffs)
    start = at.histories(np.flatnonzero(at.cutoff == 0))
    summary = preprocessing.summary(start)
    found = summaries_at(preprocessing, at, known=summary, known_panel=start)
    before = start
    for number in range(len(cutoffs)):
        chosen = np.flatnonzero(at.cutoff == number)
        after = at.histories(chosen)
        summary, before = preprocessing.updated_summary(summary, before, after), after
        mine = found.only(chosen)
        np.testing.assert_array_equal(mine.last, summary.last)
        np.testing.assert_allclose(mine.units, summary.units)
        np.testing.assert_allclose(mine.error_sums.total, summary.error_sums.total, rtol=1e-5)
        np.testing.assert_array_equal(mine.error_sums.count, summary.error_sums.count)
        for table, expected in zip(mine.season_tables, summary.season_tables, strict=True):
            np.testing.assert_allclose(table, expected)
