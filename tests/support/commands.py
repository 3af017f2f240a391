"""The command line in a process of its own, which a test can send signals to at a chosen moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

LONG = 300.0  # s, for a machine that has other work


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def signaled(
    arguments: list[str],
    folder: Path,
    number: signal.Signals,
    when: Callable[[], bool],
    times: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command in ``folder`` and send it a signal, ``times`` over, as soon as ``when()`` is true (or it has ended)."""
    with subprocess.Popen(
        [sys.executable, "-c", "from thecal.experiments.cli import main; main()", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        until = time.monotonic() + LONG
        while program.poll() is None and not when():
            assert time.monotonic() < until, "the moment never came"
            time.sleep(0.002)
        for _ in range(times):
            program.send_signal(number)
            time.sleep(0.05)
        out, err = program.communicate(timeout=LONG)
    return Ended(program.returncode, out, err)


def leftovers(folder: Path) -> list[str]:
    """Drafts and probes that a command should have removed."""
    return [path.name for path in folder.rglob("*") if ".part" in path.name or path.name.startswith(".write_check")]
