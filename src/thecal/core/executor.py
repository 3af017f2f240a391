"""What runs in parallel: one function over many items, results in the order of the items, through whatever does the work.

An executor knows nothing of patients. Studies cut their work into blocks, hand them over with a function that can be pickled,
and read the results as they come; local processes are here, and a cluster needs no more than the same :meth:`Executor.map`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Protocol, TypeVar, runtime_checkable

from thecal.core.errors import ConfigError, WorkerError
from thecal.core.jit import available_cores, set_threads

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2  # items handed out ahead of each worker: enough to keep it busy, few enough to bound memory


@runtime_checkable
class Executor(Protocol):
    """Runs a function over items."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in the order of ``items``, each as soon as it and those before it are ready.

        Items are read a few ahead of the results, so that neither has to fit into memory. An exception of ``function`` is
        raised where its result would have come.
        """


class Serial:
    """Everything in this process, one item after the other."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See :class:`Executor`."""
        return map(function, items)


class Processes:
    """Local processes with one thread each, spawned anew for each :meth:`map` unless they are :meth:`kept`.

    They end with this process, however it ends.

    Args:
        workers: how many, at least 1.

    Raises:
        ConfigError: fewer than 1.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise ConfigError(f"workers must be at least 1, not {workers}")
        self.workers = workers
        self._kept: ProcessPoolExecutor | None = None
        self._strangers: set[multiprocessing.process.BaseProcess] = set()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let every :meth:`map` in the body use the same processes, which starts them once; one :meth:`map` at a time."""
        self._strangers = set(multiprocessing.active_children())
        self._kept = self._begun()
        try:
            yield
        finally:
            pool, self._kept = self._kept, None
            pool.shutdown(wait=True, cancel_futures=True)

    def _begun(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_work
        )

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See :class:`Executor`.

        Raises:
            WorkerError: a process died, for example because memory ran out.
        """
        source = iter(items)
        others = set(multiprocessing.active_children()) if self._kept is None else self._strangers
        pool = self._kept or self._begun()
        running: deque[Future[Result]] = deque()
        done = 0
        try:
            for item in islice(source, AHEAD * self.workers):
                running.append(pool.submit(function, item))
            while running:
                result = running.popleft().result()
                for item in islice(source, 1):
                    running.append(pool.submit(function, item))
                done += 1
                yield result
        except BrokenProcessPool as error:
            raise WorkerError(
                f"a worker process died at item {done + 1} or one of the {AHEAD * self.workers} after it (most often memory "
                f"ran out); run again with fewer than {self.workers} workers"
            ) from error
        except KeyboardInterrupt:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()  # what they were computing is not wanted any more
            raise
        finally:
            # Also when the reader stops early: what was handed out and not begun is dropped.
            for left in running:
                left.cancel()
            if pool is not self._kept:
                pool.shutdown(wait=True, cancel_futures=True)


def _begin_work() -> None:
    """Prepare a worker: one thread, no answer to signals from the terminal, and an end when the parent is gone."""
    set_threads(1)
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # the parent has them too, and decides
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def kept(executor: Executor) -> AbstractContextManager[None]:
    """A body in which several maps of an executor share its processes, where it has any to share."""
    own: AbstractContextManager[None] = executor.kept() if isinstance(executor, Processes) else nullcontext()
    return own


def local(workers: int | None = None) -> Executor:
    """The executor for ``workers`` processes of this machine (one a core by default); for one, this process itself.

    Raises:
        ConfigError: fewer than 1.
    """
    count = available_cores() if workers is None else workers
    return Serial() if count == 1 else Processes(count)
