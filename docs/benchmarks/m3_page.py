"""Put the figures of `m3.csv` and `long_series.csv` into `m3.md`, and draw `m3.svg`.

    python docs/benchmarks/m3_page.py

Measures nothing. A table stands in the page between a comment with its name and the comment `end`.
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from m3 import GROUPS, METHODS, read

HERE = Path(__file__).parent
# Colours of Okabe and Ito, which the colour-blind can tell apart; the markers differ too.
LOOKS = {
    "LSTMForecaster (this package)": {"color": "#D55E00", "marker": "o"},
    "classical, one fit for each series": {"color": "#0072B2", "marker": "s"},
    "other recurrent networks, one fit for each group": {"color": "#009E73", "marker": "^"},
}
# A text font that every viewer has instead of outlines, and the same file from the same figures.
SVG = {"svg.fonttype": "none", "svg.hashsalt": "m3", "font.family": "sans-serif", "font.size": 10}


def scores(table: str) -> str:
    """SMAPE / MASE / OWA of each method and group, the lowest OWA of a group in bold."""
    rows = read(table)
    lowest = rows.groupby("group")["OWA"].transform("min")
    bold = ["**" if low else "" for low in rows["OWA"] <= lowest]
    owa = [f"{mark}{value:.3f}{mark}" for mark, value in zip(bold, rows["OWA"], strict=True)]
    rows["cell"] = [f"{a:.2f} / {b:.3f} / {c}" for a, b, c in zip(rows["sMAPE"], rows["MASE"], owa, strict=True)]
    cells = rows.pivot(index="method", columns="group", values="cell").fillna("")
    sizes = rows.groupby("group")["series"].max()
    groups = [group for group in (*GROUPS, "all") if group in cells]
    heading = {group: f"{group} ({sizes[group]:.0f})" for group in groups}
    return markdown(cells.loc[[name for name in METHODS if name in cells.index], groups].rename(columns=heading))


def costs(table: str) -> str:
    """Seconds and memory of each method that ran on all groups, and how often it is much worse than naive."""
    rows = read(table).query("group == 'all'").set_index("method")
    shown = {
        "fit, s": rows["fit_s"].map("{:.3g}".format),
        "predict, s": rows["predict_s"].map("{:.2g}".format),
        "peak, MB": rows["peak_MB"].map("{:.0f}".format),
        "after imports, MB": rows["imports_MB"].map("{:.0f}".format),
        "worse": rows["worse"].map("{:.0%}".format),
    }
    return markdown(pd.DataFrame(shown))


def long_series() -> str:
    """Errors and seconds on the long series."""
    rows = pd.read_csv(HERE / "long_series.csv").set_index("method")
    return markdown(pd.DataFrame({"MAE, MW": rows["MAE"].map("{:.0f}".format), "fit, s": rows["fit_s"]}))


def markdown(frame: pd.DataFrame) -> str:
    """Table of strings with the index as first column."""
    lines = [["method", *frame.columns], ["-"] * (frame.shape[1] + 1)]
    lines += [[str(name), *map(str, row)] for name, row in zip(frame.index, frame.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("| - ", "|-").replace("- |", "-|")


def look(method: str) -> str:
    """Key of `LOOKS`: whose method it is."""
    ours, classical, peers = LOOKS
    return (
        ours if method.startswith("LSTMForecaster") else peers if METHODS[method].environment == "peers" else classical
    )


def spread(heights: pd.Series, gap: float) -> list[float]:
    """Rising heights of the names beside the picture, moved up where they would touch."""
    places: list[float] = []
    for height in heights:
        places.append(max(height, places[-1] + gap) if places else height)
    return places


def draw(table: str) -> None:
    """Accuracy of all series together against the seconds for them, one point for each method."""
    rows = read(table).query("group == 'all'")
    seconds = rows["fit_s"] + rows["predict_s"]
    with plt.rc_context(SVG):
        figure, axes = plt.subplots(figsize=(9, 5), layout="constrained", facecolor="white")
        for name, part in rows.groupby(rows["method"].map(look)):
            axes.scatter(seconds[part.index], part["OWA"], label=name, s=60, **LOOKS[name])
        rows = rows.assign(seconds=seconds).sort_values("OWA")
        line = {"arrowstyle": "-", "color": "0.75", "linewidth": 0.8, "shrinkB": 4, "relpos": (0, 0.5)}
        for row, height in zip(rows.itertuples(), spread(rows["OWA"], gap=0.04 * np.ptp(rows["OWA"])), strict=True):
            where = {"xytext": (1.03, height), "textcoords": axes.get_yaxis_transform(), "va": "center"}
            axes.annotate(row.method, (row.seconds, row.OWA), arrowprops=line, fontsize=9, zorder=0, **where)
        axes.axhline(1, color="0.6", linewidth=1, linestyle=":")
        axes.set(
            xscale="log", xlabel="processor seconds to fit and forecast all 3003 series", ylabel="OWA (lower is better)"
        )
        axes.set_title("M3, official test part: accuracy against time; Naive2 is 1", loc="left", fontsize=11)
        axes.margins(x=0.08, y=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper left", frameon=False)
        figure.savefig(HERE / "m3.svg", metadata={"Date": None})
        plt.close(figure)


def main() -> None:
    """Write page and picture."""
    tables = {
        "scores full": scores("full"),
        "costs full": costs("full"),
        "scores sample": scores("sample"),
        "costs sample": costs("sample"),
        "long series": long_series(),
    }
    page = HERE / "m3.md"
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", rf"\1\n{table}\n\n\2", text, count=1, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
    draw("full")


if __name__ == "__main__":
    main()
