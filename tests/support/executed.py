"""Functions that executors run in other processes, which find them by name wherever the tests were started."""

from __future__ import annotations

import os
import time

import numba

from thecal.core.errors import ConfigError


def square_with_process(item: int) -> tuple[int, int, int]:
    """The square, who worked it out and with how many threads; the first items take longest."""
    time.sleep(0.2 if item == 0 else 0.0)
    return item * item, os.getpid(), numba.get_num_threads()


def refuse_three(item: int) -> int:
    """Fails for 3 in a way that a user can meet."""
    if item == 3:
        raise ConfigError("three is refused")
    return item
