"""The safety case on one page: argument, hazards, invariants, proofs, tests, mutants, wiring, attack, gaps, signature."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from thecal.core.errors import StoreError
from thecal.core.extras import importing
from thecal.core.files import write_whole
from thecal.experiments.assurance import case_argument, case_hazards
from thecal.experiments.assurance.case_catalog import catalog
from thecal.experiments.assurance.case_data import hashes, read, records
from thecal.experiments.assurance.case_links import OK, Link, References, slug
from thecal.experiments.assurance.case_records import attack, end_to_end, mutation, proof, wiring
from thecal.safety.certificate import kernel_hash
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile, profile_names

_FILES = ("safety_case.css", "safety_case.js")
SECTIONS = (
    ("argument", "Argument"), ("indicators", "Safety indicators"), ("hazards", "Hazards and their risks"),
    ("invariants", "Invariants"), ("margins", "Margins explained"), ("proof", "Proofs"), ("mutation", "Mutation testing"),
    ("wiring", "Wiring"), ("end-to-end", "Oracle at the pump"), ("attack", "Attack"), ("tests", "Tests"),
    ("gaps", "Limits and known gaps"), ("signature", "Signature"),
)  # fmt: skip


def _resource(name: str) -> str:
    return (files("thecal.experiments.assurance") / "templates" / name).read_text("utf-8")


def _page() -> Any:
    """The page's template.

    Raises:
        ConfigError: Jinja2 is not installed.
    """
    with importing("the safety case", "report"):
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(_resource)
    )  # fmt: skip
    environment.filters |= {"spans": partial(re.split, "`([^`]+)`"), "slug": slug}  # every second part is code
    return environment.get_template("safety_case.html.j2")


def policy_of(css: str, script: str) -> str:
    """The page's content security policy: its own style and script by hash, and nothing else."""
    style, run = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (css, script))
    return f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{run}'; base-uri 'none'; form-action 'none'"


def _invariants(
    references: References, hazards: list[case_hazards.Hazard], nodes: list[case_argument.Node], counts: dict[str, Any]
) -> list[dict[str, Any]]:
    """Every invariant with its evidence, and what stands on it."""
    found = []
    for invariant, entry in sorted(catalog().items()):
        me = Link(f"invariant {int(invariant)}", f"invariant-{int(invariant)}", OK)
        name = invariant.name.lower()
        found.append({
            **entry, "number": int(invariant), "name": name,
            "goals": references.every([f"goal:{goal}" for goal in entry["proofs"]], me),
            "links": references.every([f"test:{test}" for test in entry["tests"]], me),
            "hazards": [h.link for h in hazards if int(invariant) in h.data["invariants"]],
            "nodes": [node.link for node in nodes if int(invariant) in node.invariants],
            "ticks": counts["tested"].get(name, 0), "margin": entry.get("margin", ""),
            "narrowest": counts["margins"].get(name),
        })  # fmt: skip
    return found


def _old(record: dict[str, Any]) -> str:
    return " (stale)" if record["stale"] else ""


def render() -> str:
    """The page as HTML: one file, its own script and style, no network.

    Raises:
        ConfigError: Jinja2 is not installed.
        StoreError: no proof is shipped, or a data file of the case cannot be read.
    """
    page = _page()
    recorded = records()
    if not recorded["proof"].data:
        raise StoreError("no proof is shipped with this version; run `make proof`")
    said, argued, left = read("hazards.toml"), read("argument.toml"), read("gaps.toml")
    indicators = case_argument.indicators(argued, recorded)
    references = References(recorded, {
        "hazard": [h["id"] for h in said["hazard"]], "indicator": [i["id"] for i in argued["indicator"]],
        "gap": [g["id"] for g in (*left["limit"], *left["gap"])], "node": [n["id"] for n in argued["node"]],
    }, {one.id: one.stands for one in indicators})  # fmt: skip
    hazards = case_hazards.hazards(said, references)
    root = case_argument.tree(argued, references)
    nodes = case_argument.flat(root)
    attacked = attack(recorded["attack"])
    counts = {key: recorded["attack"].data.get(key, {}) for key in ("tested", "margins")}
    invariants = _invariants(references, hazards, nodes, counts)
    proved = proof(recorded["proof"], references)
    css, script = (_resource(name) for name in _FILES)
    figures = (
        (str(len(Invariant)), "invariants"), (str(len(hazards)), "hazards"), (f"{proved['total']:,}", f"goals{_old(proved)}"),
        (attacked["ticks"], f"ticks under attack{_old(attacked)}"), (attacked["violations"], f"violations{_old(attacked)}"),
        (root.confidence, "confidence"),
    )  # fmt: skip
    html: str = page.render(
        policy=policy_of(css, script), css=css, script=script, sections=SECTIONS, figures=figures, left=left,
        root=root, nodes=nodes, defeaters=[d for node in nodes for d in node.defeaters], levels=argued["levels"],
        indicators=indicators, recorded=recorded, said=said, hazards=hazards,
        matrices=[(when, case_hazards.matrix(said, when)) for when in ("before", "after")],
        categories=list(dict.fromkeys(h.data["category"] for h in hazards)), invariants=invariants, proof=proved,
        mutation=mutation(recorded["mutation"]), attack=attacked, wiring=wiring(recorded["wiring"]),
        end_to_end=end_to_end(recorded["end_to_end"]), tests=sorted(references.tests), pointed=references.pointed,
        kernel=kernel_hash(), hashes=hashes(), profiles=[(name, load_profile(name).hash) for name in profile_names()],
    )  # fmt: skip
    return html.strip() + "\n"


def write_safety_case(path: Path) -> Path:
    """Write the page.

    Raises:
        ConfigError: Jinja2 is not installed.
        StoreError: the file cannot be written, or no proof is shipped.
    """
    return write_whole(path, render())
