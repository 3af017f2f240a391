"""The safety case: hazards, requirements, invariants, proofs, tests, mutation score and attack on one page, with its limits."""

from __future__ import annotations

import html
import json
import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from thecal.core.errors import StoreError
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
_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0;font-size:.86rem}th,td{text-align:left;vertical-align:top;
padding:.35rem .5rem;border-bottom:1px solid #8884}th{border-bottom:2px solid #888a}.scroll{overflow-x:auto}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;margin:1.2rem 0}
.key div{border:1px solid #8886;border-radius:.5rem;padding:.7rem}.key b{display:block;font-size:1.5rem}
.no{border-left:.3rem solid #c33;padding:.6rem 1rem;background:#c331}.bad{color:#c33;font-weight:600}code{font-size:.85em}
details ul{margin:.3rem 0;padding-left:1.1rem}.names{overflow-wrap:anywhere;min-width:14rem;font-size:.85em}
"""


class _Html(str):
    """A cell that is HTML already; every other is escaped."""


def _data(name: str) -> Any:
    item = files("thecal.safety").joinpath("data", name)
    if not item.is_file():
        return {}
    text = item.read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else tomllib.loads(text)


def catalogue() -> dict[Invariant, dict[str, Any]]:
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
    for invariant, entry in sorted(catalogue().items()):
        cells = (
            str(int(invariant)), invariant.name.lower(), entry["predicate"], entry["default"], entry["source"],
            entry["fail_safe"], ", ".join(f"`{c}`" for c in entry["code"]), ", ".join(f"`{name}`" for name in entry["tests"]),
            "; ".join(entry["proofs"]) or "checked at the door, by tests",
        )  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str) -> str:
    if not isinstance(text, _Html):
        text = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return f"<td>{text}</td>"


def _folded(names: Sequence[str], what: str) -> _Html:
    """A list that opens on a click; ``what`` counts it."""
    items = "".join(f"<li>{html.escape(name)}</li>" for name in names)
    return _Html(f'<details class="names"><summary>{len(names)} {what}</summary><ul>{items}</ul></details>')


def _invariants(known: dict[Invariant, dict[str, Any]], attack: dict[str, Any]) -> str:
    """What each invariant says, and what stands for it."""
    said = [
        (str(int(i)), e["title"], e["predicate"], e["default"], e["source"], e["fail_safe"])
        for i, e in sorted(known.items())
    ]
    stands = [
        (str(int(i)), i.name.lower(), ", ".join(e["code"]),
         _folded(e["proofs"], "goals proved") if e["proofs"] else "checked at the door, by tests",
         _folded(e["tests"], "named tests" if len(e["tests"]) > 1 else "named test"),
         f"{attack.get('tested', {}).get(i.name.lower(), 0):,}")
        for i, e in sorted(known.items())
    ]  # fmt: skip
    return _table(("", "invariant", "true when", "default", "source", "otherwise"), said) + _table(
        ("", "invariant", "kept by", "proofs", "tests", "ticks put to the test under attack"), stands
    )


def _stale(found: dict[str, Any]) -> str:
    if not found:
        return '<p class="bad">Not recorded for this version.</p>'
    if found.get("kernel") != kernel_hash():
        return '<p class="bad">Recorded for another version of the kernel.</p>'
    return ""


def _proof_section(proof: dict[str, Any]) -> str:
    rows = [("every profile", "", str(len(proof["shared"])), _failed(proof["shared"]))]
    for name in profile_names():
        entry = proof["profiles"].get(name, {"goals": [], "hash": ""})
        fits = entry["hash"] == load_profile(name).hash
        rows.append(
            (name, entry["hash"][:16], str(len(entry["goals"])), _failed(entry["goals"]) if fits else "NOT PROVED")
        )
    about = f"{proof['solver']}, {proof['seconds']:.0f} s on the recording machine, kernel {proof['kernel'][:16]}."
    return f"<p>{html.escape(about)}</p>" + _table(("profile", "hash", "goals", "result"), rows)


def _failed(goals: list[dict[str, Any]]) -> str:
    bad = sum(goal["status"] != PROVED for goal in goals)
    return "all proved" if goals and not bad else f"{bad} NOT PROVED"


def _mutation_section(found: dict[str, Any]) -> str:
    if not found:
        return _stale(found)
    argued = _data("mutants.toml")
    still_open = [what for what in found["survived"] if what not in argued]
    text = (
        f"{found['killed_by_proof']} of {found['mutants']} mutants of kernel, locks and tick (arithmetic, comparisons, "
        f"constants, operations) are killed by the proof; {len(argued)} survive it and are argued below (equivalent, or "
        f"killed by a named test); {len(still_open)} are open."
    )
    rows = [(what, argued.get(what, "open: neither killed nor argued")) for what in found["survived"]]
    return f"{_stale(found)}<p>{text}</p>" + (_table(("survivor", "why it is equivalent"), rows) if rows else "")


def _attack_section(found: dict[str, Any]) -> str:
    if not found:
        return _stale(found)
    text = (
        f"{found['ticks']:,} pump ticks of {found['episodes']:,} episodes: over every task, pump and preset of faults, and of "
        f"the shield alone for every profile and drug; strategies in patients: {', '.join(found['strategies'])}. The auditor "
        f"found {found['violations']} violations."
    )
    counts, margins = found.get("tested", {}), found["margins"]
    rows = [
        (name, f"{counts.get(name, 0):,}", f"{100 * margins[name]:.2f} %" if name in margins else "-")
        for name in (i.name.lower() for i in Invariant)
        if counts.get(name) or name in margins
    ]
    never = [name for name in (i.name.lower() for i in Invariant) if not counts.get(name) and name not in margins]
    more = "".join(
        f"<p>The adversary of {html.escape(task)} used {learned['reward_before']:.2f} of the margins per step before and "
        f"{learned['reward_after']:.2f} after {learned['frames']:,.0f} frames of training.</p>"
        for task, learned in found.get("adversary", {}).items()
    )
    sent = ", ".join(f"{number:,} {what}" for what, number in sorted(found.get("commands", {}).items()))
    more += (
        f"<p>Typed commands through the real gateway, by the verdict that was due and given: {html.escape(sent)}.</p>"
    )
    more += (
        "<p>A rule was put to the test where its condition stood and more was asked for, or where a request lay beyond its "
        "limit. A rule that withholds on an input is kept or not, and has no margin. Checked at the start or at the door, or never "
        f"met here: {html.escape(', '.join(never))}.</p>"
    )
    table = _table(("invariant", "ticks put to the test", "narrowest margin"), rows)
    return f"{_stale(found)}<p>{html.escape(text)}</p>{more}{table}{_strength(found.get('strength', []))}"


def _strength(trial: list[dict[str, Any]]) -> str:
    noticed = sum(entry["found"] for entry in trial)
    rows = [(entry["limit"], ", ".join(entry["by"]) if entry["found"] else "NOT NOTICED") for entry in trial]
    text = (
        f"How strong the attack is: {len(trial)} limits were loosened one at a time, for the shield alone, while the auditor "
        f"kept the true ones; {noticed} were noticed. A loosened limit that passes unnoticed would say that zero violations of "
        "its rule mean little."
    )
    return f"<p>{text}</p>" + _table(("loosened for the shield", "broken, says the auditor"), rows)


def render() -> str:
    """The page as HTML, without scripts or network."""
    proof, mutation, attack = shipped_proof(), _data("mutation.json"), _data("attack.json")
    hazards, known = _data("hazards.toml")["hazard"], catalogue()
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
    boxes = "".join(f"<div><b>{html.escape(n)}</b>{html.escape(t)}</div>" for n, t in figures)
    limits = "".join(f"<li>{html.escape(text)}</li>" for text in LIMITS)
    parts = (
        "<h1>Safety case of the shield</h1>",
        f'<p class="no">{html.escape(LIMITS[0])}</p>',
        "<p><b>Claim.</b> Whatever a policy asks for, and whatever it did before, the commanded rate and bolus keep every limit "
        "of the profile. <b>Argument.</b> Each hazard leads to requirements, each requirement to invariants, each invariant to "
        "code that is proved, tested, attacked and audited.</p>",
        f'<div class="key">{boxes}</div>',
        "<h2>Hazards and requirements</h2>",
        _table(("id", "hazard", "pump type", "cause", "action", "mitigated by", "safety requirement", "invariants"), hazard_rows),
        "<h2>Invariants</h2>",
        _invariants(known, attack),
        "<h2>Proofs</h2>", _proof_section(proof),
        "<h2>Mutation testing</h2>", _mutation_section(mutation),
        "<h2>Attack</h2>", _attack_section(attack),
        "<h2>Limits of the claim</h2>", f"<ul>{limits}</ul>",
    )  # fmt: skip
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Safety case (simulation only)</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def write_safety_case(path: Path) -> Path:
    """Write the page.

    Raises:
        StoreError: the file cannot be written, or no proof is shipped.
    """
    page = render()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error})") from error
    return path
