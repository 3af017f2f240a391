"""Names of metrics, parameters and tags that every store takes, whatever a person called a thing."""

from __future__ import annotations

import posixpath
import re

from thecal.core.names import safe_name

ORIGINAL = "thecal.name."  # before the changed name, in the tag that keeps the name as it was
LONGEST = 200  # MLflow takes 250, and the tag of the original needs some
_TAKEN = re.compile(r"[/\w.\- :]+")


class Names:
    """Safe names of one run; two different names never become one."""

    def __init__(self) -> None:
        self._original: dict[str, str] = {}  # by safe name
        self._told: set[str] = set()

    def safe(self, name: str) -> str:
        """``name`` as it is where MLflow takes it, else with every part between slashes made safe."""
        safe = name if _is_taken(name) else _changed(name)
        while self._original.setdefault(safe, name) != name:
            safe = _changed(f"{name}\0{safe}")  # someone called another thing just so
        return safe

    def taken_changes(self) -> dict[str, str]:
        """Changed names with what they were, each given once."""
        new = {safe: name for safe, name in self._original.items() if safe != name and safe not in self._told}
        self._told.update(new)
        return new


def _is_taken(name: str) -> bool:
    """Whether MLflow takes a name: its characters, no longer than it may be, and the same when read as a path."""
    return (
        len(name) <= LONGEST
        and _TAKEN.fullmatch(name) is not None
        and posixpath.normpath(name) == name
        and name != "."
        and not name.startswith(("..", "/"))
    )


def _changed(name: str) -> str:
    *folders, last = name.split("/")
    parts = [safe_name(part) for part in (*folders, last)]
    joined = "/".join(parts)
    return joined if joined != name and len(joined) <= LONGEST else safe_name(name + "\0", LONGEST)
