"""How long fit and predict take, against a bare torch loop and against sktime's forecasters."""

import copy
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from sktime.forecasting.arima import AutoARIMA
from sktime.forecasting.naive import NaiveForecaster
from torch import Tensor, nn

import sktime_lstm.training.trainer
from sktime_lstm import LSTMForecaster
from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.network.losses import LOSSES
from sktime_lstm.network.network import Network
from sktime_lstm.runtime import single_thread
from sktime_lstm.training.loop import GRADIENT_NORM, TrainingPlan

pytestmark = [
    pytest.mark.benchmark,
    # The rivals' libraries announce changes of their own.
    pytest.mark.filterwarnings("ignore"),
]

FH = list(range(1, 13))
NUM_SINGLE_FITS = 5
# What is timed is a training; the default leaves short series untrained.
TRAINED = {"fine_tune": "scratch", "random_state": 0}


@dataclass(frozen=True)
class Training:
    """A training that fit has run: the network as it was before, its windows, gathered and scaled, and the plan."""

    network: Network
    window: WindowBatch
    target: Tensor
    plan: TrainingPlan


@pytest.fixture
def trainings_of(monkeypatch):
    """Run fit once and return all trainings in it: that of the network and that of the hold-out network."""

    def listen(forecaster, y):
        seen = []
        train = sktime_lstm.training.trainer.run_training_loop

        def listening_train(network, examples, plan, **others):
            seen.append(Training(copy.deepcopy(network), *examples.batch(slice(None)), plan))
            return train(network, examples, plan, **others)

        with monkeypatch.context() as patch:
            patch.setattr(sktime_lstm.training.trainer, "run_training_loop", listening_train)
            forecaster.fit(y)
        return seen

    return listen


def train_bare(training: Training) -> None:
    """Train as a torch tutorial does: no schedule, no history, no check of the gradient."""
    network, plan = copy.deepcopy(training.network).train(), training.plan
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    for window, target in itertools.islice(batches(training), plan.steps):
        optimiser.zero_grad()
        LOSSES["mae"](network(window), target).backward()
        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
        optimiser.step()


def batches(training: Training) -> Iterator[tuple[WindowBatch, Tensor]]:
    window, target = training.window, training.target
    if len(target) <= training.plan.batch_size:
        yield from itertools.repeat((window, target))
    while True:
        for chosen in torch.randperm(len(target)).split(training.plan.batch_size):
            yield WindowBatch(window.context[chosen], window.covariates[chosen], window.sp), target[chosen]


def compare_with_bare_torch(compare, trainings_of, forecaster, y, *, what, rounds):
    trainings = trainings_of(forecaster, y)

    def bare():
        with single_thread():
            for training in trainings:
                train_bare(training)

    compare(lambda: forecaster.fit(y), bare, what=what, rounds=rounds)


def test_fit_of_airline_against_a_bare_torch_loop(compare, trainings_of, airline):
    compare_with_bare_torch(
        compare, trainings_of, LSTMForecaster(**TRAINED), airline, what="fit airline / bare torch loop", rounds=25
    )


def test_fit_of_a_panel_against_a_bare_torch_loop(compare, trainings_of, monthly_panel):
    compare_with_bare_torch(
        compare,
        trainings_of,
        LSTMForecaster(**TRAINED, max_epochs=1),
        monthly_panel(200),
        what="fit 200 series x 120 points, one epoch / bare torch loop",
        rounds=5,
    )


def test_fit_of_airline_against_auto_arima(compare, airline):
    arima = AutoARIMA(sp=12, suppress_warnings=True)
    compare(
        lambda: LSTMForecaster(**TRAINED).fit(airline),
        lambda: arima.fit(airline),
        what="fit airline / AutoARIMA(sp=12)",
        rounds=5,
    )


def test_predict_against_naive(compare, airline):
    ours, naive = LSTMForecaster(**TRAINED).fit(airline), NaiveForecaster(sp=12).fit(airline)
    compare(lambda: ours.predict(fh=FH), lambda: naive.predict(fh=FH), what="predict(12) / NaiveForecaster", rounds=50)


def test_predict_interval_against_naive(compare, airline):
    ours, naive = LSTMForecaster(**TRAINED).fit(airline), NaiveForecaster(sp=12).fit(airline)
    compare(
        lambda: ours.predict_interval(fh=FH),
        lambda: naive.predict_interval(fh=FH),
        what="predict_interval(12) / NaiveForecaster",
        rounds=10,
    )


def test_thousand_series_as_one_panel_against_a_thousand_fits(benchmark, report, monthly_panel):
    panel = monthly_panel(1_000)
    singles = []
    for number in range(NUM_SINGLE_FITS + 1):
        start = time.perf_counter()
        LSTMForecaster(**TRAINED).fit(panel.loc[number])
        singles.append(time.perf_counter() - start)
    forecaster = LSTMForecaster(**TRAINED)
    benchmark.pedantic(lambda: forecaster.fit(panel), rounds=1)
    fit = benchmark.stats.stats.min
    thousand = 1_000 * statistics.median(singles[1:])
    report("fit 1000 series x 120 points / 1000 single fits", f"{fit:.3g} s / {thousand:.3g} s = {fit / thousand:.3g}")
    report_panel_predict(report, forecaster, NaiveForecaster(sp=12).fit(panel))


def report_panel_predict(report, ours, naive):
    seconds = []
    for forecaster in (ours, naive):
        start = time.perf_counter()
        forecaster.predict(fh=FH)
        seconds.append(time.perf_counter() - start)
    ratio = seconds[0] / seconds[1]
    report("predict(12) of 1000 series / NaiveForecaster", f"{seconds[0]:.3g} s / {seconds[1]:.3g} s = {ratio:.3g}")


COLD = """
import time
from sktime.datasets import load_airline
y = load_airline()
marks = [time.perf_counter()]
import torch
marks.append(time.perf_counter())
from sktime_lstm import LSTMForecaster
from sktime_lstm.data.windows import WindowBatch
for fit in range(3):
    marks.append(time.perf_counter())
    LSTMForecaster(fine_tune="scratch", random_state=0).fit(y)
marks.append(time.perf_counter())
print(*(later - earlier for earlier, later in zip(marks, marks[1:])))
"""


def test_first_fit_of_a_process(benchmark, report):
    def run():
        done = subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, check=True)
        return [float(seconds) for seconds in done.stdout.split()]

    torch_import, own_import, first, _, third = benchmark.pedantic(run, rounds=1, warmup_rounds=1)
    report("cold: import torch, then sktime_lstm", f"{torch_import:.2f} s, {own_import:.2f} s")
    report("cold: first fit of airline, third fit", f"{first:.2f} s, {third:.2f} s")
