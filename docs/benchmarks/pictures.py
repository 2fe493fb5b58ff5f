"""The pictures of README and pages that show measured figures; `pages.py` draws them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import results
from m3_methods import METHODS
from results import GLOBAL, LOCAL

HERE = Path(__file__).parent
# A text font that every viewer has instead of outlines, and the same file from the same figures.
SVG = {"svg.fonttype": "none", "svg.hashsalt": "sktime-lstm", "font.family": "sans-serif", "font.size": 10}
# Colours of Okabe and Ito, which the colour-blind can tell apart; the markers differ too.
LOOKS = {
    "LSTMForecaster (this package)": {"color": "#D55E00", "marker": "o"},
    "classical, one fit for each series": {"color": "#0072B2", "marker": "s"},
    "other recurrent networks, one fit for each group": {"color": "#009E73", "marker": "^"},
}
INTERVAL_LOOKS = {LOCAL: "#D55E00", GLOBAL: "#E69F00", "AutoARIMA": "#0072B2", "AutoETS": "#009E73"}
COST_LOOKS = {
    "LSTMForecaster": {"color": "#D55E00", "marker": "o"},
    "LSTMForecaster, fine_tune='none'": {"color": "#E69F00", "marker": "o", "linestyle": "--"},
    "neuralforecast LSTM": {"color": "#009E73", "marker": "^"},
    "DynamicOptimizedTheta": {"color": "#0072B2", "marker": "s"},
    "AutoETS": {"color": "#56B4E9", "marker": "s"},
}
COVERAGES = (50, 60, 70, 80, 90, 95)
CLOSE = 0.9
"""Highest OWA in the second panel, where the methods crowd that are worth a choice."""


def accuracy_against_time(path: Path, digest: str) -> None:
    """Accuracy of all series together against the seconds for them; at the right those below `CLOSE`, larger."""
    rows = results.m3("full").query("group == 'all'").sort_values("OWA")
    rows = rows.assign(seconds=rows["fit_s"] + rows["predict_s"])
    with plt.rc_context(SVG):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained", facecolor="white")
        _scatter(left, rows, "all methods")
        _name(left, rows[rows["OWA"] >= CLOSE])
        _scatter(right, rows[rows["OWA"] < CLOSE], f"the grey part: OWA below {CLOSE}")
        _name(right, rows[rows["OWA"] < CLOSE])
        bottom = left.get_ylim()[0]
        left.axhspan(bottom, CLOSE, color="0.92", zorder=0)
        left.set_ylim(bottom=bottom)
        left.axhline(1, color="0.6", linewidth=1, linestyle=":")
        left.set_ylabel("OWA (lower is better; Naive2 is 1)")
        left.legend(loc="center left", bbox_to_anchor=(0, 0.62), frameon=False, fontsize=8)
        figure.suptitle("M3, all 3003 series: accuracy against time", x=0.01, ha="left", fontsize=11)
        _save(figure, path, digest)


def _scatter(axes: Any, rows: pd.DataFrame, title: str) -> None:
    for name, part in rows.groupby(rows["method"].map(_look), sort=False):
        axes.scatter(part["seconds"], part["OWA"], label=name, s=45, zorder=3, **LOOKS[name])
    axes.set(xscale="log", xlabel="processor seconds, fit and forecast")
    axes.set_title(title, loc="left", fontsize=10)
    axes.margins(x=0.1, y=0.12)
    axes.spines[["top", "right"]].set_visible(False)


def _name(axes: Any, rows: pd.DataFrame) -> None:
    line = {"arrowstyle": "-", "color": "0.75", "linewidth": 0.8, "shrinkB": 4, "relpos": (0, 0.5)}
    gap = 0.055 * max(np.ptp(rows["OWA"]), 0.01)
    for row, height in zip(rows.itertuples(), _spread(rows["OWA"], gap), strict=True):
        where = {"xytext": (1.02, height), "textcoords": axes.get_yaxis_transform(), "va": "center"}
        axes.annotate(row.method, (row.seconds, row.OWA), arrowprops=line, fontsize=8, zorder=1, **where)


def _look(method: str) -> str:
    ours, classical, peers = LOOKS
    if method.startswith("LSTMForecaster"):
        return ours
    return peers if METHODS[method].environment == "peers" else classical


def _spread(heights: pd.Series, gap: float) -> list[float]:
    """Rising heights of the names beside the picture, moved up where they would touch."""
    places: list[float] = []
    for height in heights:
        places.append(max(height, places[-1] + gap) if places else height)
    return places


def coverage(path: Path, digest: str) -> None:
    """Nominal against measured coverage of each group, and below it the coverage of 90 % intervals at each step."""
    rows = results.intervals()
    groups = list(rows["group"].drop_duplicates())
    with plt.rc_context({**SVG, "font.size": 9}):
        figure, axes = plt.subplots(2, 3, figsize=(9, 6), layout="constrained", facecolor="white", sharey="row")
        for row in rows[rows["method"].isin(list(INTERVAL_LOOKS))].to_dict("records"):
            upper, lower = axes[:, groups.index(row["group"])]
            look = {"color": INTERVAL_LOOKS[row["method"]], "marker": ".", "label": row["method"]}
            upper.plot(COVERAGES, [row[f"covered_{share}"] for share in COVERAGES], **look)
            steps = np.array(row["steps_90"].split(), float)
            lower.plot(range(1, len(steps) + 1), steps, **look)
        for group, (upper, lower) in zip(groups, axes.T, strict=True):
            upper.plot([45, 100], [45, 100], color="0.6", linewidth=1, linestyle=":")
            upper.set(title=group, xlabel="nominal, %")
            lower.axhline(90, color="0.6", linewidth=1, linestyle=":")
            lower.set(xlabel="step ahead")
        axes[0, 0].set_ylabel("covered, %")
        axes[1, 0].set_ylabel("covered by 90 % intervals, %")
        axes[0, 0].legend(frameon=False)
        _save(figure, path, digest)


def forecast_airline() -> None:
    """Forecast the last two years of the airline series with default parameters and keep the numbers."""
    from sktime.datasets import load_airline

    from sktime_lstm import LSTMForecaster

    y = load_airline().to_timestamp()
    forecaster = LSTMForecaster(random_state=0).fit(load_airline()[:-24])
    ends = forecaster.predict_interval(fh=range(1, 25), coverage=[0.5, 0.9]).to_timestamp()
    ends.columns = ["lower 50", "upper 50", "lower 90", "upper 90"]
    point = forecaster.predict(fh=range(1, 25)).to_timestamp().rename("forecast")
    table = pd.concat([y.rename("actual"), point, ends], axis=1).iloc[-72:].round(1)
    table.rename_axis("month").to_csv(HERE / "airline.csv")


def forecast(path: Path, digest: str) -> None:
    """Forecast of the airline series with its intervals, and what came."""
    table = pd.read_csv(HERE / "airline.csv", index_col="month", parse_dates=True)
    ahead = table.dropna()
    with plt.rc_context(SVG):
        figure, axes = plt.subplots(figsize=(9, 3.6), layout="constrained", facecolor="white")
        axes.plot(table["actual"], color="#333333", label="actual")
        axes.plot(ahead["forecast"], color="#D55E00", label="forecast")
        for share, alpha in ((90, 0.18), (50, 0.35)):
            ends = ahead[f"lower {share}"], ahead[f"upper {share}"]
            axes.fill_between(ahead.index, *ends, color="#D55E00", alpha=alpha, lw=0, label=f"{share} % interval")
        axes.set_ylabel("thousand passengers")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper left", frameon=False, ncols=2)
        _save(figure, path, digest)


def cost(path: Path, digest: str) -> None:
    """Seconds for fit and predict against the number of series, and against the length of one."""
    rows = results.scale()
    rows = rows.assign(seconds=rows["fit_s"] + rows["predict_s"].fillna(0))
    with plt.rc_context(SVG):
        figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", facecolor="white", sharey=True)
        sides = {"series": rows[rows["series"] > 1], "points": rows[rows["series"] == 1]}
        for ax, (across, part) in zip(axes, sides.items(), strict=True):
            for method, line in part.groupby("method", sort=False):
                ax.plot(line[across], line["seconds"], label=method, **COST_LOOKS[method])
            ax.set(xscale="log", yscale="log")
            ax.grid(color="0.9")
            ax.spines[["top", "right"]].set_visible(False)
        axes[0].set(xlabel="series of 60 points", ylabel="processor seconds, fit and forecast")
        axes[1].set(xlabel="points of one series")
        axes[0].legend(frameon=False, fontsize=8)
        _save(figure, path, digest)


def _save(figure: Any, path: Path, digest: str) -> None:
    figure.savefig(path, metadata={"Date": None, "Description": f"Figures with the digest {digest}"})
    plt.close(figure)


PICTURES: dict[Path, tuple[Callable[[Path, str], None], Path]] = {
    HERE / "m3.svg": (accuracy_against_time, HERE / "m3.csv"),
    HERE / "intervals.svg": (coverage, HERE / "intervals.csv"),
    HERE / "airline.svg": (forecast, HERE / "airline.csv"),
    HERE / "scale.svg": (cost, HERE / "scale.csv"),
}
