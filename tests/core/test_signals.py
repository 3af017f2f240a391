"""Signals end a command as Ctrl-C does: once raises, twice says so, three times raises again, and saving is finished first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from thecal.core.signals import ENDING, Ended, ending, exit_code, held

BY_NAME = pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)


@BY_NAME
def test_a_signal_raises_and_says_which_it_was(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with ending() as watch:
        with pytest.raises(KeyboardInterrupt) as caught:
            os.kill(os.getpid(), number)
        assert isinstance(caught.value, Ended)
        assert (caught.value.number, watch.first) == (number, number)
    assert signal.getsignal(number) is before


def test_exit_codes_are_those_of_a_shell() -> None:
    assert [exit_code(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)] == [129, 130, 143]


def test_the_second_is_told_and_the_third_raises(capfd: pytest.CaptureFixture[str]) -> None:
    with ending() as watch:
        with pytest.raises(Ended):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert "once more ends at once" in capfd.readouterr().err
        with pytest.raises(Ended):
            os.kill(os.getpid(), signal.SIGINT)
        assert watch.first == signal.SIGTERM


def test_what_is_held_is_finished_first() -> None:
    done = []
    with ending(), pytest.raises(Ended), held():
        with held():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


def test_an_error_while_held_is_not_hidden() -> None:
    with ending(), pytest.raises(OSError, match="full"), held():
        os.kill(os.getpid(), signal.SIGTERM)
        raise OSError("full")


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_installs_nothing() -> None:
    seen: list[object] = []

    def watch() -> None:
        with ending():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


_STUBBORN = """
import os, signal, time
from thecal.core.signals import ending
with ending():
    for _ in range(4):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            pass
time.sleep(60)
"""


def test_the_fourth_ends_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", _STUBBORN], capture_output=True, timeout=60, check=False)
    assert done.returncode == 143


class Unlucky:
    """A destructor in which a signal arrives, as in those of compiled libraries."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100_000):  # the handler runs between two of these
            pass


def test_a_signal_in_a_destructor_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Ended, match="SIGTERM"), ending() as watch:
        Unlucky()
        time.sleep(5.0)
    assert watch.first == signal.SIGTERM
    assert capfd.readouterr().err == ""


def test_what_breaks_because_of_the_end_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def __del__(self) -> None:
            raise AttributeError("half taken down")

    with pytest.raises(Ended), ending():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5.0)
        finally:
            Broken()
    assert capfd.readouterr().err == ""
