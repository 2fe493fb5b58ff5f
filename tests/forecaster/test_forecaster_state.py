"""What the forecaster remembers and what it leaves alone: updates, copies, files, seeds, threads and silence."""

import copy
import pickle
import random
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sktime.base import load
from sktime.split import ExpandingWindowSplitter
from toys import TOO_SHORT, small, wave


def answers(forecaster):
    """Point forecasts of past and future and their intervals, in one array."""
    fh = range(-5, 9)
    return np.column_stack([forecaster.predict(fh=fh), forecaster.predict_interval(fh=fh)])


def weights(forecaster):
    network = forecaster._model.network
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).numpy().copy()


def global_random_state():
    return torch.get_rng_state().tolist(), pickle.dumps(np.random.get_state()), random.getstate()  # noqa: NPY002


@pytest.fixture
def two_torch_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


# Update


def test_update_moves_the_forecast_to_the_new_end():
    y = wave(50)
    forecaster = small().fit(y[:40]).update(y[40:], update_params=False)
    assert list(forecaster.predict(fh=[1, 2]).index) == [50, 51]


def test_update_without_training_keeps_the_weights_and_changes_the_forecast():
    y = wave(50)
    forecaster = small().fit(y[:40])
    before, forecast = weights(forecaster), forecaster.predict(fh=[1]).to_numpy()
    forecaster.update(y[40:], update_params=False)
    assert_array_equal(weights(forecaster), before)
    assert forecaster.predict(fh=[1]).to_numpy() != forecast


def test_update_with_training_changes_the_weights():
    y = wave(50)
    forecaster = small().fit(y[:40])
    before = weights(forecaster)
    assert np.abs(weights(forecaster.update(y[40:])) - before).max() > 0


@pytest.mark.parametrize("update_params", [False, True])
def test_overlapping_and_disjoint_updates_agree(update_params):
    y = wave(50)
    disjoint = small().fit(y[:40]).update(y[40:], update_params=update_params)
    overlapping = small().fit(y[:40]).update(y, update_params=update_params)
    assert_array_equal(answers(overlapping), answers(disjoint))


def test_point_by_point_is_as_good_as_all_at_once():
    y = wave(50)
    together, single = small().fit(y[:40]).update(y[40:], update_params=False), small().fit(y[:40])
    for time in range(40, 50):
        single.update(y[[time]], update_params=False)
    assert_array_equal(answers(single), answers(together))


def test_a_newer_value_replaces_the_old_one():
    y = wave(40)
    corrected = y.copy()
    corrected[38] = 30.0
    forecaster = small().fit(y).update(corrected[38:], update_params=False)
    assert_array_equal(
        forecaster.predict(fh=[1, 2]).to_numpy(),
        small().fit(y).update(corrected, update_params=False).predict(fh=[1, 2]).to_numpy(),
    )
    assert np.abs(forecaster.predict(fh=[1]).to_numpy() - small().fit(y).predict(fh=[1]).to_numpy()).max() > 0


def test_a_gap_before_the_update_is_missing_values():
    y = wave(50)
    filled = y.copy()
    filled[40:45] = np.nan
    gap = small().fit(y[:40]).update(y[45:], update_params=False)
    assert_array_equal(answers(gap), answers(small().fit(y[:40]).update(filled[40:], update_params=False)))


@pytest.mark.parametrize("freq", ["D", "B", "MS", "W", "h"])
def test_a_single_date_is_enough_for_an_update(freq):
    dates = pd.date_range("2020-01-01", periods=43, freq=freq)
    y = wave(41, dates[:41])
    forecaster = small().fit(y[:40]).update(y[40:], update_params=False)
    assert list(forecaster.predict(fh=[1, 2]).index) == list(dates[41:])


@TOO_SHORT
def test_a_series_of_one_date_learns_its_spacing_from_the_update():
    dates = pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"])
    forecaster = small().fit(wave(1, dates[:1])).update(wave(3, dates[:3])[1:])
    assert list(forecaster.predict(fh=[1]).index) == [dates[3]]


