"""Executors: results in the order of the items, items read a few ahead, exceptions where the result would have come."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from thecal.core import executor
from thecal.core.errors import ConfigError, WorkerError
from thecal.core.executor import AHEAD, Executor, Processes, Serial, kept, local

from support import executed
from support.executed import die_at_three, refuse_three, square_with_process

WORKERS = 2
KINDS = pytest.mark.parametrize("runs", [Serial(), Processes(WORKERS)], ids=["serial", "processes"])


class Counted:
    """Counts how many items were read."""

    def __init__(self, n: int) -> None:
        self.n, self.read = n, 0

    def __iter__(self) -> Iterator[int]:
        for item in range(self.n):
            self.read += 1
            yield item


def test_processes_keep_the_order_and_run_one_thread_each() -> None:
    done = list(Processes(WORKERS).map(square_with_process, range(9)))
    assert [square for square, _, _ in done] == [item * item for item in range(9)]
    assert os.getpid() not in {who for _, who, _ in done}
    assert {threads for _, _, threads in done} == {1}


def test_one_process_is_this_process() -> None:
    assert list(Serial().map(square_with_process, range(2)))[1][1] == os.getpid()


def test_items_are_read_a_few_ahead_and_an_early_stop_ends_it() -> None:
    source = Counted(1_000)
    results = Processes(WORKERS).map(refuse_three, source)
    assert source.read == 0
    assert next(results) == 0
    assert source.read == AHEAD * WORKERS + 1
    assert next(results) == 1
    assert source.read == AHEAD * WORKERS + 2
    results.close()
    assert source.read == AHEAD * WORKERS + 2


def test_one_process_reads_an_item_as_its_result_is_asked_for() -> None:
    source = Counted(1_000)
    results = Serial().map(refuse_three, source)
    assert [next(results), source.read, next(results), source.read] == [0, 1, 1, 2]


@KINDS
def test_an_exception_comes_where_its_result_would_have_come(runs: Executor) -> None:
    results = runs.map(refuse_three, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ConfigError, match="three is refused"):
        next(results)


@KINDS
def test_no_items_give_no_results(runs: Executor) -> None:
    assert isinstance(runs, Executor)
    assert list(runs.map(refuse_three, [])) == []


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_worker_is_refused(workers: int) -> None:
    for make in (Processes, local):
        with pytest.raises(ConfigError, match=f"workers must be at least 1, not {workers}"):
            make(workers)


def test_the_local_executor_uses_a_process_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "available_cores", lambda: 3)
    found = local()
    assert isinstance(found, Processes)
    assert found.workers == 3
    assert isinstance(local(1), Serial)
    monkeypatch.setattr(executor, "available_cores", lambda: 1)
    assert isinstance(local(), Serial)


def test_a_dead_worker_is_one_sentence() -> None:
    results = Processes(WORKERS).map(die_at_three, range(12))
    with pytest.raises(WorkerError, match=r"a worker process died at item \d+ .*; run again with fewer than 2 workers"):
        list(results)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["asked", "killed"])
def test_workers_end_with_their_parent(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(executed.__file__).parents[1])])}
    with subprocess.Popen(
        [sys.executable, "-m", "support.executed", str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
    ) as program:
        workers = _waited(lambda: [int(path.name) for path in tmp_path.iterdir()], 2)
        program.send_signal(number)
        program.wait(timeout=30)
    _waited(lambda: [who for who in workers if not _runs(who)], 2)


def _waited(found: Callable[[], list[int]], count: int) -> list[int]:
    """What is found as soon as there are ``count``; fails after half a minute."""
    until = time.monotonic() + 30.0
    while len(found()) < count:
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.05)
    return found()


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_kept_processes_serve_several_maps() -> None:
    shared = Processes(WORKERS)
    with kept(shared):
        seen = [{who for _, who, _ in shared.map(square_with_process, range(9))} for _ in range(3)]
        assert len(set().union(*seen)) <= WORKERS
        with pytest.raises(ConfigError, match="three"):
            list(shared.map(refuse_three, range(9)))
        assert [square for square, _, _ in shared.map(square_with_process, range(3))] == [0, 1, 4]
    assert {who for _, who, _ in shared.map(square_with_process, range(9))}.isdisjoint(set().union(*seen))


def test_what_has_no_processes_keeps_none() -> None:
    with kept(Serial()):
        assert list(Serial().map(abs, [-1])) == [1]
