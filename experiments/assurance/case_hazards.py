"""The hazards of the safety case: joined with their evidence, their verification derived, and the matrix of their risks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from thecal.core.parameters import read_parameters
from thecal.devices.fault_records import FAULT_NAMES
from thecal.experiments.assurance.case_links import AGAINST, OK, UNKNOWN, WAITS, Link, References, state_of

VERDICTS = {"acceptable": "A", "tolerable": "T", "not acceptable": "N"}
ORDER = "ATN"  # mildest first


@dataclass(frozen=True)
class Hazard:
    """One hazard with its links and the state of its verification."""

    data: Mapping[str, Any]
    links: list[Link]
    state: str  # of the evidence: ok, waits, unknown
    verified: str  # in words
    figure: str  # rate of the preset that the class rests on, 1/patient-year; empty for another basis

    @property
    def link(self) -> Link:
        """As a reference to it."""
        return link_of(self.data["id"])


def link_of(name: str) -> Link:
    """A reference to a hazard by its id."""
    return Link(f"hazard {name}", f"hazard-{name}", OK)


def hazards(data: Mapping[str, Any], references: References) -> list[Hazard]:
    """Every hazard of ``hazards.toml`` with its evidence."""
    found = []
    rates = preset_rates(refills(data))
    for entry in data["hazard"]:
        preset = re.match(r"preset: (\w+)", entry["before_basis"])
        links = references.every(entry["evidence"], link_of(entry["id"]))
        state = state_of(links)
        figure = f"{rates[preset[1]]:.2g}" if preset else ""
        found.append(Hazard(entry, links, state, _verified(entry, state), figure))
    return found


def _verified(entry: Mapping[str, Any], state: str) -> str:
    if state == UNKNOWN:
        return "broken: its evidence names what is not there"
    kinds = {reference.partition(":")[0] for reference in entry["evidence"]}
    ways = [words for kind, words in (("goal", "proved"), ("test", "tested")) if kind in kinds]
    ways += ["attacked"] if "attack" in kinds else []
    ways += ["measured"] if kinds & {"indicator", "end_to_end", "wiring", "mutation"} else []
    words = ", ".join(ways) or "stated only"
    return words + {WAITS: "; waits for a record", AGAINST: "; an indicator is not met or saw no case"}.get(state, "")


def names(data: Mapping[str, Any], axis: str) -> list[str]:
    """Names of the classes of ``severity`` or ``probability``, mildest or rarest first."""
    return [entry["name"] for entry in data[axis]]


def allowed(data: Mapping[str, Any], severity: str, probability: str) -> str:
    """What the matrix allows at best in a cell: A, T or N."""
    row, column = names(data, "severity").index(severity), names(data, "probability").index(probability)
    return str(data["matrix"]["cells"][row][column])


def matrix(data: Mapping[str, Any], when: str) -> list[tuple[str, list[tuple[str, list[Link]]]]]:
    """Rows of the risk matrix, worst first: (severity, [(what the cell allows, hazards in it)]).

    Args:
        when: ``"before"`` or ``"after"`` the controls.
    """
    rows = []
    for severity in reversed(names(data, "severity")):
        cells = []
        for probability in names(data, "probability"):
            inside = [h["id"] for h in data["hazard"] if h["severity"] == severity and h[when] == probability]
            cells.append((allowed(data, severity, probability), [link_of(name) for name in inside]))
        rows.append((severity, cells))
    return rows


def refills(data: Mapping[str, Any]) -> float:
    """Refills in a year, by ``hazards.toml``."""
    return float(next(entry["value"] for entry in data["rate"] if entry["name"] == "refills"))


def preset_rates(per_year: float) -> dict[str, float]:
    """Rate of every fault in the reference preset, 1/patient-year, of a sound system after the first days.

    Args:
        per_year: refills in a year, which turn a chance per refill into a rate.
    """
    file = read_parameters(files("thecal.devices") / "data" / "faults" / "reference.toml")
    return {
        name: file.get_in(f"{name}.hazard", "1/year")
        if f"{name}.hazard" in file
        else per_year * file.get_in(f"{name}.chance", "dimensionless")
        for name in FAULT_NAMES
    }


def class_of(data: Mapping[str, Any], rate: float) -> str:
    """The class of probability that holds a rate, 1/patient-year."""
    return str([entry["name"] for entry in data["probability"] if rate >= entry["least"]][-1])
