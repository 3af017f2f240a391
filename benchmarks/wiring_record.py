"""The record of the wiring's mutants: what was killed, by which test, and what survived."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import wiring_mutants as work

from thecal.core.files import write_whole

OUT = Path(__file__).parent.parent / "safety" / "data" / "wiring.json"


def argued() -> dict[str, str]:
    """Why each mutant that no test kills means the same."""
    return tomllib.loads(OUT.with_name("wiring_survivors.toml").read_text(encoding="utf-8"))


def recorded() -> dict[str, Any]:
    """The last result for modules that have not changed: what was killed stays killed, survivors are judged again."""
    old: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    same = tuple(f"{name}." for name in work.MODULES if old.get("modules", {}).get(name) == work.digest(name))
    killed = {what: by for what, by in old.get("killed", {}).items() if what.startswith(same)}
    survived = [what for what in old.get("survived", []) if what.startswith(same)]
    return {"killed": killed, "survived": survived, "seconds": old.get("seconds", 0) if killed else 0}


def write(record: dict[str, Any], found: dict[str, str], every: list[work.Mutant], seconds: float) -> None:
    """Add what was found to what was recorded. ``every`` gives the order and the number of all mutants."""
    killed = {**record["killed"], **{what: by for what, by in found.items() if not by.startswith("survived")}}
    survived = {what for what, by in found.items() if by.startswith("survived")} | set(record["survived"])
    survived -= set(killed)
    data = {
        "modules": {name: work.digest(name) for name in work.MODULES},
        "mutants": len(every),
        "judged": len(killed) + len(survived),
        "killed_by_test": sum(by.startswith("test: ") for by in killed.values()),
        "killed_otherwise": sum(not by.startswith("test: ") for by in killed.values()),
        "seconds": round(record["seconds"] + seconds),
        "survived": [one.name for one in every if one.name in survived],
        "killed": {one.name: killed[one.name] for one in every if one.name in killed},
    }
    write_whole(OUT, json.dumps(data, indent=0, ensure_ascii=False) + "\n")
