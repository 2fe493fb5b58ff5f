"""Put the measured figures into README and pages, and draw their pictures: the last step of every measurement.

    python docs/benchmarks/pages.py            # write
    python docs/benchmarks/pages.py --check    # say what is out of date, and write nothing
    python docs/benchmarks/pages.py --forecast # fit the airline series anew first, for the picture of README

Measures nothing itself. A figure stands between `<!-- figure: NAME -->` and `<!-- end -->`, in a line or in a paragraph
of its own; NAME is a key of `FIGURES`. `tests/test_figures.py` compares them with the CSV files.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import results
from m3_methods import METHODS
from results import GLOBAL, GROUPS, LOCAL, THETA

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = re.compile(r"<!-- figure: (?P<name>[^>]+?) -->(?P<content>.*?)<!-- end -->", flags=re.DOTALL)
NAMES = {
    LOCAL: "LSTMForecaster, one fit for each series",
    GLOBAL: "LSTMForecaster, one fit for a group",
    THETA: "DynamicOptimizedTheta",
    "SeasonalNaive": "seasonal naive",
    "neuralforecast LSTM": "neuralforecast `LSTM`",
    "darts BlockRNN": "darts `BlockRNNModel`",
    "neuralforecast LSTM as ours": "neuralforecast `LSTM`, set as ours",
    "darts BlockRNN as ours": "darts `BlockRNNModel`, set as ours",
}
OURS, UNTRAINED = "LSTMForecaster", "LSTMForecaster, fine_tune='none'"
SCALE = {
    OURS: "LSTMForecaster, default",
    UNTRAINED: 'LSTMForecaster, `fine_tune="none"`',
    "neuralforecast LSTM": "neuralforecast `LSTM`",
    THETA: "DynamicOptimizedTheta (statsforecast)",
    "AutoETS": "AutoETS (statsforecast)",
}
MEASURES = {"sMAPE": 2, "MASE": 3, "OWA": 3}


def markdown(frame: pd.DataFrame, corner: str = "method") -> str:
    """Table of strings with the index as first column; our rows are bold, which the pages set off."""
    lines = [[corner, *frame.columns], ["-"] + ["-:"] * frame.shape[1]]
    lines += [[own(str(name)), *map(str, row)] for name, row in zip(frame.index, frame.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def own(name: str) -> str:
    """Name of a row, in bold if it is ours."""
    ours = name.startswith(("LSTMForecaster", "default", "scratch", "zero-shot", "fine-tuned"))
    return f"**{name}**" if ours else name


def tabs(parts: dict[str, str]) -> str:
    """One tab for each table."""
    items = [f":::{{tab-item}} {name}\n\n{table}\n:::" for name, table in parts.items()]
    return "::::{tab-set}\n" + "\n".join(items) + "\n::::"


def lowest_bold(cells: pd.DataFrame, digits: int) -> pd.DataFrame:
    """Numbers as strings, the lowest of each column in bold; what was not measured is empty."""

    def column(values: pd.Series) -> list[str]:
        shown = [f"{value:.{digits}f}" for value in values]
        best = f"{values.min():.{digits}f}"
        return ["" if text == "nan" else f"**{text}**" if text == best else text for text in shown]

    return cells.apply(lambda values: pd.Series(column(values), index=values.index))


def three_digits(value: float) -> str:
    """Round to three digits, without an exponent."""
    return f"{float(f'{value:.3g}'):.0f}" if value >= 100 else f"{value:.3g}"


def m3_scores(table: str) -> str:
    """Accuracy on M3: a tab for each measure, a row for each method, a column for each group."""
    rows = results.m3(table)
    sizes = rows.groupby("group")["series"].max()
    groups = [group for group in (*GROUPS, "all") if group in sizes]
    parts = {}
    for measure, digits in MEASURES.items():
        cells = rows.pivot(index="method", columns="group", values=measure)
        cells = cells.loc[[name for name in METHODS if name in cells.index], groups]
        heads = {group: f"{group} ({sizes[group]:.0f})" for group in groups}
        parts[f"{measure}, %" if measure == "sMAPE" else measure] = markdown(
            lowest_bold(cells, digits).rename(columns=heads)
        )
    return tabs(parts)


def m3_costs(table: str) -> str:
    """Seconds and memory of each method that ran on all groups, and how often it is much worse than naive."""
    rows = results.m3(table).query("group == 'all'").set_index("method")
    shown = {
        "fit, s": rows["fit_s"].map(three_digits),
        "predict, s": rows["predict_s"].map("{:.2g}".format),
        "peak, MB": rows["peak_MB"].map("{:.0f}".format),
        "after imports, MB": rows["imports_MB"].map("{:.0f}".format),
        "worse": rows["worse"].map("{:.0%}".format),
    }
    return markdown(pd.DataFrame(shown))


def comparison(names: Sequence[str]) -> str:
    """Accuracy and seconds over all 3003 series, a row for each method, the most accurate first."""
    rows = results.m3("full").query("group == 'all'").set_index("method")
    rows = rows.loc[[name for name in names if name in rows.index]].sort_values("MASE")
    shown = {
        "sMAPE, %": lowest_bold(rows[["sMAPE"]], 2)["sMAPE"],
        "MASE": lowest_bold(rows[["MASE"]], 3)["MASE"],
        "seconds": (rows["fit_s"] + rows["predict_s"]).map(three_digits),
    }
    return markdown(pd.DataFrame(shown).rename(index=NAMES))


def ahead_of(ours: str, others: Sequence[str]) -> str:
    """In which groups and measures another method is more accurate than ours on all series, as a list."""
    rows = results.m3("full").set_index(["method", "group"])
    lines = []
    for other in others:
        places = [place for group in (*GROUPS, "all") if (place := _lost(rows, ours, other, group))]
        lines.append(f"* **{other}**: " + (", ".join(places) if places else "nowhere"))
    return "\n".join(lines)


def _lost(rows: pd.DataFrame, ours: str, other: str, group: str) -> str:
    if (other, group) not in rows.index:
        return ""
    worse = [measure for measure in ("sMAPE", "MASE") if rows[measure][other, group] < rows[measure][ours, group]]
    where = "all series" if group == "all" else group
    return f"{where} ({' and '.join(worse)})" if worse else ""


def long_series() -> str:
    """Errors and seconds on the long series."""
    rows = results.long_series()
    return markdown(pd.DataFrame({"MAE, MW": rows["MAE"].map("{:.0f}".format), "fit, s": rows["fit_s"]}))


def streaming() -> str:
    """Peak memory of either way to learn from and forecast a folder, a column for each number of series."""
    cells = results.streaming().pivot(index="way", columns="series", values="peak_MB")
    heads = {size: f"{size} series, MB" for size in cells.columns}
    return markdown(cells.loc[["file by file", "at once"]].rename(columns=heads), corner="")


def interval_scores() -> str:
    """Coverage, scores and seconds of the intervals: a tab for each, a row for each method, a column for each group."""
    rows = results.intervals()
    for share in (80, 90, 95):
        rows[f"worst {share}"] = [farthest(steps, share) for steps in rows[f"steps_{share}"]]
    columns = {
        "80 %": ("covered_80", "{:.1f}"),
        "90 %": ("covered_90", "{:.1f}"),
        "95 %": ("covered_95", "{:.1f}"),
        "worst step of 90 %": ("worst 90", "{:.0f}"),
        "MSIS": ("MSIS", "{:.2f}"),
        "pinball": ("pinball", "{:.3f}"),
        "seconds": ("seconds", "{:.0f}"),
    }
    return tabs({head: _interval_table(rows, *column) for head, column in columns.items()})


def _interval_table(rows: pd.DataFrame, value: str, form: str) -> str:
    sizes = rows.groupby("group")["series"].max()
    cells = rows.pivot(index="method", columns="group", values=value)
    cells = cells.loc[rows["method"].drop_duplicates(), [group for group in GROUPS if group in sizes]]
    return markdown(
        cells.map(form.format).rename(columns={group: f"{group} ({sizes[group]})" for group in sizes.index})
    )


def farthest(steps: str, coverage: int) -> float:
    """Coverage of the step where it is farthest from the nominal one."""
    return max(map(float, steps.split()), key=lambda share: abs(share - coverage))


def pretraining_scores() -> str:
    """MASE, sMAPE and seconds after pretraining, each with a tab for each length of the history."""
    rows = dict(list(results.pretraining().groupby("history")))
    parts = []
    for value, head, form in (
        ("MASE", "MASE", "{:.3f}"),
        ("sMAPE", "sMAPE in percent", "{:.2f}"),
        ("s_per_series", "Seconds", "{:.3f}"),
    ):
        tables = {f"{history} points": _pretraining_table(part, value, form) for history, part in rows.items()}
        parts.append(f"{head}:\n\n{tabs(tables)}")
    return "\n\n".join(parts)


def _pretraining_table(rows: pd.DataFrame, value: str, form: str) -> str:
    cells = rows.pivot_table(index="method", columns=["target", "group"], values=value, sort=False)
    cells = cells.sort_index(axis=1)
    cells.columns = [" ".join(names) for names in cells.columns]
    cells["mean"] = cells.mean(axis=1)
    order = ("default", "scratch", "zero-shot", "fine-tuned", "SeasonalNaive", "AutoARIMA")
    return markdown(cells.loc[[name for name in order if name in cells.index]].map(form.format))


def pretraining_changes() -> str:
    """By how many percent the MASE after pretraining is above (+) or below (-) that of the default."""
    rows = results.pretraining().pivot(index=["history", "target", "group"], columns="method", values="MASE")
    parts = {}
    for method in ("zero-shot", "fine-tuned"):
        change = (100 * (rows[method] / rows["default"] - 1)).unstack(["target", "group"]).sort_index(axis=1)
        change.columns = [" ".join(names) for names in change.columns]
        parts[method] = markdown(change.map("{:+.0f} %".format).rename(index="{} points".format), corner="history")
    return tabs(parts)


def interval_claims() -> str:
    """How far the coverage of the defaults is from the nominal one, as a list."""
    rows = results.intervals().set_index(["group", "method"])
    return "\n".join(f"* {_coverage_claim(rows, method)}" for method in (LOCAL, GLOBAL))


def _coverage_claim(rows: pd.DataFrame, method: str) -> str:
    part = rows.xs(method, level="method")
    off = max(abs(part[f"covered_{share}"] - share).max() for share in (80, 90, 95))
    steps = max(abs(farthest(steps, share) - share) for share in (80, 90, 95) for steps in part[f"steps_{share}"])
    return (
        f"**{method}**: the coverage of 80, 90 and 95 % intervals is at most {off:.1f} percentage points from the "
        f"nominal one in each group, and at most {steps:.0f} points at each step."
    )


def interval_differences() -> str:
    """By how many percent our scores are above (+) or below (-) those of the classical methods."""
    rows = results.intervals().set_index(["group", "method"])
    others = [(group, other) for other in ("AutoARIMA", "AutoETS") for group in GROUPS[:3]]
    cells = {
        f"{measure}, {method.split()[-1]}": [
            f"{_difference(rows[measure], group, method, other):+.0f} %" for group, other in others
        ]
        for method in (LOCAL, GLOBAL)
        for measure in ("MSIS", "pinball")
    }
    return markdown(pd.DataFrame(cells, index=[f"{group}, {other}" for group, other in others]), corner="")


def _difference(scores: pd.Series, group: str, method: str, other: str) -> float:
    return 100 * (scores[group, method] / scores[group, other] - 1)


def network_gain() -> str:
    """By how many percent the network lowers the MASE of the mixture of naive forecasts, in the groups of M1 and M3."""
    log = (HERE / "pretrain_simulated.txt").read_text(encoding="utf-8").strip().splitlines()
    errors = [[float(cell.split("/")[1]) for cell in line[20:].split("|")[:2]] for line in log[-16:-9]]
    gains = [100 * (1 - network / mixture) for mixture, network in errors]
    return f"{min(gains):.0f} to {max(gains):.0f} %"


def seconds_of_a_fit() -> str:
    """Mean seconds of the processor for one fit of one series."""
    row = results.m3("full").query("group == 'all' and method == @LOCAL").iloc[0]
    return f"{row['fit_s'] / row['series']:.2f}"


def ratio(method: str, other: str, value: str, digits: int) -> str:
    """How many times a figure over all 3003 series of one method is that of another."""
    rows = results.m3("full").query("group == 'all'").set_index("method")
    found = rows["fit_s"] + rows["predict_s"] if value == "seconds" else rows[value]
    return f"{found[method] / found[other]:.{digits}f}"


def cost_of_series() -> str:
    """Seconds of fit and predict, and sktime's share, against the number of series of 60 points."""
    rows = results.scale().query("series > 1")
    cells = {
        (method, number): _cost(row)
        for (method, number), part in rows.groupby(["method", "series"], sort=False)
        for row in part.to_dict("records")
    }
    table = pd.Series(cells).unstack().reindex([name for name in SCALE if name in set(rows["method"])]).fillna("")
    table.columns = [f"{number:,} series".replace(",", " ") for number in table.columns]
    return markdown(table.rename(index=SCALE))


