"""A goal of the proof: what is assumed, what is claimed, and which invariants rest on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import z3

from thecal.safety.invariants import Invariant


@dataclass(frozen=True)
class Goal:
    """One claim; it is proved when its negation has no model under the assumptions.

    With ``possible`` the claim must instead have a model: assumptions that nothing satisfies would prove anything.
    """

    name: str
    known: tuple[Any, ...]
    claim: Any
    covers: tuple[Invariant, ...] = ()
    possible: bool = False

    def smt2(self) -> str:
        """The question to the solver, in the standard format that any solver reads."""
        solver = z3.Solver()
        solver.add(*self.known, self.claim if self.possible else z3.Not(self.claim))
        return str(solver.to_smt2())

    @property
    def wanted(self) -> str:
        """The solver's answer that settles the goal."""
        return "sat" if self.possible else "unsat"
