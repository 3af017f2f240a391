"""The safety case: hazards, requirements, invariants, proofs, tests, mutation score and attack on one page, with its limits."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from thecal.core.errors import StoreError
from thecal.core.extras import importing
from thecal.core.files import write_whole
from thecal.safety.certificate import PROVED, kernel_hash, shipped_proof
from thecal.safety.invariants import TITLES, Invariant
from thecal.safety.profiles import load_profile, profile_names

LIMITS = (
    "No conformity with any standard is claimed. Thecal is a research simulation and must not drive a pump or inform care.",
    "The claim is about the commanded dose. A pump that runs fast delivers more: up to 14.5 % by its label, more in a fault.",
    "Mass is counted where it leaves the reservoir. What reaches the tip follows after the catheter's dead volume; after a "
    "change of solution only the bridge stands between the two.",
    "The cap counts drug per 24 h. It does not bound the concentration at a receptor, and a dose under every cap can still harm.",
    "Locks see what they receive: sensors that lie plausibly, in every sample, are believed.",
    "Trusted are CPython, Numba's compiler, the Z3 solver, and what stands before the tick: the writing of the shield's "
    "input and the gateway for commands, which tests, fuzzing and the auditor cover but the solver does not read.",
    "When limits conflict their order is a clinical choice: a respiratory lock overrides the withdrawal floor, and caps override "
    "every request.",
    "Many limits are recalled or proposed; each says so in its profile. A proof shows that it is kept, not that it is right.",
    "Patients are simulated. Attack statistics count ticks of this simulation, not exposure of persons.",
)


def _data(name: str) -> Any:
    item = files("thecal.safety").joinpath("data", name)
    if not item.is_file():
        return {}
    text = item.read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else tomllib.loads(text)


def catalog() -> dict[Invariant, dict[str, Any]]:
    """What is known of every invariant, with the goals of the shipped proof that cover it."""
    entries = {Invariant(int(number)): dict(entry) for number, entry in _data("catalogue.toml").items()}
    goals: dict[str, list[str]] = {}
    proof = shipped_proof()
    for goal in [*proof.get("shared", []), *proof.get("profiles", {}).get("seed_2025", {}).get("goals", [])]:
        for name in goal["covers"]:
            short = goal["goal"].rpartition("a day: ")[2]
            if goal["status"] == PROVED and short not in goals.setdefault(name, []):
                goals[name].append(short)
    strict = load_profile("seed_2025")
    for invariant, entry in entries.items():
        entry["title"] = TITLES[invariant]
        entry["proofs"] = goals.get(invariant.name.lower(), [])
        key = entry["limit"]
        quantity = strict.file[key] if key else None
        unit = "" if quantity is None or quantity.unit == "dimensionless" else f" {quantity.unit}"
        entry["default"] = "" if quantity is None else f"{key} = {quantity.value:g}{unit}"
    return entries


def invariants_page() -> str:
    """docs/invariants.md: the table of all invariants."""
    lines = [
        "# Invariants of the shield",
        "",
        "Generated from the code by `python docs/generate.py`; do not edit. Defaults are those of `seed_2025`; for a limit that "
        "differs between drugs or settings one example stands. Simulation only; no conformity is claimed.",
        "",
        "| | invariant | true when | default | source | otherwise | kept by | tests | proved by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for invariant, entry in sorted(catalog().items()):
        cells = (
            str(int(invariant)), invariant.name.lower(), entry["predicate"], entry["default"], entry["source"],
            entry["fail_safe"], ", ".join(f"`{c}`" for c in entry["code"]), ", ".join(f"`{name}`" for name in entry["tests"]),
            "; ".join(entry["proofs"]) or "checked at the door, by tests",
        )  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _folded(names: Sequence[str], what: str) -> dict[str, Any]:
    """A list that opens on a click; ``what`` counts it."""
    return {"names": list(names), "what": what}


def _invariants(known: dict[Invariant, dict[str, Any]], tested: dict[str, int]) -> dict[str, list[tuple[Any, ...]]]:
    """What each invariant says, and what stands for it."""
    said = [
        (str(int(i)), e["title"], e["predicate"], e["default"], e["source"], e["fail_safe"])
        for i, e in sorted(known.items())
    ]
    stands = [
        (str(int(i)), i.name.lower(), ", ".join(e["code"]),
         _folded(e["proofs"], "goals proved") if e["proofs"] else "checked at the door, by tests",
         _folded(e["tests"], "named tests" if len(e["tests"]) > 1 else "named test"),
         f"{tested.get(i.name.lower(), 0):,}")
        for i, e in sorted(known.items())
    ]  # fmt: skip
    return {"said": said, "stands": stands}


def _record(found: dict[str, Any]) -> dict[str, bool]:
    """Whether a record is missing or of another version of the kernel."""
    return {"missing": not found, "stale": bool(found) and found.get("kernel") != kernel_hash()}


def _proof(proof: dict[str, Any]) -> dict[str, Any]:
    rows = [("every profile", "", str(len(proof["shared"])), _failed(proof["shared"]))]
    for name in profile_names():
        entry = proof["profiles"].get(name, {"goals": [], "hash": ""})
        fits = entry["hash"] == load_profile(name).hash
        rows.append(
            (name, entry["hash"][:16], str(len(entry["goals"])), _failed(entry["goals"]) if fits else "NOT PROVED")
        )
    return {**{key: proof[key] for key in ("solver", "seconds", "kernel")}, "rows": rows}


def _failed(goals: list[dict[str, Any]]) -> str:
    bad = sum(goal["status"] != PROVED for goal in goals)
    return "all proved" if goals and not bad else f"{bad} NOT PROVED"


def _mutation(found: dict[str, Any]) -> dict[str, Any]:
    if not found:
        return _record(found)
    argued = _data("mutants.toml")
    return {
        **_record(found),
        "killed": found["killed_by_proof"],
        "mutants": found["mutants"],
        "argued": len(argued),
        "open": sum(what not in argued for what in found["survived"]),
        "rows": [(what, argued.get(what, "open: neither killed nor argued")) for what in found["survived"]],
    }


def _attack(found: dict[str, Any]) -> dict[str, Any]:
    if not found:
        return _record(found)
    counts, margins, trial = found.get("tested", {}), found["margins"], found.get("strength", [])
    names = [i.name.lower() for i in Invariant]
    return {
        **_record(found),
        "ticks": f"{found['ticks']:,}",
        "episodes": f"{found['episodes']:,}",
        "strategies": found["strategies"],
        "violations": found["violations"],
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


def _page() -> Any:
    """The page's template.

    Raises:
        ConfigError: Jinja2 is not installed.
    """
    with importing("the safety case", "report"):
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(
            lambda name: (files("thecal.experiments.assurance") / "templates" / name).read_text("utf-8")
        ),
    )
    environment.filters["spans"] = partial(re.split, "`([^`]+)`")  # every second part is code
    return environment.get_template("safety_case.html.j2")


def render() -> str:
    """The page as HTML, without scripts or network.

    Raises:
        ConfigError: Jinja2 is not installed.
        StoreError: no proof is shipped.
    """
    page = _page()
    proof, mutation, attack = shipped_proof(), _data("mutation.json"), _data("attack.json")
    hazards, known = _data("hazards.toml")["hazard"], catalog()
    if not proof:
        raise StoreError("no proof is shipped with this version; run `make proof`")
    goals = len(proof["shared"]) + sum(len(entry["goals"]) for entry in proof["profiles"].values())
    figures = (
        (str(len(known)), "invariants"), (str(len(hazards)), "hazards"), (f"{goals:,}", "goals proved"),
        (f"{attack.get('ticks', 0):,}", "ticks under attack"), (str(attack.get("violations", "?")), "violations"),
        (f"{mutation.get('mutants', 0):,}", "mutants, killed or argued"),
    )  # fmt: skip
    hazard_rows = [
        (h["id"], h["hazard"], h["pump_type"], h["cause"], h["action"], h["mitigated_by"], h["requirement"],
         ", ".join(str(k) for k in h["invariants"]))
        for h in hazards
    ]  # fmt: skip
    text: str = page.render(
        limits=LIMITS,
        figures=figures,
        hazards=hazard_rows,
        invariants=_invariants(known, attack.get("tested", {})),
        proof=_proof(proof),
        mutation=_mutation(mutation),
        attack=_attack(attack),
    )
    return text.strip() + "\n"


def write_safety_case(path: Path) -> Path:
    """Write the page.

    Raises:
        ConfigError: Jinja2 is not installed.
        StoreError: the file cannot be written, or no proof is shipped.
    """
    return write_whole(path, render())