def cost_of_length() -> str:
    """The same against the length of a single series."""
    rows = results.scale().query("series == 1")
    table = pd.DataFrame(
        {method: part.set_index("points").apply(_cost, axis=1) for method, part in rows.groupby("method")}
    )
    table.index = [f"{points:,}".replace(",", " ") for points in table.index]
    return markdown(table[[name for name in SCALE if name in table]].rename(columns=SCALE), corner="points")


def _cost(row: Mapping[str, float]) -> str:
    """Seconds of fit and predict, or of both together."""
    if np.isnan(row["predict_s"]):
        return f"{three_digits(row['fit_s'])} s"
    return f"{three_digits(row['fit_s'])} + {three_digits(row['predict_s'])} s"


def cost_of_most() -> str:
    """What the largest panel takes, in words."""
    rows = results.scale().query("series == series.max()").set_index("method")
    words = []
    for method in (OURS, UNTRAINED):
        row = rows.loc[method]
        words.append(
            f"{SCALE[method]}: fit {row['fit_s']:.0f} s, of which sktime's own {row['sktime_fit_s']:.1f} s; predict "
            f"{row['predict_s']:.0f} s, of which sktime's own {row['sktime_predict_s']:.1f} s; at most "
            f"{row['peak_GB']:.1f} GB of memory, {row['data_and_imports_GB']:.1f} GB of them data and libraries"
        )
    return "\n".join(f"* {word}." for word in words)


