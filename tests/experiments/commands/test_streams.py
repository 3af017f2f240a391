"""Output that cannot be written: one sentence where somebody can read it, exit code 4, and never a traceback."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from thecal.experiments import cli
from thecal.experiments.cli import FAULT, run

from support.surroundings import ended, lines

QUICK = (("list", "policies"), ("list", "terms", "--json"), ("list", "algorithms", "--json"), ("--help",))
SLOW = (
    ("tasks",), ("cohort", "describe", "-n", "5"), ("cohort", "describe", "-n", "5", "--json"),
    ("pump", "solution", "--drug", "morphine=20"), ("pump", "bridge", "--old", "10", "--new", "20", "--dose", "2", "--json"),
    ("evaluate", "fixed", "-n", "2", "--no-track"), ("evaluate", "fixed", "-n", "2", "--no-track", "--json"),
    ("compare", "fixed", "guideline", "-n", "2", "--no-track"), ("validate", "csf_half_life"), ("safety-case",),
)  # fmt: skip
COMMANDS = [
    *(pytest.param(words, id=" ".join(words)) for words in QUICK),
    *(pytest.param(words, id=" ".join(words), marks=pytest.mark.slow) for words in SLOW),
]


def said_once(err: str) -> str:
    """The one sentence of an error; fails where there is none, several, or a traceback."""
    found = [line for line in lines(err) if line.startswith("error: ")]
    assert len(found) == 1, err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return found[0]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_standard_output(words: tuple[str, ...], tmp_path: Path) -> None:
    found = ended(words, tmp_path, redirect="> /dev/full")
    assert found.code == 4
    assert said_once(found.err).startswith("error: standard output: cannot be written (No space left on device")
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("words", COMMANDS)
def test_a_closed_standard_output_is_refused_before_work(words: tuple[str, ...], tmp_path: Path) -> None:
    found = ended(words, tmp_path, redirect=">&-")
    assert found.code == 4
    assert "standard output is closed" in said_once(found.err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", "<&-"])
def test_notes_that_nobody_reads_end_nothing(words: tuple[str, ...], redirect: str, tmp_path: Path) -> None:
    found = ended(words, tmp_path, redirect=redirect)
    assert found.code == 0
    assert found.out.strip()


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("redirect", [">&- 2>&-", ">/dev/full 2>&1"])
def test_with_nowhere_to_say_it_the_code_remains(words: tuple[str, ...], redirect: str, tmp_path: Path) -> None:
    assert ended(words, tmp_path, redirect=redirect) == (4, "", "")


@pytest.mark.parametrize("words", COMMANDS)
def test_a_reader_who_goes_away(words: tuple[str, ...], tmp_path: Path) -> None:
    found = ended(words, tmp_path, redirect="| (exec <&-; sleep 0.1; true)")
    assert found.code == 4
    assert "standard output was closed before everything was written" in said_once(found.err)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"TERM": ""}, {"COLUMNS": "20"}])
def test_plain_terminals_get_plain_text(env: dict[str, str], tmp_path: Path) -> None:
    found = ended(("list", "policies"), tmp_path, env=env)
    assert found.code == 0
    assert "\x1b" not in found.out
    assert "guideline" in found.out


def test_letters_that_an_encoding_lacks_end_nothing(tmp_path: Path) -> None:
    found = ended(("list", "drugs"), tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert (found.code, found.err) == (0, "")
    assert "100 ?g/day" in found.out


def test_json_is_whole_in_every_encoding(tmp_path: Path) -> None:
    plain, narrow = (
        ended(("list", "drugs", "--json"), tmp_path, env={"PYTHONIOENCODING": name}) for name in ("utf-8", "ascii")
    )
    assert json.loads(narrow.out) == json.loads(plain.out)
    assert narrow.out.isascii()
    assert "µ" in plain.out


def test_a_fault_of_ours_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_kind: str) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("thecal.experiments.commands.catalog.listed", broken)
    assert run(["list", "tasks"]) == FAULT == 70
    sentence = said_once(capsys.readouterr().err)
    assert "a fault of Thecal itself (RuntimeError: two lines); please run it again with --debug" in sentence
    assert run(["list", "tasks", "--debug"]) == FAULT
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "please report it with the lines above" in err


def test_a_file_without_its_own_sentence_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_kind: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "some/file")

    monkeypatch.setattr("thecal.experiments.commands.catalog.listed", broken)
    assert run(["list", "tasks"]) == 4
    assert said_once(capsys.readouterr().err) == "error: some/file: Input/output error"


def test_the_streams_are_given_back() -> None:
    import sys

    before = (sys.stdout, sys.stderr)
    run(["--version"])
    assert (sys.stdout, sys.stderr) == before
    assert cli.run(["list", "nonsense"]) == 2
    assert (sys.stdout, sys.stderr) == before
