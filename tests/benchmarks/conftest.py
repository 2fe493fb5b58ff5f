"""What the benchmarks share: the data, a watch for two rivals, and the table of figures at the end of the run."""

import statistics
import time

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

FIGURES = pytest.StashKey()


def pytest_configure(config):
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter, config):
    if not config.stash[FIGURES]:
        return
    terminalreporter.section("figures for docs/speed.md")
    for what, value in config.stash[FIGURES]:
        terminalreporter.write_line(f"{what:<72} {value}")


@pytest.fixture
def report(pytestconfig):
    """Put a line into the table at the end: what was measured and the figure."""
    return lambda what, value: pytestconfig.stash[FIGURES].append((what, value))


@pytest.fixture
def compare(benchmark, report):
    """Time ours under pytest-benchmark and theirs before each round, so that noise of the machine meets both.

    With `most`, the ratio of the minima, which noise moves least, must not be larger.
    """

    def measure(ours, theirs, *, what, rounds, most=None):
        seconds = []

        def run_theirs():
            start = time.perf_counter()
            theirs()
            seconds.append(time.perf_counter() - start)

        benchmark.pedantic(ours, setup=run_theirs, rounds=rounds, warmup_rounds=1)
        # The first one is that of the warm-up round.
        own, other = benchmark.stats.stats.data, seconds[1:]
        ratio, of_minima = statistics.median(own) / statistics.median(other), min(own) / min(other)
        benchmark.extra_info["ratio"] = ratio
        report(what, f"{readable(own)} / {readable(other)} = {ratio:.3g} (of the minima {of_minima:.3g})")
        assert most is None or of_minima <= most

    return measure


def readable(seconds):
    """Return the median of some durations with a unit."""
    median = statistics.median(seconds)
    return f"{median:.3g} s" if median >= 0.1 else f"{median * 1e3:.3g} ms"


@pytest.fixture(scope="session")
def airline():
    return load_airline()


@pytest.fixture(scope="session")
def monthly_panel():
    """Make a panel of that many seasonal random walks of ten years."""

    def make(num_series, length=120):
        index = pd.MultiIndex.from_product(
            [range(num_series), pd.period_range("2000-01", periods=length, freq="M")], names=["series", "time"]
        )
        walks = np.random.default_rng(0).normal(size=(num_series, length)).cumsum(axis=1)
        season = 10 * np.sin(2 * np.pi * np.arange(length) / 12)
        return pd.DataFrame({"y": (walks + season).ravel()}, index=index)

    return make
