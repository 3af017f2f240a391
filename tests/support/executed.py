"""Functions that executors run in other processes, which find them by name wherever the tests were started."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

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


def die_at_three(item: int) -> int:
    """Ends its process at 3, as the kernel does where memory runs out."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def wait_long(folder: str) -> None:
    """Says that it runs by a file named after its process, then works for a minute."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(60.0)


def main() -> None:
    """A program whose two workers wait: ``python executed.py FOLDER``."""
    from thecal.core.executor import Processes
    from thecal.core.signals import ending

    with ending():
        list(Processes(2).map(wait_long, [sys.argv[1]] * 2))


if __name__ == "__main__":
    main()