def test_covariates_of_an_update_are_remembered():
    y, X = wave(53), pd.DataFrame({"x": np.random.default_rng(0).normal(size=53)})
    stepwise = small().fit(y[:40], X=X[:40]).update(y[40:50], X=X[40:50], update_params=False)
    at_once = small().fit(y[:40], X=X[:40]).update(y[:50], X=X[:50], update_params=False)
    forecast = stepwise.predict(fh=[1, 2, 3], X=X[50:]).to_numpy()
    assert_array_equal(forecast, at_once.predict(fh=[1, 2, 3], X=X[50:]).to_numpy())
    other = X[40:50] + 1
    changed = small().fit(y[:40], X=X[:40]).update(y[40:50], X=other, update_params=False)
    assert np.abs(changed.predict(fh=[1, 2, 3], X=X[50:]).to_numpy() - forecast).max() > 0


def test_predicting_does_not_change_what_an_update_learns():
    y = wave(50)
    quiet, asked = small(dropout=0.3).fit(y[:40]), small(dropout=0.3).fit(y[:40])
    answers(asked)
    assert_array_equal(answers(asked.update(y[40:])), answers(quiet.update(y[40:])))


def test_update_predict_sees_nothing_after_its_cutoff():
    """The whole series was fitted; what came after a cutoff is changed, its forecasts are not."""
    y = wave(60)
    forecaster = small().fit(y)
    for cutoff in (20, 35, 50):
        changed = y + np.where(np.arange(60) >= cutoff, 50.0, 0.0)
        seen = copy.deepcopy(forecaster).update(changed, update_params=False).update(y[:cutoff], update_params=False)
        expected = copy.deepcopy(forecaster).update(y[:cutoff], update_params=False).predict(fh=[1, 2, 3])
        assert list(expected.index) == [cutoff, cutoff + 1, cutoff + 2]
        assert_array_equal(seen.predict(fh=[1, 2, 3]).to_numpy(), expected.to_numpy())


def test_update_predict_gives_the_forecast_of_every_cutoff():
    y = wave(60)
    forecaster = small().fit(y)
    cv = ExpandingWindowSplitter(initial_window=40, fh=[1], step_length=4)
    played = forecaster.update_predict(y, cv=cv, update_params=False)
    expected = [
        copy.deepcopy(forecaster).update(y.iloc[window], update_params=False).predict(fh=[1])
        for window, _ in cv.split(y)
    ]
    assert list(played.index) == [40, 44, 48, 52, 56]
    assert_array_equal(played.to_numpy().ravel(), pd.concat(expected).to_numpy())


def test_residuals_are_data_minus_one_step_forecasts():
    y = wave(60)
    forecaster = small().fit(y)
    expected = y.to_numpy() - forecaster.predict(fh=range(-59, 1)).to_numpy()
    assert_array_equal(forecaster.predict_residuals(y).to_numpy(), expected)


def test_the_score_is_the_relative_error():
    y = wave(63)
    forecaster = small().fit(y[:60])
    error = np.abs(forecaster.predict(fh=[1, 2, 3]).to_numpy() / y[60:].to_numpy() - 1).mean()
    assert_allclose(forecaster.score(y[60:], fh=[1, 2, 3]), error)


# Causality


@pytest.mark.parametrize("time", [1, 5, 30, 59])
def test_forecasts_up_to_a_point_do_not_know_its_value(time):
    y = wave(60)
    forecaster = small().fit(y)
    changed = y.copy()
    changed[time] += 100
    other = copy.deepcopy(forecaster).update(changed[time:], update_params=False)
    before, after = (each.predict(fh=range(-59, 1)).to_numpy() for each in (forecaster, other))
    assert_array_equal(after[: time + 1], before[: time + 1])
    assert time == 59 or after[time + 1] != before[time + 1]


# Fit again


