"""The figures of README and pages are those of the committed CSV files, and so are the sentences made of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from sktime_lstm import LSTMForecaster

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module", autouse=True)
def _path_of_the_benchmarks():
    folder = str(ROOT / "docs" / "benchmarks")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


@pytest.fixture
def figures():
    import pages

    return pages


@pytest.fixture
def measured(figures, monkeypatch):
    """Put made-up rows in the place of those of the M3 benchmark."""

    def put(*rows):
        table = pd.DataFrame(rows, columns=["method", "group", "sMAPE", "MASE"])
        monkeypatch.setattr(figures.results, "m3", lambda _: table)

    return put


def test_every_figure_is_that_of_its_csv_file(figures):
    assert figures.out_of_date() == [], "run: python docs/benchmarks/pages.py"


def test_every_figure_that_can_be_shown_is_shown(figures):
    shown = {mark["name"] for page in figures.pages() for mark in figures.MARK.finditer(page.read_text("utf-8"))}
    assert shown == set(figures.FIGURES)


def test_a_mark_never_begins_a_line_of_a_paragraph(figures):
    # Markdown would take the whole line for HTML.
    lines = [line for page in figures.pages() for line in page.read_text("utf-8").splitlines()]
    assert [line for line in lines if line.startswith("<!-- figure:") and not line.endswith("-->")] == []


def test_a_figure_is_replaced_in_a_line_and_between_paragraphs(figures, monkeypatch):
    monkeypatch.setattr(figures, "FIGURES", {"n": lambda: "7"})
    assert figures.renew("a <!-- figure: n -->6<!-- end --> b") == "a <!-- figure: n -->7<!-- end --> b"
    block = "<!-- figure: n -->\n\n6\n\n<!-- end -->"
    assert figures.renew(block) == "<!-- figure: n -->\n\n7\n\n<!-- end -->"
    assert figures.renew(figures.renew(block)) == figures.renew(block)


def test_the_lowest_figures_of_a_column_are_bold_and_missing_ones_empty(figures):
    cells = pd.DataFrame({"a": [1.234, 2.0, float("nan")], "b": [3.0, 2.004, 2.0]}, index=["x", "y", "z"])
    shown = figures.lowest_bold(cells, 2)
    assert shown["a"].to_list() == ["**1.23**", "2.00", ""]
    assert shown["b"].to_list() == ["3.00", "**2.00**", "**2.00**"]


def test_our_rows_are_set_off(figures):
    table = figures.markdown(pd.DataFrame({"s": ["1", "2"]}, index=["LSTMForecaster local", "Theta"]))
    assert table.splitlines() == ["| method | s |", "| - | -: |", "| **LSTMForecaster local** | 1 |", "| Theta | 2 |"]


def test_where_another_method_is_ahead_is_said(figures, measured):
    measured(("ours", "yearly", 10.0, 2.0), ("other", "yearly", 9.0, 3.0), ("best", "yearly", 9.0, 1.0))
    lines = figures.ahead_of("ours", ["other", "best", "ours"]).splitlines()
    assert lines == ["* **other**: yearly (sMAPE)", "* **best**: yearly (sMAPE and MASE)", "* **ours**: nowhere"]


def test_the_step_farthest_from_the_nominal_coverage_is_found(figures):
    assert figures.farthest("84 80 71 89", 80) == 71


def test_a_picture_remembers_the_figures_and_not_when_they_were_measured(figures, tmp_path):
    table = pd.DataFrame({"method": ["a"], "MASE": [1.0], "date": ["2026-11-21"]})
    files = [tmp_path / name for name in ("first.csv", "later.csv", "other.csv")]
    rows = [table, table.assign(date="2027-01-01"), table.assign(MASE=0.9)]
    for file, content in zip(files, rows, strict=True):
        content.to_csv(file, index=False)
    first, later, other = map(figures.digest, files)
    assert first == later
    assert first != other


@pytest.mark.parametrize(("value", "shown"), [(1240.4, "1240"), (55.64, "55.6"), (0.0141, "0.0141"), (114.0, "114")])
def test_seconds_have_three_digits_and_no_exponent(figures, value, shown):
    assert figures.three_digits(value) == shown


def test_the_page_of_the_shipped_network_has_the_figures_of_the_short_series():
    page = (ROOT / "docs" / "explanation" / "shipped_network.md").read_text(encoding="utf-8")
    table = pd.read_csv(ROOT / "docs" / "benchmarks" / "short_series.csv")
    methods = ["LSTMForecaster", "AutoETS", "DynamicOptimizedTheta", "AutoARIMA"]
    for length, rows in table.set_index("method").groupby("length"):
        start = f"| {length} | {rows['series'].iloc[0]} | "
        assert start + " | ".join(f"{rows.loc[method, 'mase']:.3f}" for method in methods) in page
        assert (
            start + " | ".join(f"{rows.loc[method, 'coverage']:.0%}".replace("%", " %") for method in methods) in page
        )


def test_the_page_of_the_shipped_network_has_the_figures_of_its_training():
    page = (ROOT / "docs" / "explanation" / "shipped_network.md").read_text(encoding="utf-8")
    log = (ROOT / "docs" / "benchmarks" / "pretrain_simulated.txt").read_text(encoding="utf-8").strip().splitlines()
    for line in log[-16:]:
        group, (anchors, network) = line[:20].strip(), (cell.split("/") for cell in line[20:].split("|")[:2])
        cells = [anchors[0], network[0], anchors[1], network[1]]
        assert f"| {group} | " + " | ".join(cell.strip() for cell in cells) in page


def test_the_page_of_pretraining_says_where_it_pays(figures):
    rows = figures.results.pretraining().pivot(index=["history", "target", "group"], columns="method", values="MASE")
    for method in ("zero-shot", "fine-tuned"):
        ratio = rows[method] / rows["default"]
        assert (ratio.loc["12", :, "monthly"] < 0.95).all()
        assert (ratio.loc[["12", "24", "36"], "M1", ["monthly", "quarterly"]] < 0.99).all()
        assert (ratio.loc[:, :, "yearly"] > 1).all()
        assert (ratio < 1.02).all()
        means = rows.groupby("history").mean()
        assert (means[method] < means["default"]).all()


def test_the_gain_of_the_network_is_that_of_the_table_of_its_page(figures):
    page = (ROOT / "docs" / "explanation" / "shipped_network.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith(("| M1 ", "| M3v "))]
    gains = [100 * (1 - float(row[5]) / float(row[4])) for row in rows]
    assert figures.network_gain() == f"{min(gains):.0f} to {max(gains):.0f} %"
    assert figures.network_gain() in LSTMForecaster.__doc__


def test_the_losses_of_the_network_are_those_of_the_table_of_its_page():
    page = (ROOT / "docs" / "explanation" / "shipped_network.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith(("| random", "| noise", "| weak"))]
    worst = max(100 * (float(row[5]) / float(row[4]) - 1) for row in rows)
    assert f"it loses up to {worst:.1f} % of MASE" in page


def test_the_loss_quantile_uses_the_network_of_the_package_as_the_page_of_intervals_says(figures):
    rows = figures.results.intervals().set_index(["method", "group"])[["covered_80", "covered_90", "MSIS"]]
    assert rows.loc["LSTMForecaster global quantile"].equals(rows.loc["LSTMForecaster global"])
