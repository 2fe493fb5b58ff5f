"""What the benchmarks have measured, read from their CSV files; needs nothing but pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
GROUPS = ("yearly", "quarterly", "monthly", "other")
LOCAL, GLOBAL = "LSTMForecaster local", "LSTMForecaster global"
THETA = "DynamicOptimizedTheta"


def m3(table: str) -> pd.DataFrame:
    """Rows of a table of the M3 benchmark, and those of all groups together for each method that ran on all."""
    rows = pd.read_csv(HERE / "m3.csv").query("table == @table")
    complete = rows[rows.groupby("method")["group"].transform("size") == len(GROUPS)]
    joint = pd.DataFrame([together(part) for _, part in complete.groupby("method", sort=False)])
    if "Naive2" in set(complete["method"]):
        naive = joint.set_index("method").loc["Naive2"]
        joint["OWA"] = (joint["sMAPE"] / naive["sMAPE"] + joint["MASE"] / naive["MASE"]) / 2
    return pd.concat([rows, joint]).sort_values("group", kind="stable", key=lambda g: g.map([*GROUPS, "all"].index))


def together(rows: pd.DataFrame) -> dict[str, object]:
    """All groups of a method: mean errors over their series, all seconds, most memory."""
    means = {key: np.average(rows[key], weights=rows["series"]) for key in ("sMAPE", "MASE", "worse")}
    totals = {key: rows[key].sum() for key in ("series", "fit_s", "predict_s")}
    most = {key: rows[key].max() for key in ("peak_MB", "imports_MB")}
    return {"group": "all", "method": rows["method"].iloc[0], **means, **totals, **most}


def intervals() -> pd.DataFrame:
    """Rows of the benchmark of intervals."""
    return pd.read_csv(HERE / "intervals.csv")


def pretraining() -> pd.DataFrame:
    """Rows of the benchmark of pretraining; the length of the history is a word, since one of them is `all`."""
    return pd.read_csv(HERE / "pretraining.csv", dtype={"history": str})


def long_series() -> pd.DataFrame:
    """Errors and seconds on the long series, by method."""
    return pd.read_csv(HERE / "long_series.csv").set_index("method")


def scale() -> pd.DataFrame:
    """Seconds and memory against the number of series and their length."""
    return pd.read_csv(HERE / "scale.csv")


def streaming() -> pd.DataFrame:
    """Peak memory of both ways to work through a folder of series."""
    return pd.read_csv(HERE / "streaming.csv")
