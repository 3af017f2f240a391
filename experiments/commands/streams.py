"""Where a command writes to: standard output must take everything, standard error what it can; neither ends in a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any, TextIO

from thecal.core.errors import StoreError
from thecal.core.files import reason

_DESCRIPTORS = (0, 1, 2)


class _Stream:
    """A text stream whose failure to write is told apart from every other failure."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, unless that failed before."""
        if not self._lost:
            try:
                self._stream.write(text)
            except (OSError, ValueError) as error:  # ValueError: closed by somebody
                self._fail(error)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write one after another."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send what is kept, unless that failed before."""
        if not self._lost:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._lost = True
        self._discard()
        self._tell(error)

    def _discard(self) -> None:
        """Send what is kept to nowhere, or the interpreter would fail on it once more at its end."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def _tell(self, error: Exception) -> None:
        """What a lost stream means."""


class _Output(_Stream):
    """Standard output: what cannot be written there ends the command."""

    def _tell(self, error: Exception) -> None:
        if isinstance(error, BrokenPipeError):
            raise StoreError("standard output was closed before everything was written") from error
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise StoreError(f"standard output: cannot be written ({why})") from error


class _Errors(_Stream):
    """Standard error: notes that nobody can read end nothing."""


@contextmanager
def guarded_streams() -> Iterator[bool]:
    """Let a failing standard output end in a :class:`StoreError`, and a failing standard error in silence.

    Yields:
        Whether standard output is open.
    """
    _fill_descriptors()
    closed, before = sys.stdout is None, (sys.stdout, sys.stderr)
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - closed below, unlike what it stands in for
    output: TextIO = nowhere if closed else sys.stdout
    sys.stdout = _Output(output)
    sys.stderr = _Errors(sys.stderr or nowhere)
    try:
        with _any_characters(output):
            yield not closed
    finally:
        sys.stdout, sys.stderr = before
        nowhere.close()


@contextmanager
def _any_characters(stream: TextIO) -> Iterator[None]:
    """Let characters that the stream's encoding lacks become question marks, where they would end the command."""
    if not isinstance(stream, TextIOWrapper) or stream.errors != "strict":
        yield
        return
    stream.reconfigure(errors="replace")
    try:
        yield
    finally:
        with suppress(ValueError, OSError):  # closed since, or full
            stream.reconfigure(errors="strict")


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream takes every character."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def finish_output() -> None:
    """Send what is still kept for standard output.

    Raises:
        StoreError: it cannot be written.
    """
    sys.stdout.flush()


def _fill_descriptors() -> None:
    """Occupy descriptors that were closed, or the next file to be opened would receive what libraries print."""
    for descriptor in _DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError as error:
            if error.errno == errno.EBADF:
                opened = os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
                if opened != descriptor:
                    os.dup2(opened, descriptor)
                    os.close(opened)
