"""Which process a run belongs to, so that runs left RUNNING by a process that was killed are known for what they are."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

HOST, PROCESS, BEGUN = "thecal.host", "thecal.pid", "thecal.process_begun"


def tags() -> dict[str, str]:
    """Tags that name this process."""
    return {HOST: socket.gethostname(), PROCESS: str(os.getpid()), BEGUN: _begun(os.getpid())}


def is_gone(found: Mapping[str, str]) -> bool | None:
    """Whether the process that tags name has ended; None where that cannot be known from this machine."""
    if found.get(HOST) != socket.gethostname() or not found.get(PROCESS, "").isdigit():
        return None
    number = int(found[PROCESS])
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it is another user's
        return None if not found.get(BEGUN) else found[BEGUN] != _begun(number)
    return bool(found.get(BEGUN)) and found[BEGUN] != _begun(number)


def _begun(number: int) -> str:
    """When a process began, so that a number that is used again is told apart; empty where the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name of the program, in parentheses, may hold anything; the beginning is the 20th field after it.
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return f"{boot}:{fields[19]}"
    except (OSError, IndexError):
        return ""