def measured_on() -> str:
    """Latest date on which our rows of the large table were measured."""
    rows = pd.read_csv(HERE / "m3.csv").query("table == 'full' and method == @LOCAL")
    return f"{pd.Timestamp(rows['date'].max()):%-d %B %Y}"


PEERS = ("neuralforecast LSTM", "darts BlockRNN as ours")
CLASSICAL = (THETA, "AutoETS", "AutoARIMA")
FIGURES: dict[str, Callable[[], str]] = {
    "README comparison": lambda: comparison([LOCAL, GLOBAL, *CLASSICAL, "SeasonalNaive", *PEERS]),
    "all methods": lambda: comparison(list(METHODS)),
    "M3 scores": lambda: m3_scores("full"),
    "M3 costs": lambda: m3_costs("full"),
    "M3 sample scores": lambda: m3_scores("sample"),
    "M3 sample costs": lambda: m3_costs("sample"),
    "ahead of local": lambda: ahead_of(LOCAL, CLASSICAL),
    "ahead of global": lambda: ahead_of(GLOBAL, CLASSICAL),
    "long series": long_series,
    "interval scores": interval_scores,
    "interval claims": interval_claims,
    "interval differences": interval_differences,
    "pretraining scores": pretraining_scores,
    "pretraining changes": pretraining_changes,
    "gain of the network": network_gain,
    "seconds of a fit": seconds_of_a_fit,
    "times as long as Theta": lambda: ratio(LOCAL, THETA, "seconds", 0),
    "cost of series": cost_of_series,
    "cost of length": cost_of_length,
    "cost of most": cost_of_most,
    "measured on": measured_on,
    "streaming": streaming,
}


