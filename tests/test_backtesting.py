"""The comparison of forecasters: scores by hand, folds, panels, failures."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.forecasting.naive import NaiveForecaster

from sktime_lstm import LSTMForecaster
from sktime_lstm.backtesting import SCORES, backtest, default_forecasters


class CovariateForecaster(BaseForecaster):
    """Forecasts the covariate itself."""

    _tags: ClassVar = {"capability:exogenous": True, "capability:missing_values": True, "y_inner_mtype": "pd.DataFrame"}
    _config: ClassVar = {"remember_data": False}

    def _fit(self, y, X=None, fh=None):
        self.columns_ = y.columns
        return self

    def _predict(self, fh, X=None):
        index = fh.to_absolute_index(self.cutoff)
        return pd.DataFrame(X.loc[index].to_numpy(), index=index, columns=self.columns_)


class BrokenForecaster(CovariateForecaster):
    def _fit(self, y, X=None, fh=None):
        raise RuntimeError("out of order")


class SilentForecaster(CovariateForecaster):
    def _predict(self, fh, X=None):
        return pd.DataFrame(np.nan, index=fh.to_absolute_index(self.cutoff), columns=self.columns_)


class WarningForecaster(SilentForecaster):
    def _fit(self, y, X=None, fh=None):
        warnings.warn("these data look odd", UserWarning, stacklevel=2)
        return super()._fit(y)

    def _predict(self, fh, X=None):
        return super()._predict(fh).fillna(0.0)


def naive(sp=1):
    return NaiveForecaster(sp=sp)


def line(length, start=1.0):
    """1, 2, 3, ...: the naive forecast of step h is wrong by h, and one step of the past is 1."""
    return pd.Series(np.arange(length) + start)


def panel_of(series):
    return pd.concat({name: values.rename("y").to_frame() for name, values in series.items()}, names=["series", "time"])


def test_the_scores_of_the_naive_forecast_of_a_line_are_those_worked_out_by_hand():
    scores = backtest(line(10), {"naive": naive()}, fh=2, sp=1, max_folds=1).loc["naive"]
    assert scores["MASE"] == pytest.approx(1.5)
    assert scores["RMSE"] == pytest.approx(np.sqrt(2.5))
    assert scores["sMAPE"] == pytest.approx((200 * 1 / (9 + 8) + 200 * 2 / (10 + 8)) / 2)


def test_mase_compares_with_the_seasonal_naive_forecast_of_period_sp():
    y = line(24) + np.tile([0.0, 5.0, 1.0, 7.0], 6)
    scores = backtest(y, {"seasonal naive": naive(4)}, fh=4, sp=4)
    assert scores.loc["seasonal naive", "MASE"] == pytest.approx(1.0)


def test_sp_is_found_in_the_data_if_it_is_not_given():
    time = np.arange(96)
    y = pd.Series(
        10 + np.sin(2 * np.pi * time / 12) + 0.01 * time, index=pd.period_range("2000-01", periods=96, freq="M")
    )
    found, given = (backtest(y, {"naive": naive()}, fh=3, sp=sp)["MASE"] for sp in (None, 12))
    assert found.to_list() == given.to_list()


def test_the_last_fold_ends_with_y_and_the_others_come_right_before_it():
    folds = backtest(line(20), {"naive": naive()}, fh=3, max_folds=3, per_fold=True)
    assert folds["cutoff"].to_list() == [10, 13, 16]


def test_step_length_moves_the_folds_closer():
    folds = backtest(line(20), {"naive": naive()}, fh=3, step_length=1, max_folds=3, per_fold=True)
    assert folds["cutoff"].to_list() == [14, 15, 16]


def test_no_fold_trains_on_fewer_points_than_initial_window():
    folds = backtest(line(20), {"naive": naive()}, fh=3, initial_window=14, max_folds=9, per_fold=True)
    assert folds["cutoff"].to_list() == [13, 16]


def test_gaps_in_fh_score_only_the_steps_asked_for():
    scores = backtest(line(12), {"naive": naive()}, fh=[1, 5], sp=1, max_folds=1)
    assert scores.loc["naive", "MASE"] == pytest.approx(3.0)


def test_every_fold_is_scored_on_its_own_past():
    folds = backtest(line(20), {"naive": naive()}, fh=2, sp=1, per_fold=True)
    other = line(20)
    other.iloc[-2:] = [500.0, -500.0]
    changed = backtest(other, {"naive": naive()}, fh=2, sp=1, per_fold=True)
    assert changed["MASE"].iloc[:-1].to_list() == folds["MASE"].iloc[:-1].to_list()
    assert changed["MASE"].iloc[-1] > 100


def test_the_table_has_the_best_first_and_the_mean_of_the_folds():
    competitors = {"naive": naive(), "drift": NaiveForecaster(strategy="drift")}
    table = backtest(line(30), competitors, fh=3, sp=1)
    assert table.index.to_list() == ["drift", "naive"]
    assert table.columns.to_list() == ["MASE", "sMAPE", "RMSE", "fit_time", "predict_time"]
    folds = backtest(line(30), competitors, fh=3, sp=1, per_fold=True)
    assert folds.index.get_level_values("forecaster").unique().to_list() == ["naive", "drift"]
    assert folds.loc["naive", "RMSE"].mean() == pytest.approx(table.loc["naive", "RMSE"])


def test_covariates_of_the_test_window_reach_the_forecaster():
    y = pd.Series([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0])
    scores = backtest(y, {"told": CovariateForecaster()}, fh=2, X=pd.DataFrame({"told": y}))
    assert scores.loc["told", "RMSE"] == 0


def test_updating_instead_of_fitting_again_is_a_strategy():
    scores = backtest(line(20), {"naive": naive()}, fh=2, sp=1, strategy="update")
    assert scores.loc["naive", "MASE"] == pytest.approx(1.5)


def test_a_missing_row_counts_as_a_missing_value():
    y = pd.Series(np.arange(40.0) + 1, index=pd.date_range("2024-01-01", periods=40, freq="D"))
    holed = y.copy()
    holed.iloc[[5, 6, 20]] = np.nan
    dropped = backtest(holed.dropna(), {"naive": naive()}, fh=2, sp=7)
    assert dropped["MASE"].to_list() == backtest(holed, {"naive": naive()}, fh=2, sp=7)["MASE"].to_list()


def test_a_missing_value_in_the_test_window_is_not_scored():
    y = line(10)
    y.iloc[-1] = np.nan
    assert backtest(y, {"naive": naive()}, fh=2, sp=1, max_folds=1).loc["naive", "MASE"] == pytest.approx(1.0)


@pytest.mark.parametrize("freq", ["MS", "QS", "W-WED", "YS"])
def test_calendar_time_stamps_are_no_obstacle_for_the_seasonal_naive_forecast(freq):
    y = line(40).set_axis(pd.date_range("2000-01-01", periods=40, freq=freq))
    assert backtest(y, {"naive": naive(4)}, fh=2, sp=1).loc["naive", "MASE"] == pytest.approx(4.0)


def test_a_panel_is_scored_by_the_mean_of_its_series():
    y = panel_of({"slow": line(20), "fast": 10 * line(20)})
    scores = backtest(y, {"naive": naive()}, fh=2, sp=1).loc["naive"]
    assert scores["MASE"] == pytest.approx(1.5)
    assert scores["RMSE"] == pytest.approx((1 + 10) * np.sqrt(2.5) / 2)


def test_all_series_of_a_panel_have_the_same_cutoff_wherever_they_start():
    jump_after_13 = pd.Series([0.0] * 9 + [100.0] * 6, index=range(5, 20))
    folds = backtest(
        panel_of({"early": 0 * line(20), "late": jump_after_13}), {"naive": naive()}, fh=2, max_folds=3, per_fold=True
    )
    assert folds["cutoff"].to_list() == [13, 15, 17]
    assert folds["RMSE"].to_list() == [50, 0, 0]


def test_a_series_that_ends_before_the_test_window_is_left_out_of_the_fold():
    y = panel_of({"whole": line(20), "ended": pd.Series([7.0, -3.0] * 5)})
    assert backtest(y, {"naive": naive()}, fh=2, sp=1).loc["naive", "MASE"] == pytest.approx(1.5)


def test_several_variables_and_a_hierarchy_work():
    parts = {("north", "a"): line(20), ("north", "b"): line(20), ("south", "a"): line(20)}
    y = pd.concat(
        {key: pd.DataFrame({"u": v, "v": 2 * v}) for key, v in parts.items()}, names=["region", "shop", "time"]
    )
    assert backtest(y, {"naive": naive()}, fh=2, sp=1).loc["naive", "MASE"] == pytest.approx(1.5)


def test_a_list_of_forecasters_is_named_after_their_classes():
    table = backtest(line(20), [naive(), naive(2)], fh=2, sp=1)
    assert sorted(table.index) == ["NaiveForecaster", "NaiveForecaster 2"]


@pytest.mark.parametrize(
    ("forecaster", "reason"),
    [(BrokenForecaster(), "RuntimeError: out of order"), (SilentForecaster(), "2 forecast values are missing")],
)
def test_a_forecaster_that_fails_has_no_score_and_spoils_no_other(forecaster, reason):
    with pytest.warns(UserWarning, match=f"bad failed and gets the score nan: .*{reason}"):
        table = backtest(line(20), {"bad": forecaster, "naive": naive()}, fh=2, sp=1, max_folds=1)
    assert table.index.to_list() == ["naive", "bad"]
    assert table.loc["naive", "MASE"] == pytest.approx(1.5)
    assert table.loc["bad"].isna().all()


def test_a_failure_stops_the_backtest_if_asked_to():
    with pytest.raises(RuntimeError, match="out of order"):
        backtest(line(20), {"bad": BrokenForecaster()}, fh=2, error_score="raise")


def test_a_warning_of_ones_own_forecaster_is_heard():
    with pytest.warns(UserWarning, match="these data look odd"):
        backtest(line(20), {"odd": WarningForecaster()}, fh=2)


def test_other_libraries_are_silent_while_they_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backtest(line(20) - 15, {"ETS": default_forecasters()["ETS"]}, fh=2, max_folds=1)


def test_a_bar_counts_the_forecasters(capsys):
    backtest(line(30), [naive(), naive(2)], fh=1, verbose=1)
    assert "2/2" in capsys.readouterr().err


def test_the_default_competitors_are_the_classical_forecasters():
    assert list(default_forecasters(sp=12)) == ["LSTM", "naive", "seasonal naive", "ETS", "ARIMA"]
    assert list(default_forecasters(sp=1)) == ["LSTM", "naive", "ETS", "ARIMA"]


def test_competitors_that_are_not_installed_are_left_out_with_a_note(monkeypatch):
    monkeypatch.setattr("sktime_lstm.backtesting.find_spec", lambda name: None)
    with pytest.warns(UserWarning, match=r"ETS and ARIMA left out .* pip install 'sktime-lstm\[baselines\]'"):
        assert list(default_forecasters()) == ["LSTM", "naive"]


@pytest.mark.parametrize("sp", [4, 14])
def test_every_default_competitor_scores_on_a_seasonal_series_with_holes(sp):
    y = line(4 * sp + 10) + 10 * np.sin(2 * np.pi * np.arange(4 * sp + 10) / sp)
    y.iloc[[3, 17]] = np.nan
    table = backtest(y, fh=2, sp=sp, max_folds=1)
    assert sorted(table.index) == ["ARIMA", "ETS", "LSTM", "naive", "seasonal naive"]
    assert np.isfinite(table).all(axis=None)


def test_a_default_backtest_can_be_repeated():
    y = line(24) + np.tile([0.0, 5.0, 1.0, 7.0], 6)
    first, second = (backtest(y, {"LSTM": default_forecasters()["LSTM"]}, fh=2, max_folds=1) for _ in range(2))
    assert first["MASE"].to_list() == second["MASE"].to_list()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fh": 30}, "y covers 20 time points, too few to train on 3 and forecast 30 steps"),
        ({"fh": 2, "initial_window": 19}, "too few to train on 19 .* a smaller initial_window"),
        ({"fh": 2, "sp": 18}, "too few to train on 19 .* sp .here 18"),
        ({"fh": 0}, "fh must lie in the future"),
        ({"fh": [-1, 1]}, "fh must lie in the future"),
        ({"fh": ForecastingHorizon([21, 22], is_relative=False)}, "fh counts steps from the end"),
        ({"fh": 2, "max_folds": 0}, "max_folds must be an integer of at least 1"),
        ({"fh": 2, "step_length": 1.5}, "step_length must be an integer of at least 1"),
        ({"fh": 2, "sp": True}, "sp must be an integer of at least 1"),
        ({"fh": 2, "strategy": "again"}, "strategy must be one of .*'refit'"),
        ({"fh": 2, "error_score": "zero"}, "error_score must be a number or 'raise'"),
        ({"fh": 2, "X": pd.DataFrame({"x": range(19)})}, "X has no row for 19"),
    ],
)
def test_bad_values_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        backtest(line(20), {"naive": naive()}, **arguments)


def test_integer_time_stamps_with_a_wider_step_are_refused():
    with pytest.raises(ValueError, match="integer time stamps with step 5"):
        backtest(line(20).set_axis(range(0, 100, 5)), {"naive": naive()}, fh=2)


@pytest.mark.parametrize("forecasters", [{}, [], "naive", {"naive": NaiveForecaster}, [1]])
def test_what_is_no_collection_of_forecasters_is_refused(forecasters):
    with pytest.raises(TypeError, match=r"forecasters.* sktime forecaster"):
        backtest(line(20), forecasters, fh=2)


def test_what_is_no_time_series_is_refused():
    with pytest.raises(TypeError, match="y must be a time series"):
        backtest("airline", fh=2)


# ---- all folds at once -----------------------------------------------------------------------------------------------


def moved_on(y, **options):
    """A backtest without training between the folds, one row for each."""
    forecaster = LSTMForecaster(max_epochs=2, hidden_size=4, random_state=0)
    return backtest(y, forecaster, strategy="no-update_params", per_fold=True, error_score="raise", **options)


@pytest.mark.parametrize("make", ["series", "panel", "covariates"])
def test_all_folds_at_once_have_the_scores_of_one_after_the_other(make, monkeypatch):
    generator, months = np.random.default_rng(0), pd.period_range("2010-01", periods=70, freq="M")
    y = pd.concat({k: pd.DataFrame({"y": 20 + generator.normal(size=70).cumsum()}, index=months) for k in "abc"})
    y = y.loc["a", "y"] if make == "series" else y
    X = pd.DataFrame({"x": generator.normal(size=len(y))}, index=y.index) if make == "covariates" else None
    options = {"fh": 3, "X": X, "step_length": 2, "max_folds": 4}
    together = moved_on(y, **options)
    monkeypatch.setattr("sktime_lstm.backtesting._is_forecast_at_once", lambda *data, **settings: False)
    single = moved_on(y, **options)
    np.testing.assert_allclose(together[SCORES], single[SCORES], rtol=1e-5)
    assert list(together["cutoff"]) == list(single["cutoff"])
    assert list(together.columns) == list(single.columns)


def panel_that_ends(lengths):
    """Random walks that begin together, and covariates for all their points."""
    generator, months = np.random.default_rng(0), pd.period_range("2010-01", periods=max(lengths.values()), freq="M")
    y = panel_of({k: pd.Series(20 + generator.normal(size=n).cumsum(), months[:n]) for k, n in lengths.items()})
    return y, pd.DataFrame({"x": generator.normal(size=len(y))}, index=y.index)


@pytest.mark.parametrize("strategy", ["update", "no-update_params"])
@pytest.mark.parametrize("with_covariates", [False, True])
@pytest.mark.parametrize("forecaster", [NaiveForecaster(), LSTMForecaster(random_state=0)], ids=["naive", "ours"])
def test_moving_on_scores_those_series_that_cover_all_test_windows(strategy, with_covariates, forecaster):
    y, X = panel_that_ends({"whole": 70, "ended": 66, "also whole": 70})
    options = {"fh": 3, "step_length": 2, "max_folds": 4, "strategy": strategy, "error_score": "raise"}
    whole = y.index.get_level_values(0) != "ended"
    scores, expected = (
        backtest(y[rows], forecaster.clone(), X=X[rows] if with_covariates else None, **options)
        for rows in (np.full(len(y), True), whole)
    )
    np.testing.assert_allclose(scores[SCORES], expected[SCORES], rtol=1e-6)


def test_a_panel_of_which_no_series_covers_all_test_windows_is_refused():
    y, _ = panel_that_ends({"early": 40, "late": 70})
    y = y.drop(index=[("late", month) for month in y.index.get_level_values(1).unique()[:50]])
    with pytest.raises(ValueError, match=r"No series of y covers all test windows .* or strategy='refit'"):
        moved_on(y, fh=3, step_length=15, max_folds=3)
