"""Pretraining: what it keeps, what continues it, and what fit does with it."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sktime.forecasting.compose import TransformedTargetForecaster
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.split import ExpandingWindowSplitter
from sktime.transformations.series.difference import Differencer
from toys import small, wave

from sktime_lstm import LSTMForecaster, load_model
from sktime_lstm.storage.shipped import shipped_model
from sktime_lstm.training import preparation

MONTHS = pd.period_range("2010-01", periods=60, freq="M")
QUARTERS = pd.period_range("2010Q1", periods=40, freq="Q")


def panel_of(*seeds, index=MONTHS, columns=("y",)):
    frames = [
        pd.DataFrame({name: wave(len(index), index, seed + k) for k, name in enumerate(columns)}) for seed in seeds
    ]
    return pd.concat(frames, keys=seeds)


PANEL = panel_of(0, 1, 2, 3)
Y = wave(40, MONTHS[:40], seed=9)


def answers(forecaster):
    fh = range(1, 9)
    return np.column_stack([forecaster.predict(fh=fh), forecaster.predict_interval(fh=fh)])


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).numpy().copy()


@pytest.fixture(scope="module")
def base():
    """A pretrained forecaster that no test changes."""
    return small().pretrain(PANEL)


# What pretraining is


def test_pretraining_changes_the_forecast(base):
    assert np.abs(answers(base.clone().fit(Y)) - answers(small().fit(Y))).max() > 0


def test_with_its_own_steps_and_rate_pretraining_is_a_fit_to_the_panel():
    pretrained, fitted = small(learning_rate=0.01).pretrain(PANEL), small(learning_rate=0.01).fit(PANEL)
    assert_array_equal(weights(pretrained.pretrained_model_.model.network), weights(fitted._model.network))


def test_fit_leaves_the_pretrained_weights_alone(base):
    forecaster = base.clone()
    before = weights(forecaster.pretrained_model_.model.network)
    forecaster.fit(Y).update(Y)
    assert_array_equal(weights(forecaster.pretrained_model_.model.network), before)
    assert np.abs(weights(forecaster._model.network) - before).max() > 0


@pytest.mark.parametrize(
    "copied", [lambda f: f.fit(Y), lambda f: f.clone(), copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))]
)
def test_the_second_fit_and_the_fit_of_a_copy_start_from_pretraining_again(base, copied):
    first = base.clone().fit(Y)
    expected = answers(first)
    assert_array_equal(answers(copied(first).fit(Y)), expected)


def test_fit_predict_starts_from_pretraining(base):
    expected = base.clone().fit(Y).predict(fh=[1, 2])
    pd.testing.assert_series_equal(base.clone().fit_predict(Y, fh=[1, 2]), expected)


def test_a_panel_is_fitted_as_its_series_would_be_without_tuning(base):
    forecaster = small(pretrained=base, fine_tune="none")
    together = forecaster.fit(PANEL).predict(fh=[1, 2]).loc[0]
    np.testing.assert_allclose(together, forecaster.fit(PANEL.loc[0]).predict(fh=[1, 2]), rtol=1e-5)


def test_a_series_is_forecast_alike_whatever_series_come_with_it(base, monkeypatch):
    # Of a large panel fewer windows are scored.
    monkeypatch.setattr(preparation, "MAX_SCORED_WINDOWS", 60)
    forecaster = small(pretrained=base, fine_tune="none")
    together = answers(forecaster.fit(PANEL))[:8]
    np.testing.assert_allclose(answers(forecaster.fit(PANEL.loc[[0]])), together, rtol=1e-6)


def test_a_failed_pretraining_changes_nothing(base):
    forecaster = base.clone().fit(Y)
    expected = answers(forecaster)
    with pytest.raises(ValueError, match="pretraining has seen"):
        forecaster.pretrain(panel_of(0, 1, columns=("a", "b")))
    assert_array_equal(answers(forecaster), expected)


# From the network of the package


def default(**parameters):
    return LSTMForecaster(**{"sp": 4, "random_state": 0, **parameters})


def unlike_shipped(forecaster):
    """Largest difference between the pretrained weights and those of the package."""
    shipped = weights(shipped_model().model.network)
    return np.abs(weights(forecaster.pretrained_model_.model.network) - shipped).max()


def test_pretraining_starts_from_the_network_of_the_package():
    assert unlike_shipped(default(max_epochs=1, learning_rate=1e-9).pretrain(PANEL)) < 1e-6


def test_pretraining_learns_what_a_fit_to_the_panel_learns():
    pretrained, fitted = default().pretrain(PANEL), default(fine_tune="full").fit(PANEL)
    assert_array_equal(weights(pretrained.pretrained_model_.model.network), weights(fitted._model.network))
    assert unlike_shipped(pretrained) > 0


@pytest.mark.parametrize("mode", ["auto", "none", "full"])
def test_pretraining_trains_on_few_series_whatever_fit_does_with_the_weights(mode):
    assert unlike_shipped(default(fine_tune=mode).pretrain(PANEL.loc[[0]])) > 0


def test_what_started_from_the_package_is_tuned_by_default_even_to_a_short_series():
    forecaster = default().pretrain(PANEL)
    assert len(forecaster.fit(Y).history_) > 0


def test_pretrained_none_learns_from_scratch():
    settings = {"pretrained": None, "max_epochs": 1, "learning_rate": 0.01}
    pretrained, fitted = default(**settings).pretrain(PANEL), default(**settings).fit(PANEL)
    assert_array_equal(weights(pretrained.pretrained_model_.model.network), weights(fitted._model.network))


@pytest.mark.parametrize(
    ("settings", "data"),
    [
        ({"cell": "gru"}, {"y": PANEL}),
        ({"fine_tune": "scratch"}, {"y": PANEL}),
        ({}, {"y": PANEL, "X": pd.DataFrame({"x": np.tile([0.0, 1], len(PANEL) // 2)}, PANEL.index)}),
        ({}, {"y": panel_of(0, 1, columns=("a", "b"))}),
    ],
)
def test_what_the_network_of_the_package_cannot_learn_is_learned_from_scratch(settings, data):
    simulated, none = (
        default(max_epochs=1, pretrained=start, **settings).pretrain(**data).pretrained_model_.model.network
        for start in ("simulated", None)
    )
    assert_array_equal(weights(simulated), weights(none))


def test_series_too_short_to_learn_from_leave_the_network_of_the_package():
    forecaster = default().pretrain(PANEL.groupby(level=0).head(1))
    assert unlike_shipped(forecaster) == 0
    assert np.isfinite(answers(forecaster.fit(Y))).all()


def test_the_simulated_series_do_not_count_among_the_windows_seen():
    first, second = (default().pretrain(panel) for panel in (PANEL, panel_of(7, 8)))
    both = first.clone().pretrain(panel_of(7, 8))
    assert both.pretrained_model_.num_windows == sum(each.pretrained_model_.num_windows for each in (first, second))


def test_a_fit_that_trained_nothing_is_no_start():
    after_fit = default().fit(Y).pretrain(PANEL)
    alone = default().pretrain(PANEL)
    assert_array_equal(answers(after_fit.fit(Y)), answers(alone.fit(Y)))


@pytest.mark.parametrize("copied", [lambda f, path: f.clone(), lambda f, path: saved_and_loaded(f, path)])
def test_what_started_from_the_package_survives_clone_and_file(copied, tmp_path):
    forecaster = default().pretrain(PANEL)
    assert_array_equal(answers(copied(forecaster, tmp_path / "model").fit(Y)), answers(forecaster.fit(Y)))


def saved_and_loaded(forecaster, path):
    forecaster.save_model(path)
    return load_model(path)


# Fine-tuning


def test_without_fine_tuning_the_weights_stay_also_in_an_update(base):
    forecaster = small(pretrained=base, fine_tune="none").fit(Y[:30])
    first = forecaster.predict(fh=[1])
    forecaster.update(Y[30:])
    assert_array_equal(weights(forecaster._model.network), weights(base.pretrained_model_.model.network))
    assert first.index[0] == MONTHS[30]
    assert forecaster.predict(fh=[1]).index[0] == MONTHS[40]


def test_full_fine_tuning_moves_all_weights(base):
    network = small(pretrained=base, learning_rate=0.01).fit(panel_of(7, 8))._model.network
    start = base.pretrained_model_.model.network
    assert np.abs(weights(network.layers) - weights(start.layers)).max() > 0
    assert np.abs(weights(network.output) - weights(start.output)).max() > 0


def test_from_scratch_ignores_pretraining(base):
    assert_array_equal(answers(base.clone().set_params(fine_tune="scratch").fit(Y)), answers(small().fit(Y)))
    assert_array_equal(answers(small(pretrained=base, fine_tune="scratch").fit(Y)), answers(small().fit(Y)))


@pytest.mark.parametrize("mode", ["none", "full", "scratch"])
def test_without_pretraining_fine_tuning_has_no_effect(mode):
    assert_array_equal(answers(small(fine_tune=mode).fit(Y)), answers(small().fit(Y)))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8])
def test_a_series_too_short_to_learn_from_is_forecast_without_a_warning(base, length):
    forecaster = small(pretrained=base).fit(Y[:length])
    assert np.isfinite(answers(forecaster)).all()


def test_patience_holds_windows_out_of_fine_tuning(base):
    history = small(pretrained=base, patience=1, max_epochs=20).fit(Y).history_
    assert history["validation_loss"].notna().all()


# Another season, another horizon


def test_a_network_of_months_forecasts_quarters(base):
    y = pd.Series(np.tile([10.0, 14, 12, 6], 10), QUARTERS)
    forecaster = small(pretrained=base, fine_tune="none").fit(y)
    assert forecaster.sp_ == 4
    forecast = forecaster.predict(fh=[1, 2, 3, 4]).to_numpy()
    assert np.abs(forecast - [10, 14, 12, 6]).max() < 1.5


def test_the_season_of_pretraining_is_known_to_a_series_too_short_to_show_it():
    season = np.tile([10.0, 14, 12, 6, 3, 5], 20)
    panel = pd.concat({k: pd.DataFrame({"y": (k + season)[:60]}, MONTHS) for k in range(3)})
    base = small(sp=12).pretrain(panel)
    assert small(pretrained=base).fit(panel.loc[0][:13]).sp_ == 12
    assert small().fit(panel.loc[0][:13]).sp_ == 1


def test_lengths_of_the_window_may_be_chosen_after_pretraining(base):
    forecaster = small(pretrained=base, window_length=10, output_length=3, sp=2).fit(Y)
    assert (forecaster.window_length_, forecaster.output_length_, forecaster.sp_) == (10, 3, 2)


# Pretraining as a parameter


def test_the_parameter_is_the_forecaster_that_was_passed(base):
    forecaster = small(pretrained=base)
    assert forecaster.pretrained is base
    assert forecaster.fit(Y).pretrained is base


def test_passing_a_forecaster_on_leaves_it_as_it_was():
    fitted = small().fit(PANEL)
    expected = answers(fitted)
    small(pretrained=fitted).fit(Y).update(Y)
    assert_array_equal(answers(fitted), expected)


def test_a_pretrained_forecaster_as_parameter_equals_pretrain(base):
    assert_array_equal(answers(small(pretrained=base).fit(Y)), answers(base.clone().fit(Y)))


def test_a_fitted_forecaster_as_parameter_equals_pretrain():
    fitted, pretrained = small(learning_rate=0.01).fit(PANEL), small(learning_rate=0.01).pretrain(PANEL)
    assert_array_equal(answers(small(pretrained=fitted).fit(Y)), answers(small(pretrained=pretrained).fit(Y)))
    assert fitted.is_fitted


@pytest.mark.parametrize("learned", ["pretrained", "fitted"])
def test_pretraining_as_parameter_survives_clone_and_set_params(base, learned):
    start = base if learned == "pretrained" else small().fit(PANEL)
    forecaster = small(pretrained=start).clone().set_params(random_state=0).clone()
    assert_array_equal(answers(forecaster.fit(Y)), answers(small(pretrained=start).fit(Y)))


@pytest.mark.parametrize("learned", ["pretrained", "fitted"])
def test_a_grid_search_over_our_parameters_keeps_the_pretraining(base, learned):
    start = base if learned == "pretrained" else small().fit(PANEL)
    cv = ExpandingWindowSplitter(initial_window=30, step_length=5, fh=[1, 2])
    grid = {"fine_tune": ["none", "scratch"], "window_length": [8, 12]}
    search = ForecastingGridSearchCV(small(pretrained=start), cv, grid, error_score="raise", backend=None).fit(Y)
    scores = search.cv_results_.set_index(search.cv_results_["params"].map(str))[
        "mean_test_MeanAbsolutePercentageError"
    ]
    for parameters in ({"fine_tune": "none", "window_length": 8}, {"fine_tune": "scratch", "window_length": 8}):
        alone = ForecastingGridSearchCV(
            small(pretrained=start, **parameters), cv, {"random_state": [0]}, error_score="raise", backend=None
        )
        assert scores[str(parameters)] == alone.fit(Y).best_score_
    assert scores[str({"fine_tune": "none", "window_length": 8})] != scores[str(parameters)]


def test_a_pipeline_keeps_the_pretraining(base):
    def pipeline(forecaster):
        return TransformedTargetForecaster([("difference", Differencer()), ("forecaster", forecaster)])

    piped = pipeline(small(pretrained=base)).set_params(forecaster__fine_tune="none").fit(Y)
    scratch = pipeline(small()).fit(Y)
    assert_array_equal(weights(piped.steps_[-1][1]._model.network), weights(base.pretrained_model_.model.network))
    assert np.abs(piped.predict(fh=[1, 2]) - scratch.predict(fh=[1, 2])).max() > 0


def test_pretrain_continues_from_the_parameter(base):
    forecaster = small(pretrained=base).pretrain(panel_of(7, 8))
    twice = base.clone().pretrain(panel_of(7, 8))
    assert_array_equal(answers(forecaster.fit(Y)), answers(twice.fit(Y)))


def test_a_forecaster_that_has_learned_nothing_is_refused():
    with pytest.raises(ValueError, match="has learned nothing yet"):
        small(pretrained=small()).fit(Y)


@pytest.mark.parametrize("name", ["pretrained", "fine_tune"])
def test_a_wrong_parameter_is_named(name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        small(**{name: 3})


# Continued pretraining


def test_a_second_pretraining_continues():
    # Without anchors nothing falls back to the naive forecasts that all have in common.
    plain = small(anchored=False)
    first, second = plain.clone().pretrain(PANEL), plain.clone().pretrain(panel_of(7, 8))
    both = plain.clone().pretrain(PANEL).pretrain(panel_of(7, 8))
    assert both.n_pretrain_instances_ == 6
    assert np.abs(answers(both.fit(Y)) - answers(first.fit(Y))).max() > 0
    assert np.abs(answers(both) - answers(second.fit(Y))).max() > 0


def test_pretraining_continues_after_a_plain_fit():
    after_fit = small().fit(PANEL).pretrain(panel_of(7, 8))
    passed_on = small(pretrained=small().fit(PANEL)).pretrain(panel_of(7, 8))
    assert_array_equal(answers(after_fit.fit(Y)), answers(passed_on.fit(Y)))
    assert_array_equal(answers(after_fit.clone().fit(Y)), answers(after_fit.fit(Y)))


def test_a_stream_of_chunks_is_one_pretraining_after_the_other(base):
    stream = small().pretrain_stream(iter([PANEL, panel_of(7, 8)]))
    assert_array_equal(answers(stream.fit(Y)), answers(base.clone().pretrain(panel_of(7, 8)).fit(Y)))


def test_a_chunk_may_bring_covariates():
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=len(PANEL))}, PANEL.index)
    stream = small().pretrain_stream([(PANEL, X)])
    direct = small().pretrain(PANEL, X=X)
    assert_array_equal(weights(stream.pretrained_model_.model.network), weights(direct.pretrained_model_.model.network))


def test_chunks_are_read_from_the_files_of_a_folder(base, tmp_path):
    chunks = [panel_of(*seeds, index=MONTHS.to_timestamp()) for seeds in ((0, 1), (2, 3))]
    for number, chunk in enumerate(chunks):
        chunk.to_parquet(tmp_path / f"{number}.parquet")
    y = Y.to_timestamp()
    from_files, from_memory = small().pretrain_stream(tmp_path).fit(y), small().pretrain_stream(chunks).fit(y)
    assert_array_equal(answers(from_files), answers(from_memory))


@pytest.mark.parametrize("chunks", [[], "nowhere"])
def test_a_stream_without_chunks_is_an_error(chunks):
    with pytest.raises(ValueError, match="chunks"):
        small().pretrain_stream(chunks)


# What does not fit together


def test_a_parameter_of_the_network_that_was_set_must_agree(base):
    with pytest.raises(ValueError, match=r"hidden_size=8, but the pretrained network has hidden_size=4"):
        small(pretrained=base, hidden_size=8).fit(Y)
    with pytest.raises(ValueError, match=r"cell='gru'"):
        small(pretrained=base, cell="gru").fit(Y)


def test_a_parameter_of_the_network_at_its_default_is_that_of_pretraining():
    base = small(cell="gru", num_layers=2).pretrain(PANEL)
    forecaster = small(pretrained=base).fit(Y)
    assert forecaster._model.network.size.cell == "gru"


@pytest.mark.parametrize("X", [None, pd.DataFrame({"other": 1.0}, Y.index)])
def test_covariates_must_be_those_of_pretraining(X):
    past = pd.DataFrame({"x": np.random.default_rng(0).normal(size=len(PANEL))}, PANEL.index)
    forecaster = small().pretrain(PANEL, X=past)
    with pytest.raises(ValueError, match=r"pretraining has seen \['x'\]"):
        forecaster.fit(Y, X=X)


def test_variables_are_known_by_their_order_and_may_have_other_names(base):
    assert list(base.clone().fit(Y.to_frame("other")).predict(fh=[1]).columns) == ["other"]
    forecaster = small(fine_tune="none").pretrain(panel_of(0, 1, columns=("a", "b")))
    series = panel_of(3, columns=("a", "b")).loc[3]
    forecasts = [forecaster.fit(y).predict(fh=[1]) for y in (series, series.set_axis([0, 1], axis=1))]
    assert_array_equal(*forecasts)


def test_pretraining_neither_reads_nor_changes_the_global_generator():
    torch.manual_seed(1)
    one = small().pretrain(PANEL)
    torch.manual_seed(2)
    before = torch.get_rng_state().tolist()
    two = small().pretrain(PANEL)
    assert torch.get_rng_state().tolist() == before
    assert_array_equal(weights(one.pretrained_model_.model.network), weights(two.pretrained_model_.model.network))