def test_fit_predict_forgets_an_earlier_fit():
    y, other = wave(40), wave(50, seed=1)
    forecast = small().fit(y).fit_predict(other, fh=[1, 2, 3])
    assert_array_equal(forecast.to_numpy(), small().fit(other, fh=[1, 2, 3]).predict().to_numpy())


def test_fit_forgets_an_earlier_fit():
    forecaster = small().fit(pd.DataFrame({"a": wave(40), "b": wave(40)}), X=pd.DataFrame({"x": wave(40, seed=2)}))
    assert_array_equal(answers(forecaster.fit(wave(50, seed=1))), answers(small().fit(wave(50, seed=1))))


def test_changed_parameters_need_a_new_fit():
    forecaster = small().fit(wave(40)).set_params(hidden_size=5)
    assert not forecaster.is_fitted
    assert_array_equal(answers(forecaster.fit(wave(40))), answers(small(hidden_size=5).fit(wave(40))))


# Copies and files


def test_a_clone_is_a_fresh_forecaster_of_the_same_kind():
    forecaster = small(cell="gru").fit(wave(40))
    clone = forecaster.clone()
    assert not clone.is_fitted
    assert_array_equal(answers(clone.fit(wave(40))), answers(forecaster))


def test_an_update_of_a_copy_leaves_the_original_alone():
    y = wave(50)
    forecaster = small().fit(y[:40])
    before, by_hand = answers(forecaster), copy.copy(forecaster)
    copy.deepcopy(forecaster).update(y[40:])
    assert_array_equal(answers(forecaster), before)
    assert_array_equal(answers(by_hand), before)


@pytest.mark.parametrize(
    "way",
    [
        copy.deepcopy,
        lambda forecaster: pickle.loads(pickle.dumps(forecaster)),
        lambda forecaster: load(forecaster.save()),
    ],
    ids=["deepcopy", "pickle", "save"],
)
def test_a_copy_forecasts_and_learns_like_the_original(way):
    y = wave(50)
    forecaster = small(dropout=0.2).fit(y[:40])
    twin = way(forecaster)
    assert_array_equal(answers(twin), answers(forecaster))
    assert_array_equal(answers(twin.update(y[40:])), answers(forecaster.update(y[40:])))


def test_a_saved_file_forecasts_like_the_original(tmp_path):
    forecaster = small().fit(wave(40))
    forecaster.save(tmp_path / "model")
    assert_array_equal(answers(load(str(tmp_path / "model"))), answers(forecaster))


# Failure leaves things as they were


