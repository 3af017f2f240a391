"""What the safety case is made of: its data files, the recorded evidence with its state, and hashes of both."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from thecal.core.errors import StoreError
from thecal.safety.certificate import PROVED, kernel_hash

RECORDS = {
    "proof": "proof.json",
    "mutation": "mutation.json",
    "wiring": "wiring.json",
    "attack": "attack.json",
    "end_to_end": "end_to_end.json",
    "indicators": "indicators.json",
}
MADE_OF = (
    "hazards.toml", "argument.toml", "gaps.toml", "catalogue.toml", "mutants.toml", "wiring_survivors.toml",
)  # fmt: skip
CURRENT, STALE, MISSING = "current", "stale", "missing"
_WORDS = {
    CURRENT: "of this kernel",
    STALE: "Recorded for another version of the kernel.",
    MISSING: "Not recorded for this version.",
}


def text(name: str) -> str:
    """A file of ``safety/data``; empty where it is missing."""
    item = files("thecal.safety").joinpath("data", name)
    return item.read_text(encoding="utf-8") if item.is_file() else ""


def read(name: str) -> dict[str, Any]:
    """A file of ``safety/data`` as data; empty where it is missing.

    Raises:
        StoreError: it cannot be read as what its name says.
    """
    found = text(name)
    if not found:
        return {}
    try:
        data: Any = json.loads(found) if name.endswith(".json") else tomllib.loads(found)
    except ValueError as error:
        raise StoreError(f"safety/data/{name}: cannot be read ({error})") from error
    if not isinstance(data, dict):
        raise StoreError(f"safety/data/{name}: holds no table")
    return data


@dataclass(frozen=True)
class Record:
    """One recorded piece of evidence: its data, and whether it is of the kernel that is shipped."""

    name: str
    data: Mapping[str, Any]
    state: str

    @property
    def words(self) -> str:
        """What its state means."""
        return _WORDS[self.state]

    def at(self, key: str) -> Any:
        """The entry under a dotted key; None where there is none."""
        found: Any = self.data
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return None
            found = found[part]
        return found


def records() -> dict[str, Record]:
    """Every record by name; what is missing is an empty one."""
    found = {}
    for name, file in RECORDS.items():
        data = read(file)
        more: dict[str, Any] = {}
        fits = data.get("kernel") == kernel_hash()
        if name == "proof":
            more = {"goals": list(goals_of(data))}
        elif name == "wiring":
            more, fits = _by_module(data), _unchanged(data.get("modules", {}))
        found[name] = Record(
            name, {**data, **more} if data else {}, MISSING if not data else CURRENT if fits else STALE
        )
    return found


def _unchanged(modules: Mapping[str, str]) -> bool:
    """Whether every module still has the text whose digest was recorded."""
    texts = {name: files("thecal").joinpath(*f"{name.replace('.', '/')}.py".split("/")) for name in modules}
    return bool(texts) and all(
        path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == modules[name]
        for name, path in texts.items()
    )


def _by_module(wiring: Mapping[str, Any]) -> dict[str, Any]:
    """How many faults of the wiring were found, in all and in each module: ``found``, ``judged`` and ``files``."""
    killed, survived = wiring.get("killed", {}), wiring.get("survived", [])
    counts = {
        name: {"killed": _of(killed, name), "total": _of(killed, name) + _of(survived, name)}
        for name in wiring.get("modules", {})
    }
    return {"found": len(killed), "judged": wiring.get("judged", len(killed) + len(survived)), "files": counts}


def _of(names: Iterable[str], module: str) -> int:
    """How many of the mutants' names belong to a module."""
    return sum(name.startswith(f"{module}.") for name in names)


def goals_of(proof: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every goal once, under the name that its profiles share: what it covers, and in how many groups it is proved or not."""
    found: dict[str, dict[str, Any]] = {}
    for group in (proof.get("shared", []), *(entry["goals"] for entry in proof.get("profiles", {}).values())):
        for goal in group:
            name = goal["goal"].rpartition(" per mille: ")[2]
            one = found.setdefault(name, {"name": name, "covers": [], "proved": 0, "open": 0})
            one["covers"] += [i for i in goal["covers"] if i not in one["covers"]]
            one["proved" if goal["status"] == PROVED else "open"] += 1
    yield from found.values()


def hashes() -> list[tuple[str, str]]:
    """(file, SHA-256 of its text) of everything the page is made of and that is there."""
    return [
        (name, hashlib.sha256(found.encode()).hexdigest())
        for name in (*RECORDS.values(), *MADE_OF)
        if (found := text(name))
    ]
