"""References of the safety case: what ``goal:``, ``test:`` or ``attack:`` points to, whether it is there, and who points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from thecal.experiments.assurance.case_data import CURRENT, RECORDS, Record

OK, AGAINST, WAITS, UNKNOWN = "ok", "against", "waits", "unknown"  # from the best to the worst
_TEXTS = ("hazard", "indicator", "gap", "node")  # what refers to an entry of the case's own data


@dataclass(frozen=True)
class Link:
    """One reference as shown: words, place on the page, and its state."""

    words: str
    anchor: str
    state: str
    note: str = ""


def slug(words: str) -> str:
    """Words as part of an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def shown(value: Any) -> str:
    """A value of a record in a few words."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value[:16]
    return f"{len(value):,} entries"


class References:
    """Resolves references, and remembers who points where.

    Args:
        recorded: of :func:`thecal.experiments.assurance.case_data.records`.
        ids: ids of hazards, indicators, gaps and nodes, by kind.
        stands: how the indicators stand, as (state, note) by id.
    """

    def __init__(
        self, recorded: Mapping[str, Record], ids: Mapping[str, Iterable[str]], stands: Mapping[str, tuple[str, str]]
    ) -> None:
        self.recorded = recorded
        self.stands = stands
        self.ids = {kind: set(names) for kind, names in ids.items()}
        self.goals = {goal["name"]: goal for goal in recorded["proof"].data.get("goals", [])}
        self._numbers = {name: k for k, name in enumerate(self.goals)}
        self.tests: dict[str, list[Link]] = {}
        self.pointed: dict[str, list[Link]] = {}  # by anchor

    def of(self, reference: str, by: Link | None = None) -> list[Link]:
        """The links of one reference (a goal with ``*`` may be several); ``by`` is noted where it leads."""
        kind, _, name = reference.partition(":")
        if kind == "goal":
            found = self._goal(name)
        elif kind == "test":
            found = [Link(name, f"test-{slug(name)}", OK)]
            self.tests.setdefault(name, [])
        elif kind in _TEXTS:
            known = name in self.ids.get(kind, ())
            state, note = self.stands.get(name, (OK, "")) if kind == "indicator" else (OK, "")
            found = [Link(f"{kind} {name}", f"{kind}-{name}", state if known else UNKNOWN, note)]
        elif kind in RECORDS:
            found = [self._record(kind, name)]
        else:
            found = [Link(reference, "", UNKNOWN)]
        if by is not None:
            for link in found:
                self._point(link.anchor, by)
        return found

    def every(self, references: Iterable[str], by: Link | None = None) -> list[Link]:
        """The links of several references."""
        return [link for reference in references for link in self.of(reference, by)]

    def _point(self, anchor: str, by: Link) -> None:
        pointing = self.pointed.setdefault(anchor, [])
        if anchor and by not in pointing:
            pointing.append(by)

    def _goal(self, name: str) -> list[Link]:
        names = [n for n in self.goals if n.startswith(name[:-1])] if name.endswith("*") else [name]
        proof = self.recorded["proof"]
        found = []
        for one in names or [name]:
            goal = self.goals.get(one)
            good = goal is not None and goal["open"] == 0 and proof.state == CURRENT
            note = (
                ""
                if good
                else "not in the recorded proof"
                if goal is None
                else "NOT PROVED"
                if goal["open"]
                else proof.words
            )
            anchor = self.goal_anchor(one) if goal is not None else "record-proof"
            found.append(Link(one, anchor, OK if good else WAITS, note))
        return found

    def goal_anchor(self, name: str) -> str:
        """Where a goal of the recorded proof stands."""
        return f"goal-{self._numbers[name]}"

    def _record(self, kind: str, key: str) -> Link:
        record = self.recorded[kind]
        value = record.at(key)
        words = f"{kind.replace('_', ' ')}: {key}"
        if value is not None:
            words += f" = {shown(value)}"
        good = record.state == CURRENT and value is not None
        note = "" if good else record.words if record.state != CURRENT else "the record does not say"
        return Link(words, f"record-{slug(kind)}", OK if good else WAITS, note)


def state_of(links: Iterable[Link]) -> str:
    """The worst state among links."""
    found = {link.state for link in links}
    return next((state for state in (UNKNOWN, WAITS, AGAINST) if state in found), OK)
