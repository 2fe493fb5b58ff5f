"""Several processes that train one network: what each does, and that all end with the same weights."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from toys import panel_of_waves, small

from sktime_lstm.training.distributed import ProcessGroup, current_group

ROOT = Path(__file__).resolve().parents[2]

JOB = """
import os, sys
import numpy as np
sys.path[:0] = {folders!r}
from test_distributed import learned

np.savez({folder!r} + "/weights" + os.environ["RANK"], seeded=learned(0), unseeded=learned(None))
"""


def learned(seed):
    """Weights after two pretrainings in batches of 32 windows."""
    forecaster = small(random_state=seed, batch_size=32).pretrain(panel_of_waves(4)).pretrain(panel_of_waves(3, seed=9))
    network = forecaster.pretrained_model_.model.network
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).numpy()


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed training")
def test_two_processes_end_with_the_same_weights_near_those_of_one(tmp_path):
    (tmp_path / "job.py").write_text(
        JOB.format(folders=[str(ROOT / "tests"), str(Path(__file__).parent)], folder=str(tmp_path))
    )
    launch = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run([*launch, "job.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=500)
    assert done.returncode == 0
    first, second = (np.load(tmp_path / f"weights{rank}.npz") for rank in range(2))
    assert_array_equal(first["seeded"], second["seeded"])
    assert_array_equal(first["unseeded"], second["unseeded"])
    alone = learned(0)
    assert_allclose(first["seeded"], alone, atol=2e-3)
    assert np.abs(first["seeded"] - alone).max() > 0


@pytest.mark.parametrize("windows", [1, 2, 5, 6])
def test_the_shards_of_a_batch_are_equally_large_and_cover_it(windows):
    batch = torch.arange(10, 10 + windows)
    shards = [ProcessGroup(rank, 2).shard(batch) for rank in range(2)]
    assert len(shards[0]) == len(shards[1])
    assert set(torch.cat(shards).tolist()) == set(batch.tolist())


def test_a_process_alone_takes_all_and_agrees_with_itself():
    network, batch = torch.nn.Linear(1, 1), torch.arange(3)
    group = current_group()
    assert (group.rank, group.size) == (0, 1)
    assert group.wrap(network) is network
    assert group.shard(batch) is batch
    assert (group.mean(2.5), group.broadcast(7)) == (2.5, 7)


def test_every_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert ProcessGroup(5, 8).device(torch.device("cuda")) == torch.device("cuda", 3)
    assert ProcessGroup(5, 8).device(torch.device("cpu")) == torch.device("cpu")
    assert ProcessGroup().device(torch.device("cuda")) == torch.device("cuda")
