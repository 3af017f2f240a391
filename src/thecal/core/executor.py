"""What runs in parallel: one function over many items, results in the order of the items, through whatever does the work.

An executor knows nothing of patients. Studies cut their work into blocks, hand them over with a function that can be pickled,
and read the results as they come; local processes are here, and a cluster needs no more than the same :meth:`Executor.map`.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Protocol, TypeVar, runtime_checkable

from thecal.core.errors import ConfigError
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
    """Local processes, spawned anew for each :meth:`map`, with one thread each.

    Args:
        workers: how many, at least 1.

    Raises:
        ConfigError: fewer than 1.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise ConfigError(f"workers must be at least 1, not {workers}")
        self.workers = workers

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See :class:`Executor`."""
        source = iter(items)
        pool = ProcessPoolExecutor(
            self.workers, mp_context=multiprocessing.get_context("spawn"), initializer=set_threads, initargs=(1,)
        )
        running: deque[Future[Result]] = deque()
        try:
            for item in islice(source, AHEAD * self.workers):
                running.append(pool.submit(function, item))
            while running:
                result = running.popleft().result()
                for item in islice(source, 1):
                    running.append(pool.submit(function, item))
                yield result
        finally:
            # Also when the reader stops early: what was handed out and not begun is dropped.
            pool.shutdown(wait=True, cancel_futures=True)


def local(workers: int | None = None) -> Executor:
    """The executor for ``workers`` processes of this machine (one a core by default); for one, this process itself.

    Raises:
        ConfigError: fewer than 1.
    """
    count = available_cores() if workers is None else workers
    return Serial() if count == 1 else Processes(count)
