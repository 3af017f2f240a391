"""What lies under the roots: every stored comparison, evaluation, leaderboard and headroom, found by looking, told in short.

A root is walked anew on each look, so that runs appear while they are written and vanish when they are deleted. What a file
says is read once for each version of it. Links are not followed, so nothing outside the roots is ever found, and a run is
opened only by an id that the last look gave out.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thecal.core.documents import read_text
from thecal.core.errors import ThecalError
from thecal.dashboard import heads
from thecal.experiments.analysis import leaderboard_stored, stored
from thecal.experiments.analysis.stored import require_schema
from thecal.experiments.studies import evaluate

DEEPEST = 6  # folders below a root
MOST_FOLDERS = 20_000
LOOK_AGAIN_S = 0.7
_DRAFT = ".part"
_LARGEST = 64 * 1024 * 1024  # bytes of a result that is read for its head
_LARGEST_OTHER = 4 * 1024 * 1024  # of a file whose name does not tell what it is
_NOT_RESULTS = ("config.json", "provenance.json", "curve.json", "proof.json")


class UnknownRunError(ThecalError):
    """No run has this id: it was deleted or moved, or never was."""


@dataclass(frozen=True)
class Entry:
    """One thing that was found.

    Attributes:
        id: by which the page names it; the same as long as it lies where it lies.
        kind: ``comparison``, ``evaluation``, ``leaderboard``, ``headroom``, or ``unfinished`` for a folder with drafts only.
        place: its path below the root, for people.
        file: the file that says what it is; the folder of one that is unfinished.
        changed: when that file was written, seconds since 1970.
        head: what the list shows of it.
        problem: why it cannot be read; "" where it can.
        writing: whether a draft of some file lies beside it.
    """

    id: str
    kind: str
    place: str
    file: Path
    changed: float
    head: dict[str, Any]
    problem: str = ""
    writing: bool = False


_NAMED: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    stored.FILE: ("comparison", heads.comparison),
    "estimates.json": ("evaluation", heads.evaluation),
    leaderboard_stored.FILE: ("leaderboard", heads.leaderboard),
}
_SCHEMAS = {"comparison": stored.SCHEMA, "evaluation": evaluate.SCHEMA, "leaderboard": leaderboard_stored.SCHEMA}
_Version = tuple[int, int]  # time of writing and size
_Known = tuple[_Version, str, dict[str, Any], str]


class Index:
    """Everything stored below some roots.

    Args:
        roots: folders; one that is not there is empty.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = [Path(os.path.abspath(root)) for root in roots]
        self._lock = threading.Lock()
        self._known: dict[Path, _Known] = {}
        self._entries: dict[str, Entry] = {}
        self._looked = -float("inf")

    def entries(self) -> list[Entry]:
        """Everything that is there now, the newest first."""
        with self._lock:
            if time.monotonic() - self._looked > LOOK_AGAIN_S:
                before, self._known = self._known, {}
                found = [entry for root in self.roots for entry in self._of_root(root, before)]
                self._entries = {entry.id: entry for entry in found}
                self._looked = time.monotonic()
            return sorted(self._entries.values(), key=lambda entry: (-entry.changed, entry.place))

    def entry(self, id_: str, *kinds: str) -> Entry:
        """The entry with an id.

        Raises:
            UnknownRunError: there is none, or it is of no such kind.
        """
        self.entries()
        found = self._entries.get(id_)
        if found is None or (kinds and found.kind not in kinds) or not found.file.exists():
            raise UnknownRunError("this run is not there any more: it was deleted or moved")
        return found

    def _of_root(self, root: Path, before: dict[Path, _Known]) -> Iterator[Entry]:
        for folder, files in _folders(root):
            drafts = any(entry.name.endswith(_DRAFT) and entry.name.startswith(".") for entry in files)
            found = [entry for entry in (self._look(root, one, drafts, before) for one in files) if entry is not None]
            if not found and drafts:
                yield _entry(root, Path(folder), "unfinished", os.stat(folder).st_mtime, {}, "", True)
            yield from found

    def _look(self, root: Path, file: os.DirEntry[str], drafts: bool, before: dict[Path, _Known]) -> Entry | None:
        if not file.name.endswith(".json") or file.name.startswith(".") or file.name in _NOT_RESULTS:
            return None
        try:
            state = file.stat(follow_symlinks=False)
        except OSError:
            return None  # gone since the folder was read
        path, version = Path(file.path), (state.st_mtime_ns, state.st_size)
        known = before.get(path)
        if known is None or known[0] != version:
            known = (version, *_read(path, state.st_size))
        self._known[path] = known
        _, kind, head, problem = known
        return _entry(root, path, kind, state.st_mtime, head, problem, drafts) if kind else None


def _folders(root: Path) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Folders below a root with their regular files, no link among either; what cannot be read is passed over."""
    waiting, seen = [(str(root), 0)], 0
    while waiting and seen < MOST_FOLDERS:
        folder, depth = waiting.pop()
        seen += 1
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError:
            continue
        if depth < DEEPEST:
            waiting += [(one.path, depth + 1) for one in _of_kind(listed, os.DirEntry.is_dir) if one.name[0] != "."]
        yield folder, list(_of_kind(listed, os.DirEntry.is_file))


def _of_kind(entries: Iterable[os.DirEntry[str]], kind: Any) -> Iterator[os.DirEntry[str]]:
    for entry in entries:
        try:
            if kind(entry, follow_symlinks=False):
                yield entry
        except OSError:
            continue


def _entry(
    root: Path, path: Path, kind: str, changed: float, head: dict[str, Any], problem: str, writing: bool
) -> Entry:
    name = f"{root}\0{path.relative_to(root).as_posix()}"
    shown = path if kind in ("headroom", "unfinished") else path.parent
    place = shown.relative_to(root).as_posix()
    return Entry(
        id=hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12],
        kind=kind,
        place=_printable(root.name if place == "." else place),
        file=path,
        changed=changed,
        head=head,
        problem=problem,
        writing=writing,
    )


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _read(path: Path, size: int) -> tuple[str, dict[str, Any], str]:
    """Kind, head and problem of a file; no kind for one that holds something else."""
    kind, short = _NAMED.get(path.name, ("", heads.headroom))
    if size > (_LARGEST if kind else _LARGEST_OTHER):
        return kind, {}, f"{size / 1e6:.0f} MB is too large to be listed"
    try:
        values = json.loads(read_text(path, largest=_LARGEST))
        if kind:
            require_schema(values, _SCHEMAS[kind], path)
        if not kind:
            if not isinstance(values, dict) or values.get("kind") != heads.HEADROOM:
                return "", {}, ""
            kind = heads.HEADROOM
        return kind, short(values), ""
    except ThecalError as error:
        return kind, {}, str(error)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        if not kind:
            return "", {}, ""
        return kind, {}, f"{path.name}: another version wrote it, or it is damaged ({type(error).__name__}: {error})"