def renew(text: str) -> str:
    """Return the text with each figure as the CSV files have it now."""

    def figure(mark: re.Match[str]) -> str:
        content = FIGURES[mark["name"]]()
        content = f"\n\n{content}\n\n" if mark["content"].startswith("\n") else content
        return f"<!-- figure: {mark['name']} -->{content}<!-- end -->"

    return MARK.sub(figure, text)


def pages() -> list[Path]:
    """README and every page that has a figure."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if "_build" not in page.parts and MARK.search(page.read_text(encoding="utf-8"))]


def out_of_date() -> list[str]:
    """Names of the pages and pictures that say something else than the CSV files."""
    from pictures import PICTURES

    stale = [page for page in pages() if (text := page.read_text(encoding="utf-8")) != renew(text)]
    stale += [path for path, (_, source) in PICTURES.items() if digest(source) not in path.read_text(encoding="utf-8")]
    return [path.relative_to(ROOT).as_posix() for path in stale]


def digest(source: Path) -> str:
    """What a picture remembers of the figures that it shows: those of another CSV file have another digest."""
    columns = [name for name in pd.read_csv(source, nrows=0) if name not in ("versions", "date", "command")]
    return hashlib.sha256(pd.read_csv(source)[columns].to_csv(index=False).encode()).hexdigest()[:16]


def main() -> int:
    """Write pages and pictures, or say which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if something is out of date")
    parser.add_argument("--forecast", action="store_true", help="fit the airline series anew first")
    arguments = parser.parse_args()
    if arguments.check:
        stale = out_of_date()
        print("\n".join(stale) or "All figures are those of the CSV files.")
        return int(bool(stale))
    from pictures import PICTURES, forecast_airline

    if arguments.forecast:
        forecast_airline()
    for page in pages():
        page.write_text(renew(page.read_text(encoding="utf-8")), encoding="utf-8")
    for path, (draw, source) in PICTURES.items():
        draw(path, digest(source))
    return 0


if __name__ == "__main__":
    sys.exit(main())
