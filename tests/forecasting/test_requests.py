"""Requests for many series: chunks of them, each answered by itself, on whatever engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toys import panel_of_waves, small

from sktime_lstm.forecasting import requests
from sktime_lstm.forecasting.requests import Request


@pytest.fixture(scope="module")
def forecaster():
    return small().fit(panel_of_waves(5))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_size_of_the_chunks_moves_no_answer(forecaster, monkeypatch, size):
    def answers():
        fh = [-2, 0, 1, 4]
        return np.column_stack([forecaster.predict(fh), forecaster.predict_quantiles(fh, alpha=[0.1, 0.9])])

    def paths():
        return forecaster.predict_samples([-1, 1, 9], num_samples=3)

    expected = answers(), paths()
    monkeypatch.setattr(requests, "SERIES_PER_CHUNK", size)
    monkeypatch.setattr(requests, "MAX_PATHS", 3 * size)
    np.testing.assert_allclose(answers(), expected[0], rtol=1e-6)
    np.testing.assert_allclose(paths(), expected[1], rtol=1e-6)


def test_series_are_drawn_independently_and_the_future_apart_from_the_past():
    y = panel_of_waves(1)
    twins = pd.concat({"a": y.droplevel(0), "b": y.droplevel(0)})
    paths = small().fit(twins).predict_samples([0, 1], num_samples=50)["y"].unstack([1, 2]).to_numpy()
    together = np.corrcoef(paths.T)
    assert (np.abs(together[~np.eye(4, dtype=bool)]) < 0.5).all()


def test_an_answer_has_a_value_for_each_level_or_sample():
    assert Request().shape == ()
    assert Request([0.1, 0.9]).shape == (2,)
    assert Request(num_samples=7).shape == (7,)


def test_the_more_paths_the_fewer_series_at_once():
    assert Request().series_per_chunk == 512
    assert Request(num_samples=1_000).series_per_chunk == 8
    assert Request(num_samples=10**9).series_per_chunk == 1
