"""The catalog of invariants with what is proved of each, and the two pages of the docs that are made of the case's data."""

from __future__ import annotations

from typing import Any

from thecal.experiments.assurance.case_data import read
from thecal.safety.certificate import PROVED, shipped_proof
from thecal.safety.invariants import TITLES, Invariant
from thecal.safety.profiles import load_profile

GAPS = "## Known gaps\n"


def catalog() -> dict[Invariant, dict[str, Any]]:
    """What is known of every invariant, with the goals of the shipped proof that cover it."""
    entries = {Invariant(int(number)): dict(entry) for number, entry in read("catalogue.toml").items()}
    goals: dict[str, list[str]] = {}
    proof = shipped_proof()
    for goal in [*proof.get("shared", []), *proof.get("profiles", {}).get("seed_2025", {}).get("goals", [])]:
        for name in goal["covers"]:
            short = goal["goal"].rpartition(" per mille: ")[2]
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


def with_gaps(page: str) -> str:
    """docs/safety.md with its section "Known gaps" written anew from ``gaps.toml``; the rest stays."""
    before, mark, rest = page.partition(GAPS)
    _, following, after = rest.partition("\n## ")
    gaps = "\n".join(f"- {gap['text']}" for gap in read("gaps.toml")["gap"])
    intro = "Made from `safety/data/gaps.toml` by `python docs/generate.py`, as is the safety case.\n"
    return f"{before}{mark}\n{intro}\n{gaps}\n{following}{after}"