@pytest.mark.parametrize(
    "bad",
    [
        pd.Series([1.0, np.inf, 2.0], name="y"),
        pd.Series([np.nan, np.nan], name="y"),
        pd.DataFrame({"u": [1.0, np.inf], "v": 1.0}),
        pd.Series([1.0, 2, 3], index=pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-02"]), name="y"),
    ],
    ids=["infinite", "missing", "other kind", "duplicate"],
)
def test_a_fit_that_fails_changes_nothing(bad):
    forecaster = small().fit(wave(40).rename("y"))
    before = answers(forecaster)
    with pytest.raises(ValueError, match=r"infinite|missing|occurs"):
        forecaster.fit(bad, fh=[1])
    assert_array_equal(answers(forecaster), before)
    assert forecaster.predict(fh=[1]).name == "y"
    assert forecaster.cutoff[0] == 39


def test_the_name_of_a_single_series_need_not_come_again_in_an_update():
    forecaster = small().fit(wave(40).rename("y"))
    forecaster.update(wave(42)[40:].rename("z"), update_params=False)
    np.testing.assert_allclose(
        forecaster.predict(fh=[1]).to_numpy(),
        small().fit(wave(40)).update(wave(42)[40:], update_params=False).predict(fh=[1]).to_numpy(),
    )


@pytest.mark.parametrize(
    "bad",
    [
        pd.Series([np.inf], index=[40], name="y"),
        pd.Series([1.0, 2.0], index=[40, 40], name="y"),
        pd.DataFrame({"u": [1.0], "v": 1.0}, index=[40]),
    ],
    ids=["infinite", "duplicate", "two columns"],
)
def test_an_update_that_fails_changes_nothing(bad):
    forecaster = small().fit(wave(40).rename("y"))
    before = answers(forecaster)
    with pytest.raises(ValueError, match=r"infinite|columns|occurs"):
        forecaster.update(bad)
    forecast = forecaster.predict(fh=[1])
    assert isinstance(forecast, pd.Series)
    assert forecast.name == "y"
    assert forecaster.cutoff[0] == 39
    assert_array_equal(answers(forecaster), before)


def test_a_first_fit_that_fails_leaves_the_forecaster_unfitted():
    forecaster = small()
    with pytest.raises(ValueError, match="infinite"):
        forecaster.fit(pd.Series([np.inf, 1.0]))
    assert not forecaster.is_fitted
    assert_array_equal(answers(forecaster.fit(wave(40))), answers(small().fit(wave(40))))


def test_the_data_passed_in_are_not_changed():
    y = pd.DataFrame({"a": wave(43), "b": wave(43, seed=1)}).mask(np.eye(43, 2) > 0)
    X = pd.DataFrame({"x": wave(43, seed=2)})
    y.attrs["unit"] = X.attrs["unit"] = "kg"
    before = y.copy(), X.copy()
    forecaster = small(scaler="standard").fit(y[:40], X=X[:40]).update(y[:41], X=X[:41])
    forecaster.predict(fh=[1, 2], X=X[41:])
    forecaster.predict_interval(fh=[1, 2], X=X[41:])
    for frame, original in zip((y, X), before, strict=True):
        pd.testing.assert_frame_equal(frame, original)
        assert frame.attrs == {"unit": "kg"}


def test_a_later_change_of_the_data_does_not_reach_the_forecaster():
    y, X = wave(40).to_frame("y"), pd.DataFrame({"x": wave(43, seed=2)})
    forecaster = small().fit(y, X=X[:40])
    before = forecaster.predict(fh=[-3, 1, 2], X=X).to_numpy()
    future = X[40:].copy()
    y.iloc[:], X.iloc[:] = 0.0, 0.0
    assert_array_equal(forecaster.predict(fh=[-3, 1, 2], X=future).to_numpy(), before)


# Randomness


def test_no_seed_gives_another_forecast_each_time():
    y = wave(40)
    first, second = (answers(small(random_state=None, anchored=False).fit(y)) for _ in range(2))
    assert np.abs(first - second).max() > 0


def test_without_a_seed_a_fitted_forecaster_still_repeats_itself():
    forecaster = small(random_state=None).fit(wave(40))
    assert_array_equal(answers(forecaster), answers(forecaster))


def test_a_random_state_is_read_and_not_advanced():
    state = np.random.RandomState(7)
    before = pickle.dumps(state.get_state())
    forecaster = small(random_state=state).fit(wave(40))
    assert pickle.dumps(state.get_state()) == before
    assert forecaster.random_state is state
    again = small(random_state=np.random.RandomState(7)).fit(wave(40))
    assert_array_equal(answers(again), answers(forecaster))


@pytest.mark.parametrize("seed", [0, np.int64(3), 2**40])
def test_any_whole_number_is_a_seed(seed):
    y = wave(40)
    assert_array_equal(answers(small(random_state=seed).fit(y)), answers(small(random_state=int(seed)).fit(y)))


@pytest.mark.parametrize(
    "parameters",
    [{}, {"random_state": None}, {"dropout": 0.2, "num_layers": 2}, {"batch_size": 8},
     {"cell": "gru", "patience": 2}], ids=str,
)  # fmt: skip
def test_the_global_generators_are_left_alone(parameters):
    before = global_random_state()
    forecaster = small(**parameters).fit(wave(50)[:40]).update(wave(50)[40:])
    answers(forecaster)
    forecaster.predict_var(fh=[1])
    assert global_random_state() == before


def test_the_global_generators_do_not_matter():
    forecasts = []
    for seed in (1, 2):
        torch.manual_seed(seed), np.random.seed(seed), random.seed(seed)  # noqa: NPY002
        forecasts.append(
            answers(small(dropout=0.2, num_layers=2, batch_size=8).fit(wave(50)[:40]).update(wave(50)[40:]))
        )
    assert_array_equal(*forecasts)


# The process around it


def test_gradients_may_be_switched_off_outside():
    with torch.no_grad():
        forecast = answers(small().fit(wave(40)))
    assert_array_equal(forecast, answers(small().fit(wave(40))))


def test_inference_mode_outside_does_not_stop_training():
    with torch.inference_mode():
        forecast = answers(small().fit(wave(40)))
    assert_array_equal(forecast, answers(small().fit(wave(40))))


def test_another_default_dtype_of_torch_changes_nothing():
    expected = answers(small().fit(wave(40)))
    torch.set_default_dtype(torch.float64)
    try:
        forecast = answers(small().fit(wave(40)))
    finally:
        torch.set_default_dtype(torch.float32)
    assert_array_equal(forecast, expected)


def test_strict_numpy_errors_are_not_triggered():
    with np.errstate(all="raise"):
        assert np.isfinite(answers(small().fit(wave(40)))).all()


@pytest.mark.usefixtures("two_torch_threads")
def test_the_number_of_torch_threads_stays_as_it_was():
    forecaster = small().fit(wave(50)[:40]).update(wave(50)[40:])
    answers(forecaster)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_torch_threads")
def test_a_failure_gives_the_torch_threads_back():
    with pytest.raises(ValueError, match="device"):
        small(device="nowhere").fit(wave(40))
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_torch_threads")
def test_forecasters_in_several_threads_do_not_disturb_each_other():
    series = [wave(40, seed=seed) for seed in range(6)]
    expected = [answers(small(dropout=0.2).fit(y)) for y in series]
    found, threads = {}, []

    def work(number):
        found[number] = answers(small(dropout=0.2).fit(series[number]))
        threads.append(torch.get_num_threads())

    workers = [threading.Thread(target=work, args=(number,)) for number in range(1, 6)]
    for worker in workers:
        worker.start()
    work(0)
    for worker in workers:
        worker.join()
    for number, forecast in enumerate(expected):
        assert_array_equal(found[number], forecast)
    assert threads == [2] * 6
    assert torch.get_num_threads() == 2


# Silence


def test_good_data_bring_no_output_no_files_and_no_warnings(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    y, X = wave(50), pd.DataFrame({"x": wave(60, seed=1)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecaster = small().fit(y[:40], X=X[:40]).update(y[40:], X=X[40:50])
        forecaster.predict(fh=range(1, 11), X=X[50:])
        forecaster.predict_interval(fh=range(1, 11), X=X[50:])
        forecaster.predict_var(fh=range(1, 11), X=X[50:])
        forecaster.predict_residuals(y, X=X[:50])
        forecaster.clone()
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_verbose_shows_a_progress_bar(capsys):
    small(verbose=1).fit(wave(40))
    out, err = capsys.readouterr()
    assert out == ""
    assert "100%" in err
    assert "loss" in err


def test_verbose_shows_a_progress_bar_that_ends_full_with_every_recipe(capsys):
    for parameters in ({}, {"patience": 50}, {"batch_size": 8}):
        small(verbose=1, **parameters).fit(wave(40)).update(wave(45)[40:])
        assert capsys.readouterr().err.count("100%") >= 2


def test_fitted_parameters_are_the_choices_and_the_history():
    forecaster = small(sp=4).fit(wave(40))
    fitted = forecaster.get_fitted_params()
    assert (fitted["sp"], fitted["hidden_size"]) == (4, 4)
    assert fitted["window_length"] == forecaster.window_length_
