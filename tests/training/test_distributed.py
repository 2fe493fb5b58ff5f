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

from sktime_lstm.training.distributed import (
    SINGLE_PROCESS,
    ProcessGroup,
    _kind_of_device,
    current_group,
    train_together,
)

ROOT = Path(__file__).resolve().parents[2]

JOB = """
import os, sys
import numpy as np
sys.path[:0] = {folders!r}
from test_distributed import learned

weights = {{"seeded": learned(0), "unseeded": learned(None), "tuned": learned(0, hidden_size=None)}}
np.savez({folder!r} + "/weights" + os.environ["RANK"], **weights)
"""

JOB_WITH_A_GROUP_OF_ITS_OWN = """
import sys
import numpy as np
import torch.distributed as dist
sys.path[:0] = {folders!r}
from test_distributed import learned
from sktime_lstm.training.distributed import train_together

rank = int(sys.argv[1])
dist.init_process_group("gloo", store=dist.FileStore({folder!r} + "/store", 2), rank=rank, world_size=2)
if rank == 0:
    np.save({folder!r} + "/alone", learned(0))
with train_together():
    np.save({folder!r} + "/together" + sys.argv[1], learned(0))
dist.barrier()
dist.destroy_process_group()
"""


def learned(seed, **parameters):
    """Weights after two pretrainings in batches of 32 windows; without a size they start from those of the package."""
    forecaster = small(random_state=seed, batch_size=32, **parameters)
    forecaster.pretrain(panel_of_waves(4)).pretrain(panel_of_waves(3, seed=9))
    network = forecaster.pretrained_model_.model.network
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).numpy()


@pytest.mark.slow
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
    assert_array_equal(first["tuned"], second["tuned"])
    for name, alone in {"seeded": learned(0), "tuned": learned(0, hidden_size=None)}.items():
        assert_allclose(first[name], alone, atol=2e-3)
        assert np.abs(first[name] - alone).max() > 0


@pytest.mark.slow
def test_a_group_that_is_there_for_other_reasons_is_joined_only_when_asked_for(tmp_path):
    folders = [str(ROOT / "tests"), str(Path(__file__).parent)]
    (tmp_path / "job.py").write_text(JOB_WITH_A_GROUP_OF_ITS_OWN.format(folders=folders, folder=str(tmp_path)))
    command = [sys.executable, "-W", "ignore", "job.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    jobs = [subprocess.Popen([*command, str(rank)], cwd=tmp_path, env=environment) for rank in range(2)]
    assert [job.wait(timeout=500) for job in jobs] == [0, 0]
    alone, first, second = (np.load(tmp_path / f"{name}.npy") for name in ("alone", "together0", "together1"))
    assert_array_equal(alone, learned(0))
    assert_array_equal(first, second)
    assert 0 < np.abs(first - alone).max() < 2e-3


def test_a_block_decides_whether_the_group_of_the_caller_takes_part():
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        assert current_group() is SINGLE_PROCESS
        with train_together():
            assert current_group() is not SINGLE_PROCESS
            assert current_group() == ProcessGroup(0, 1, "cpu")
        assert current_group() is SINGLE_PROCESS
    finally:
        torch.distributed.destroy_process_group()


def test_nobody_trains_together_without_a_group():
    with pytest.raises(RuntimeError, match=r"no process group. Call torch.distributed.init_process_group first"):
        train_together().__enter__()


@pytest.mark.parametrize(
    ("backends", "kind"),
    [("cpu:gloo", "cpu"), ("cpu:gloo,cuda:nccl", "cpu"), ("cuda:nccl,cpu:gloo", "cpu"), ("cuda:nccl", "cuda")],
)
def test_numbers_are_exchanged_on_the_cpu_wherever_the_group_can(backends, kind):
    assert _kind_of_device(backends) == kind


def test_a_group_that_knows_only_gpus_trains_and_exchanges_there(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert ProcessGroup(1, 2, "cuda").device(torch.device("cpu")) == torch.device("cuda", 1)
    assert ProcessGroup(1, 2, "cuda").device(torch.device("cuda", 0)) == torch.device("cuda", 0)
    assert ProcessGroup(0, 1, "cuda").device(torch.device("cpu")) == torch.device("cpu")


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
