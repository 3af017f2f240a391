"""Inputs that the calls read: made once for each worker, and never changed by any of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.calls import CALLS, do, prepare


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, a program and charts, without anything that had to run."""
    return prepare(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def results(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs with an evaluation and a comparison beside them."""
    for verb, kept in (("evaluate", "kept"), ("compare", "judged")):
        (call,) = [call for call in CALLS if call.words[0] == verb]
        ran = do(call, tmp_path_factory.mktemp(verb), made)
        assert ran.code == 0, ran.err
        shutil.copytree(ran.folder / kept, made / kept)
    return made


@pytest.fixture
def untouched(made: Path) -> Iterator[None]:
    """Whatever a test does, the inputs are as they were."""
    before = _content(made)
    yield
    after = _content(made)
    assert {name: after.get(name) for name in before} == before


def _content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
