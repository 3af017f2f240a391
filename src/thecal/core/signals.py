"""Signals that end a command: SIGTERM and SIGHUP do what Ctrl-C does, and what is being saved is saved first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
_AGAIN_S = 0.02
_FIRST_CODE = 128  # a shell's exit code of a program that a signal ended is this and the signal's number


class Ended(KeyboardInterrupt):
    """A signal asked the command to end; whatever cleans up after Ctrl-C cleans up after it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(number: int) -> int:
    """Exit code of a command that signal ``number`` ended: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP."""
    return _FIRST_CODE + number


class Watch:
    """What has come so far, and whether it has to wait."""

    def __init__(self) -> None:
        self.first: int | None = None  # the signal that ended the command
        self.count = 0
        self.holds = 0  # how many blocks that must finish are running
        self.waiting: int | None = None  # a signal that came during one of them
        self.again: threading.Timer | None = None  # it was raised where nothing can be raised, and comes once more


_watch = Watch()


@contextmanager
def ending() -> Iterator[Watch]:
    """Let signals end what runs inside, in the main thread; elsewhere nothing is installed.

    The first signal raises :class:`Ended`, or does so when what :func:`held` holds is finished. The second only says that
    saving goes on, the third raises again, and any later one ends the process at once. A signal that is ignored (under
    ``nohup``) stays ignored.
    """
    global _watch
    before, _watch = _watch, Watch()
    hook, old = sys.unraisablehook, {}
    sys.unraisablehook = partial(_unraisable, hook)
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                old[number] = signal.signal(number, _received)
    try:
        yield _watch
    finally:
        if _watch.again is not None:
            _watch.again.cancel()
        for number, handler in old.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook
        _watch = before


@contextmanager
def held() -> Iterator[None]:
    """Let what runs inside finish although a signal comes; the signal ends the command afterwards, the third one at once."""
    watch = _watch
    watch.holds += 1
    try:
        yield
    finally:
        watch.holds -= 1
    if watch.waiting is not None and not watch.holds:
        number, watch.waiting = watch.waiting, None
        raise Ended(number)


def _received(number: int, _frame: FrameType | None) -> None:
    if _watch.again is None:
        _watch.count += 1
    _watch.again = None
    if _watch.first is None:
        _watch.first = number
    if _watch.count == 1:
        if _watch.holds:
            _watch.waiting = number
            return
        raise Ended(number)
    if _watch.count == 2:
        _say("still saving what was computed; once more ends at once and loses it")
        return
    if _watch.count == 3:
        _watch.waiting = None
        raise Ended(number)
    os._exit(exit_code(number))


def _unraisable(otherwise: Callable[[Any], Any], lost: Any) -> None:
    """Send a signal once more that was raised in a destructor or a callback of compiled code, where exceptions are dropped.

    What else cannot be raised there follows from the end, once that has begun.
    """
    if isinstance(lost.exc_value, Ended):
        _watch.again = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), lost.exc_value.number))
        _watch.again.daemon = True
        _watch.again.start()
    elif _watch.first is None:
        otherwise(lost)


def _say(text: str) -> None:
    """Write to standard error without its buffer, which the interrupted code may be writing to."""
    try:
        os.write(2, f"{text}\n".encode())
    except OSError:
        return  # nobody listens
