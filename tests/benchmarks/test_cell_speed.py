"""How long a recurrent layer takes, forward and backward, against torch's fused LSTM."""

import pytest
import torch

from sktime_lstm.network.cells import CELLS, initialise
from sktime_lstm.runtime import single_thread

BATCH, STEPS, INPUTS, UNITS = 128, 36, 20, 64

pytestmark = pytest.mark.benchmark


def make_layer(cell):
    layer = CELLS[cell](INPUTS, UNITS)
    initialise(layer, UNITS, torch.Generator().manual_seed(0))
    return layer


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "lstm"])
def test_a_layer_against_the_fused_lstm(compare, cell):
    inputs = torch.randn(BATCH, STEPS, INPUTS, generator=torch.Generator().manual_seed(0))

    def run(layer):
        with single_thread():
            layer(inputs).square().sum().backward()

    ours, theirs = make_layer(cell), make_layer("lstm")
    compare(
        lambda: run(ours),
        lambda: run(theirs),
        what=f"{cell} layer, {BATCH} windows x {STEPS} steps x {UNITS} units / fused LSTM",
        rounds=30,
    )
