"""A copy of the project in which a recipe is followed: what it touches is compared with what the recipe names."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "physiology", "devices", "safety", "envs", "agents", "clinic", "experiments")
_CACHES = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")


@dataclass(frozen=True)
class Project:
    """The copy."""

    folder: Path

    def write(self, path: str, text: str) -> None:
        """Write a new file."""
        target = self.folder / path
        assert not target.exists(), f"{path} is there already"
        target.write_text(text, encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands there once."""
        target = self.folder / path
        text = target.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        target.write_text(text.replace(old, new), encoding="utf-8")

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.folder / path).read_text(encoding="utf-8")

    def touched(self) -> set[str]:
        """Files that differ from the project's, by path."""
        found = set()
        for folder in FOLDERS:
            for path in self._files(self.folder / folder):
                own = path.relative_to(self.folder)
                there = ROOT / own
                if not there.is_file() or not filecmp.cmp(path, there, shallow=False):
                    found.add(own.as_posix())
        return found

    def run(self, code: str, *arguments: str) -> str:
        """Run Python in the copy and return what it prints."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(self.folder / "src"), str(ROOT / "tests")])}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @staticmethod
    def _files(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.rglob("*")):
            hidden = "__pycache__" in path.parts or any(part.endswith(".egg-info") for part in path.parts)
            if path.is_file() and not path.is_symlink() and not hidden:
                yield path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh copy."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=_CACHES)
    return Project(tmp_path)
