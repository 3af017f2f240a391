"""The argument of the safety case: its tree, how confidence is carried up it, and its indicators against their thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from thecal.experiments.assurance.case_data import CURRENT, MISSING, Record
from thecal.experiments.assurance.case_links import AGAINST, OK, WAITS, Link, References, state_of

CARRIED = ("claim", "strategy", "evidence")  # the others qualify and do not carry
_PRESSED = "faults stress"  # runs that press for rare things are shown and not judged
NONE, LOW = "none", 1  # the lowest level, and the place of the one above it


@dataclass
class Node:
    """One node of the tree with what stands under it."""

    id: str
    kind: str
    text: str
    links: list[Link]
    join: str = "all"
    own: str = ""  # a leaf's confidence as stated
    reason: str = ""
    invariants: Sequence[int] = ()
    confidence: str = ""
    why: list[str] = field(default_factory=list)  # what lowered it
    children: list[Node] = field(default_factory=list)
    defeaters: list[Defeater] = field(default_factory=list)

    @property
    def link(self) -> Link:
        """As a reference to it."""
        return Link(f"{self.kind} {self.id}", f"node-{self.id}", OK)


@dataclass(frozen=True)
class Defeater:
    """What speaks against a node, and what became of it."""

    id: str
    against: str
    type: str
    text: str
    state: str
    leaves: str
    answer: str
    links: list[Link]


@dataclass(frozen=True)
class Indicator:
    """One safety indicator: rows of (where, value, error, out of), its bound, and how it stands."""

    id: str
    text: str
    source: str
    unit: str
    threshold: str
    basis: str
    rows: list[tuple[str, str, str, str]]
    state: str  # met, not met, no case seen (runs in which there was nothing to count), not measured, stale

    @property
    def stands(self) -> tuple[str, str]:
        """The state of a reference to it, and a note."""
        return {"met": (OK, ""), "not met": (AGAINST, self.state), "no case seen": (AGAINST, self.state)}.get(
            self.state, (WAITS, self.state)
        )


def tree(data: Mapping[str, Any], references: References) -> Node:
    """The argument as a tree with its confidence carried up, from ``argument.toml``."""
    levels: list[str] = data["levels"]
    nodes: dict[str, Node] = {}
    root: Node | None = None
    for entry in data["node"]:
        own = Link(f"{entry['kind']} {entry['id']}", f"node-{entry['id']}", OK)
        node = Node(
            entry["id"], entry["kind"], entry["text"], references.every(entry.get("evidence", ()), own),
            entry.get("join", "all"), entry.get("confidence", ""), entry.get("reason", ""), entry.get("invariants", ()),
        )  # fmt: skip
        nodes[node.id] = node
        if entry["under"]:
            nodes[entry["under"]].children.append(node)
        else:
            root = node
    for entry in data["defeater"]:
        by = Link(f"defeater {entry['id']}", f"defeater-{entry['id']}", OK)
        nodes[entry["against"]].defeaters.append(
            Defeater(
                entry["id"], entry["against"], entry["type"], entry["text"], entry["state"], entry.get("leaves", ""),
                entry.get("answer", ""), references.every(entry["by"], by),
            )
        )  # fmt: skip
    assert root is not None
    _carry(root, levels)
    return root


def _carry(node: Node, levels: Sequence[str]) -> int:
    """Confidence of a node as its place among the levels, after everything under it."""
    below = [(child, _carry(child, levels)) for child in node.children if child.kind in CARRIED]
    if below:
        pick = max if node.join == "any" else min
        level = pick(value for _, value in below)
        node.why = [f"the {'highest' if node.join == 'any' else 'lowest'} of what stands under it"]
    elif node.kind in CARRIED:
        level = levels.index(node.own or NONE)
        state = state_of(node.links)
        if state == AGAINST:
            level = min(level, LOW)
            node.why = ["an indicator that it names is not met or saw no case"]
        elif state != OK:
            level = 0
            node.why = ["a record that it rests on is missing or stale"]
    else:
        return len(levels) - 1
    for defeater in node.defeaters:
        open_again = defeater.state == "eliminated" and state_of(defeater.links) not in (OK, AGAINST)
        most = levels.index(defeater.leaves) if defeater.leaves else len(levels) - 1
        if open_again:
            most = min(most, LOW)
        if most < level:
            level = most
            node.why.append(
                f"{defeater.id} leaves no more" + (", as its answer waits for a record" if open_again else "")
            )
    node.confidence = levels[level]
    return level


def flat(node: Node) -> list[Node]:
    """A node and everything under it, in reading order."""
    return [node, *(deeper for child in node.children for deeper in flat(child))]


def indicators(data: Mapping[str, Any], recorded: Mapping[str, Record]) -> list[Indicator]:
    """Every indicator of ``argument.toml`` with what the records say of it."""
    found = []
    for entry in data["indicator"]:
        record = recorded[entry["record"]]
        values = _values(entry, record)
        numbers = [v for where, v, _, _ in values if v is not None and not where.endswith(_PRESSED)]
        holds = all(v <= entry["bound"] if entry["threshold"] == "at most" else v >= entry["bound"] for v in numbers)
        nothing = "no case seen" if any(of == 0.0 for _, _, _, of in values) else "not measured"
        state = nothing if not numbers else "met" if holds else "not met"
        if record.state not in (CURRENT, MISSING) and state != "not measured":
            state = f"stale ({state} then)"
        key = entry.get("value") or entry.get("count") or f"{entry.get('top')} / {entry.get('bottom')}"
        rows = [(where, *_shown(v, se, of)) for where, v, se, of in values]
        found.append(
            Indicator(
                entry["id"], entry["text"], f"{entry['record']}: {key}", entry["unit"],
                f"{entry['threshold']} {entry['bound']:g}", entry["basis"], rows, state,
            )
        )  # fmt: skip
    return found


def _shown(value: float | None, error: float | None, of: float | None) -> tuple[str, str, str]:
    return (
        "not measured" if value is None else f"{value:.4g}",
        "-" if error is None else f"{error:.2g}",
        "-" if of is None else f"{of:,.0f}",
    )


_Values = list[tuple[str, float | None, float | None, float | None]]


def _values(entry: Mapping[str, Any], record: Record) -> _Values:
    if entry.get("value"):
        runs = record.data.get("runs", [])
        nothing = {"value": None, "se": None, "of": None}
        return [
            (f"{run['task']}, {run['policy']}, faults {run.get('faults', '?')}", one["value"], one["se"], one["of"])
            for run in runs
            for one in [run["values"].get(entry["value"], nothing)]
        ] or [("every run", None, None, None)]
    if entry.get("count"):
        rows = record.at(entry["count"]) or []
        good = sum(bool(row.get(entry["where"])) for row in rows)
        return [("the record", good / len(rows) if rows else None, None, float(len(rows)))]
    top, bottom = record.at(entry["top"]), record.at(entry["bottom"])
    known = isinstance(top, (int, float)) and isinstance(bottom, (int, float)) and bottom > 0
    return [("the record", entry["scale"] * top / bottom if known else None, None, float(bottom) if known else None)]
