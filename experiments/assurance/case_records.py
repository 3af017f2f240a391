"""The recorded evidence of the safety case as its page shows it: proof, mutants, wiring, the oracle at the pump, attack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thecal.experiments.assurance.case_data import CURRENT, Record, read
from thecal.experiments.assurance.case_links import Link, References
from thecal.safety.certificate import PROVED
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile, profile_names

_OPEN = "open: neither killed nor argued"


def _state(record: Record) -> dict[str, Any]:
    return {"missing": not record.data, "stale": bool(record.data) and record.state != CURRENT, "words": record.words}


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else "?"


def proof(record: Record, references: References) -> dict[str, Any]:
    """What is proved of which profile, and every goal with what it covers."""
    data = record.data
    rows = [("every profile", "", str(len(data["shared"])), _failed(data["shared"]))]
    for name in profile_names():
        entry = data["profiles"].get(name, {"goals": [], "hash": ""})
        fits = entry["hash"] == load_profile(name).hash
        rows.append(
            (name, entry["hash"][:16], str(len(entry["goals"])), _failed(entry["goals"]) if fits else "NOT PROVED")
        )
    numbers = {i.name.lower(): int(i) for i in Invariant}
    goals = []
    for goal in data["goals"]:
        covers = [Link(f"invariant {numbers[name]}", f"invariant-{numbers[name]}", "ok") for name in goal["covers"]]
        result = "NOT PROVED" if goal["open"] else "proved" if goal["proved"] == 1 else f"proved {goal['proved']} times"
        goals.append(
            {"name": goal["name"], "anchor": references.goal_anchor(goal["name"]), "result": result, "covers": covers}
        )
    total = len(data["shared"]) + sum(len(entry["goals"]) for entry in data["profiles"].values())
    return {
        **_state(record), **{key: data[key] for key in ("solver", "seconds", "kernel")}, "rows": rows, "goals": goals,
        "total": total,
    }  # fmt: skip


def _failed(goals: list[dict[str, Any]]) -> str:
    bad = sum(goal["status"] != PROVED for goal in goals)
    return "all proved" if goals and not bad else f"{bad} NOT PROVED"


def mutation(record: Record) -> dict[str, Any]:
    """Mutants of the kernel: how many goals refute, and why the others are none."""
    found, argued = record.data, read("mutants.toml")
    if not found:
        return _state(record)
    return {
        **_state(record), "killed": found["killed_by_proof"], "mutants": found["mutants"], "argued": len(argued),
        "open": sum(what not in argued for what in found["survived"]),
        "rows": [(what, argued.get(what, _OPEN)) for what in found["survived"]],
    }  # fmt: skip


def wiring(record: Record) -> dict[str, Any]:
    """Mutants of everything between sensor and pump, by file; survivors with their argument."""
    found, argued = record.data, read("wiring_survivors.toml")
    if not found:
        return _state(record)
    rows = [(name, _number(entry["killed"]), _number(entry["total"])) for name, entry in found["files"].items()]
    survived = [(what, _argument(argued.get(what))) for what in found.get("survived", [])]
    return {
        **_state(record), "killed": _number(found["found"]), "total": _number(found["judged"]),
        "mutants": _number(found.get("mutants")), "files": rows, "rows": survived,
        "open": sum(words == _OPEN for _, words in survived),
    }  # fmt: skip


def _argument(entry: Any) -> str:
    if isinstance(entry, Mapping):
        entry = entry.get("argument") or entry.get("why") or entry.get("reason")
    return str(entry) if entry else _OPEN


def end_to_end(record: Record) -> dict[str, Any]:
    """What the oracle at the pump saw."""
    found = record.data
    if not found:
        return _state(record)
    named = ("cases", "refused", "ticks", "rises", "boluses", "excused", "violations")
    values = {key: len(found[key]) if isinstance(found.get(key), list) else found.get(key) for key in named}
    return {**_state(record), "rows": [(key, _number(value)) for key, value in values.items()]}


def attack(record: Record) -> dict[str, Any]:
    """What the attack tried, what it found, and how strong it was."""
    found = record.data
    if not found:
        return {**_state(record), "ticks": "0", "violations": "?"}
    counts, margins, trial = found.get("tested", {}), found["margins"], found.get("strength", [])
    names = [i.name.lower() for i in Invariant]
    return {
        **_state(record),
        "ticks": f"{found['ticks']:,}",
        "episodes": f"{found['episodes']:,}",
        "strategies": found["strategies"],
        "violations": str(found["violations"]),
        "adversaries": [
            {
                "task": task,
                "before": f"{learned['reward_before']:.2f}",
                "after": f"{learned['reward_after']:.2f}",
                "frames": f"{learned['frames']:,.0f}",
            }
            for task, learned in found.get("adversary", {}).items()
        ],
        "commands": [f"{number:,} {what}" for what, number in sorted(found.get("commands", {}).items())],
        "never": [name for name in names if not counts.get(name) and name not in margins],
        "rows": [
            (name, f"{counts.get(name, 0):,}", f"{100 * margins[name]:.2f} %" if name in margins else "-")
            for name in names
            if counts.get(name) or name in margins
        ],
        "noticed": sum(entry["found"] for entry in trial),
        "strength": [(entry["limit"], ", ".join(entry["by"]) if entry["found"] else "NOT NOTICED") for entry in trial],
    }
