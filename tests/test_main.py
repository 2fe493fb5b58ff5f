"""The command line: what a user reads, what is saved, and what stops it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sktime_lstm.__main__ import main

PERIOD = [0.0, 4.0, 1.0, 3.0, 2.0, 9.0, 7.0]
COLUMNS = ["--time", "day", "--target", "sold"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sales(days=42, **columns):
    time = pd.date_range("2024-01-01", periods=days, freq="D")
    return pd.DataFrame({"day": time, "sold": np.resize(PERIOD, days) + 10}).assign(**columns)


def last_line_of_errors(capsys):
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_the_forecast_of_a_file_is_printed_and_saved(tmp_path, capsys):
    sales().to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "7", "--output", "forecast.csv", "--plot", "forecast.png"]) == 0
    saved = pd.read_csv("forecast.csv", index_col="day", parse_dates=True)
    assert saved.columns.to_list() == ["sold", "sold_lower", "sold_upper"]
    assert saved.index.to_list() == list(pd.date_range("2024-02-12", periods=7, freq="D"))
    assert np.allclose(saved["sold"], np.array(PERIOD) + 10, atol=1.0)
    assert ((saved["sold_lower"] <= saved["sold"]) & (saved["sold"] <= saved["sold_upper"])).all()
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")
    output = capsys.readouterr()
    assert "sold: 42 rows, 2024-01-01 to 2024-02-11" in output.out
    assert "season of 7. Forecast with 90 % interval" in output.out
    assert "2024-02-18" in output.out
    assert "Backtest" not in output.out
    assert output.err == ""


def test_panels_covariates_and_several_targets_work_together(capsys):
    promo = np.arange(42) % 2
    shops = [sales(promo=promo, price=1.0 + promo).assign(shop=shop) for shop in ("a", "b")]
    table = pd.concat(shops)
    table.loc[table["day"] > "2024-02-08", ["sold", "price"]] = np.nan
    table.to_csv("shops.csv", index=False)
    options = ["--target", "sold,price", "--time", "day", "--panel", "shop", "--covariates", "promo"]
    assert main(["shops.csv", *options, "--fh", "3", "--output", "forecast.csv"]) == 0
    saved = pd.read_csv("forecast.csv")
    assert saved.columns.to_list()[:3] == ["shop", "day", "sold"]
    assert saved["day"].to_list() == 2 * ["2024-02-09", "2024-02-10", "2024-02-11"]
    assert "sold, price: 78 rows in 2 series" in capsys.readouterr().out


def test_a_backtest_compares_the_default_forecasters(capsys):
    sales(20).assign(sold=np.random.RandomState(0).normal(size=20)).to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--backtest"]) == 0
    output = capsys.readouterr()
    assert all(name in output.out for name in ("LSTM", "naive", "ETS", "ARIMA", "MASE", "sMAPE %", "RMSE", "fit s"))
    assert output.err == ""


def test_missing_days_are_no_obstacle():
    sales().drop(index=[5, 6, 20]).to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--output", "forecast.csv"]) == 0
    assert pd.read_csv("forecast.csv")["day"].to_list() == ["2024-02-12", "2024-02-13"]


def test_integer_stamps_keep_their_step():
    sales().assign(day=np.arange(0, 420, 10)).to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--output", "forecast.csv"]) == 0
    assert pd.read_csv("forecast.csv")["day"].to_list() == [420, 430]


def test_the_seed_decides_the_forecast():
    # A wave with a period of no whole number of days, and enough of it to train on.
    sales(1100).assign(sold=np.sin(0.7 * np.arange(1100))).to_csv("sales.csv", index=False)
    runs = [("first.csv", "1"), ("again.csv", "1"), ("other.csv", "2")]
    for name, seed in runs:
        assert main(["sales.csv", *COLUMNS, "--fh", "2", "--output", name, "--random-state", seed]) == 0
    first, again, other = (pd.read_csv(name)["sold"].to_list() for name, _ in runs)
    assert first == again
    assert first != other


def test_a_wider_coverage_gives_a_wider_interval():
    noise = np.random.RandomState(0).normal(size=60)
    sales(60).assign(sold=noise).to_csv("sales.csv", index=False)
    for coverage in ("0.5", "0.95"):
        assert main(["sales.csv", *COLUMNS, "--fh", "2", "--output", f"{coverage}.csv", "--coverage", coverage]) == 0
    narrow, wide = (pd.read_csv(f"{coverage}.csv") for coverage in ("0.5", "0.95"))
    assert (narrow["sold_upper"] < wide["sold_upper"]).all()


@pytest.mark.parametrize("option", ["--output", "--plot"])
def test_nothing_is_overwritten_without_force(tmp_path, capsys, option):
    sales().to_csv("sales.csv", index=False)
    (tmp_path / "kept.png").write_text("precious", encoding="utf-8")
    command = ["sales.csv", *COLUMNS, "--fh", "2", option, "kept.png"]
    assert main(command) == 2
    assert "'kept.png' is there already. Choose another name, or replace it with --force." in last_line_of_errors(
        capsys
    )
    assert (tmp_path / "kept.png").read_text(encoding="utf-8") == "precious"
    assert main([*command, "--force"]) == 0
    assert (tmp_path / "kept.png").read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["gone.csv", *COLUMNS, "--fh", "2"], "there is no file 'gone.csv'"),
        (["sales.csv", "--time", "day"], "a file needs --target, --fh too"),
        (["sales.csv", "--time", "date", "--target", "sold", "--fh", "2"], "there is no column 'date'; the file has"),
        (["sales.csv", *COLUMNS, "--fh", "2", "--covariates", "promo"], "--covariates: there is no column 'promo'"),
        (["sales.csv", *COLUMNS, "--fh", "2", "--covariates", "price"], "the file has only 0 rows after its last"),
        (["sales.csv", *COLUMNS, "--fh", "2", "--output", "no/where.csv"], "there is no folder 'no'"),
        (["sales.csv", *COLUMNS, "--fh", "2", "--plot", "a.doc"], "--plot: 'a.doc' must end in one of .png"),
        (["sales.csv", *COLUMNS, "--fh", "2", "--output", "."], "'.' is a folder. Add the name of a file in it"),
        ([".", *COLUMNS, "--fh", "2"], "'.' is a folder. Name a CSV file"),
        (["--target", "sold"], "speak of a file: name it first"),
    ],
)
def test_a_mistake_is_told_in_one_line(capsys, options, message):
    sales(price=1.0).to_csv("sales.csv", index=False)
    assert main(options) == 2
    assert message in last_line_of_errors(capsys)


@pytest.mark.parametrize("kind", ["itself", "symbolic link", "hard link"])
def test_the_data_are_never_overwritten(tmp_path, capsys, kind):
    sales().to_csv("sales.csv", index=False)
    before = (tmp_path / "sales.csv").read_bytes()
    if kind == "symbolic link":
        (tmp_path / "other.csv").symlink_to("sales.csv")
    elif kind == "hard link":
        (tmp_path / "other.csv").hardlink_to("sales.csv")
    output = "./sales.csv" if kind == "itself" else "other.csv"
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--output", output, "--force"]) == 2
    assert "is the same file as the input file. Choose another name." in last_line_of_errors(capsys)
    assert (tmp_path / "sales.csv").read_bytes() == before


def test_table_and_picture_go_to_different_files(tmp_path, capsys):
    sales().to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--output", "same.png", "--plot", "./same.png"]) == 2
    assert "--plot 'same.png' is the same file as --output" in last_line_of_errors(capsys)
    assert not (tmp_path / "same.png").exists()


def test_a_file_that_breaks_off_is_told_in_one_line(tmp_path, capsys):
    sales().to_csv("sales.csv.gz", index=False)
    (tmp_path / "half.csv.gz").write_bytes((tmp_path / "sales.csv.gz").read_bytes()[:150])
    assert main(["half.csv.gz", *COLUMNS, "--fh", "2"]) == 2
    assert "'half.csv.gz' cannot be read" in last_line_of_errors(capsys)


@pytest.mark.parametrize("error", [ZeroDivisionError("too large"), MemoryError(), KeyboardInterrupt()])
def test_whatever_stops_the_run_is_told_in_one_line(monkeypatch, capsys, error):
    def fail(*_):
        raise error

    sales().to_csv("sales.csv", index=False)
    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--output", "forecast.csv"]) == 2
    assert last_line_of_errors(capsys).startswith("sktime_lstm: ")


def test_irregular_dates_are_told_in_one_line(capsys):
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(np.arange(42) ** 3 + 0.7), unit="s")
    sales().assign(day=times).to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2"]) == 2
    assert "time stamps of y are irregular" in last_line_of_errors(capsys)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--fh", "0"), ("--fh", "soon"), ("--fh", "100001"), ("--coverage", "90"), ("--random-state", "-1")],
)
def test_an_impossible_value_of_an_option_is_refused(capsys, option, value):
    with pytest.raises(SystemExit, match="2"):
        main(["sales.csv", f"{option}={value}"])
    assert f"argument {option}: expected a" in last_line_of_errors(capsys)


def test_without_matplotlib_a_picture_is_refused_before_the_work(monkeypatch, capsys):
    monkeypatch.setattr("sktime_lstm.__main__.find_spec", lambda name: None)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--plot", "forecast.png"]) == 2
    assert "pip install 'sktime-lstm[plot]'" in last_line_of_errors(capsys)


@pytest.mark.slow
def test_without_arguments_the_airline_series_is_forecast_compared_and_drawn(tmp_path, capsys):
    (tmp_path / "airline_forecast.png").write_text("precious", encoding="utf-8")
    assert main([]) == 0
    output = capsys.readouterr()
    assert "passengers: 144 rows, 1949-01 to 1960-12" in output.out
    assert all(name in output.out for name in ("1961-12", "LSTM", "naive", "seasonal naive", "ETS", "ARIMA"))
    assert output.err == ""
    # A picture that nobody asked for takes a free name rather than one that is taken.
    assert (tmp_path / "airline_forecast.png").read_text(encoding="utf-8") == "precious"
    assert (tmp_path / "airline_forecast_2.png").exists()


def test_the_module_runs_as_a_program():
    run = subprocess.run(
        [sys.executable, "-m", "sktime_lstm", "--version"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout.split()[0], run.stderr) == (0, "sktime-lstm", "")


def test_the_seasonal_period_can_be_named(capsys):
    sales().to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--sp", "3"]) == 0
    assert "season of 3." in capsys.readouterr().out


def test_a_backtest_ends_with_who_won(capsys):
    sales(20).assign(sold=np.random.RandomState(0).normal(size=20)).to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--backtest"]) == 0
    assert " has the lowest MASE, " in capsys.readouterr().out.splitlines()[-1]


def test_several_may_win_a_backtest(monkeypatch, capsys):
    scores = pd.DataFrame({"MASE": [1.0, 0.5, 0.5]}, index=["LSTM", "naive", "ETS"])
    monkeypatch.setattr("sktime_lstm.__main__.backtest", lambda *_, **__: scores)
    sales().to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2", "--backtest"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "naive and ETS have the lowest MASE, 0.500."


def test_the_decimals_of_a_forecast_stand_below_each_other(capsys):
    sales().to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "7"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("2024-02-")]
    assert len({line.index(".") for line in rows}) == 1


def test_each_variable_has_the_decimals_that_its_size_needs(capsys):
    sales(share=lambda table: table["sold"] / 1e5).to_csv("sales.csv", index=False)
    assert main(["sales.csv", "--time", "day", "--target", "sold,share", "--fh", "2"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("2024-02-12"))
    assert [len(number.split(".")[1]) for number in row.split()[1:]] == [4, 4, 4, 9, 9, 9]


def test_a_single_row_is_told_as_one(capsys):
    sales(1).to_csv("sales.csv", index=False)
    assert main(["sales.csv", *COLUMNS, "--fh", "2"]) == 2
    assert capsys.readouterr().out == "sold: 1 row, 2024-01-01 to 2024-01-01\n"


def test_a_terminal_shows_that_the_training_has_begun(monkeypatch, capsys):
    sales().to_csv("sales.csv", index=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["sales.csv", *COLUMNS, "--fh", "2"]) == 0
    assert capsys.readouterr().err == "Training ...\n"


def test_help_has_examples_and_fits_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "sktime-lstm sales.csv --time date --target sales --fh 12" in shown
    assert max(map(len, shown.splitlines())) <= 79
