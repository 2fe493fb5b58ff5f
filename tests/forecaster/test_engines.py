"""The engine that the user sets in sktime's configuration: chunks of series run there, with the same numbers."""

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.model_evaluation import evaluate
from sktime.split import ExpandingWindowSplitter
from sktime.utils.parallel import backend_dict
from toys import panel_of_waves, small, wave

from sktime_lstm import LSTMForecaster, runtime
from sktime_lstm.forecasting import requests
from sktime_lstm.runtime import Engine
from sktime_lstm.training import untrained

NUM_CHUNKS = 3

BACKENDS = {
    "threads": ("threading", {"n_jobs": 2}),
    "loky": ("loky", {"n_jobs": 2}),
    "dask": ("dask", {"scheduler": "threads", "num_workers": 2}),
}


@pytest.fixture(scope="module")
def two_dask_processes():
    """Let dask compute in a local cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        yield


@pytest.fixture(scope="module")
def ray_of_two():
    """Start two processes of ray once, and return the parameters that leave them running."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield {"shutdown_ray": False, "mute_warnings": True}
    ray.shutdown()


@pytest.fixture
def chunked(monkeypatch):
    """Let a chunk hold two series."""
    for module in (requests, untrained):
        monkeypatch.setattr(module, "SERIES_PER_CHUNK", 2)


@pytest.fixture
def forecaster(chunked):
    return small().fit(panel_of_waves(2 * NUM_CHUNKS))


def answers(forecaster):
    fh = [-1, 1, 9]
    return pd.concat([forecaster.predict(fh), forecaster.predict_quantiles(fh, alpha=[0.1, 0.9])], axis=1)


def assert_same_numbers(forecaster, backend, parameters):
    expected = answers(forecaster)
    forecaster.set_config(**{"backend:parallel": backend, "backend:parallel:params": parameters})
    pd.testing.assert_frame_equal(answers(forecaster), expected, check_exact=True)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_engine_forecasts_the_same_to_the_last_digit(forecaster, name):
    if name == "dask":
        pytest.importorskip("dask")
    assert_same_numbers(forecaster, *BACKENDS[name])


def test_processes_of_dask_forecast_the_same_to_the_last_digit(forecaster, two_dask_processes):
    assert_same_numbers(forecaster, "dask", {})


@pytest.mark.parametrize("name", ["none", *BACKENDS])
def test_every_engine_fits_the_same_where_nothing_is_trained(chunked, name):
    y = panel_of_waves(2 * NUM_CHUNKS)
    first, second = (LSTMForecaster(fine_tune="none", random_state=0) for _ in range(2))
    backend, parameters = BACKENDS.get(name, (None, None))
    second.set_config(**{"backend:parallel": backend, "backend:parallel:params": parameters})
    expected, found = (each.fit(y).predict_quantiles(range(1, 10), alpha=[0.1, 0.9]) for each in (first, second))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.slow
def test_ray_forecasts_the_same_to_the_last_digit(forecaster, ray_of_two):
    assert_same_numbers(forecaster, "ray", ray_of_two)


def assert_same_scores(backend, parameters):
    cv, y = ExpandingWindowSplitter(fh=[1, 2], initial_window=40, step_length=8), wave(60)
    scores = [
        evaluate(small(), cv, y, error_score="raise", **options).filter(like="test_").to_numpy()
        for options in ({}, {"backend": backend, "backend_params": parameters})
    ]
    np.testing.assert_array_equal(*scores)


def test_folds_of_evaluate_run_on_dask():
    pytest.importorskip("dask")
    assert_same_scores("dask", {"scheduler": "threads"})


@pytest.mark.slow
def test_folds_of_evaluate_run_on_ray(ray_of_two):
    assert_same_scores("ray", ray_of_two)


def test_the_chunks_are_what_the_engine_gets(forecaster, monkeypatch):
    seen = []

    def listen(run, jobs, meta, backend, parameters):
        jobs = list(jobs)
        seen.append((len(jobs), backend, parameters))
        return [run(job, meta=meta) for job in jobs]

    monkeypatch.setattr(runtime, "parallelize", listen)
    forecaster.set_config(**{"backend:parallel": "loky", "backend:parallel:params": {"n_jobs": 2}})
    forecaster.predict([1])
    assert seen == [(NUM_CHUNKS, "loky", {"n_jobs": 2})]


def test_the_chunks_of_a_fit_without_training_are_what_the_engine_gets(chunked, capsys):
    LSTMForecaster(fine_tune="none", verbose=1).fit(panel_of_waves(2 * NUM_CHUNKS))
    assert f"{NUM_CHUNKS}/{NUM_CHUNKS}" in capsys.readouterr().err


def test_a_single_chunk_starts_no_processes(monkeypatch):
    forecaster = small().fit(wave(40)).set_config(**{"backend:parallel": "loky"})
    monkeypatch.setattr("joblib.Parallel", None)
    forecaster.predict([1])


def test_a_bar_counts_the_chunks(forecaster, capsys):
    forecaster.verbose = 1
    forecaster.predict([1])
    assert f"{NUM_CHUNKS}/{NUM_CHUNKS}" in capsys.readouterr().err


def test_nothing_asked_is_nothing_answered():
    assert Engine().run([], 0) == []


@pytest.mark.parametrize("backend", ["nonsense", "dask_lazy"])
def test_an_unknown_engine_is_refused_even_where_it_would_not_be_used(backend):
    forecaster = LSTMForecaster().fit(wave(40)).set_config(**{"backend:parallel": backend})
    with pytest.raises(ValueError, match=f"backend:parallel='{backend}' is none of .*'loky'.* set_config"):
        forecaster.predict([1])


def test_every_engine_of_sktime_that_computes_at_once_is_known():
    assert {*runtime.BACKENDS, "dask_lazy"} == set(backend_dict)
