"""Commands in hostile surroundings: run as programs of their own, with the descriptors and modules that a test wants."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

MAIN = "from thecal.experiments.cli import main; main()"
SECONDS = 300


class Ended(NamedTuple):
    """How a command ended: its exit code, and what it said where somebody could read it."""

    code: int
    out: str
    err: str


def ended(
    arguments: Sequence[str],
    folder: Path,
    *,
    redirect: str = "",
    without: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command line by the shell, with ``redirect`` behind it and the modules ``without`` as if not installed."""
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in without)
    code = f"import sys; {hidden}{MAIN}"
    line = f'"$0" -c "$1" "${{@:2}}" {redirect}'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line, sys.executable, code, *arguments], cwd=folder, capture_output=True, text=True,
        check=False, timeout=SECONDS, env={**os.environ, **(env or {})},
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def lines(text: str) -> list[str]:
    """The lines of a text that say something."""
    return [line for line in text.splitlines() if line.strip()]
