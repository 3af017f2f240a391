"""The kernel in solver terms: what each operation means to Z3, and contracts that stand in for searches.

Division by a symbol and products of symbols are not decidable in general, so a quotient is a fresh integer that is only known
by its defining inequality at the places where a goal looks (a Galois connection proved once, see ``searches.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import z3

from thecal.safety import kernel, locks, tick
from thecal.safety.readings import read

HAS = z3.Function(
    "has", z3.IntSort(), z3.BoolSort()
)  # whether a set of bits holds a bit, for one bit that is not named


def _lo(a: Any, b: Any) -> Any:
    return z3.If(a <= b, a, b)


def _hi(a: Any, b: Any) -> Any:
    return z3.If(a >= b, a, b)


def _ite(condition: Any, a: Any, b: Any) -> Any:
    return z3.If(condition, a, b)


class Reading:
    """One solver reading of kernel, locks and tick, with the facts that its fresh variables are known by.

    Args:
        replace: contracts that stand in for functions of the kernel.
        watched: terms at which the Galois connection of every quotient by a symbol is known.
        exact: whether such a quotient is also known by its defining inequality.
        flat: write every minimum as a fresh integer, which keeps long chains of them shallow.
    """

    def __init__(
        self,
        replace: dict[str, Callable[..., Any]] | None = None,
        *,
        watched: Iterable[Any] = (),
        exact: bool = True,
        flat: bool = False,
    ) -> None:
        self.known: list[Any] = []
        self.divisors: list[Any] = []  # symbols that were divided by; a proof owes that they are positive
        self.watched = list(watched)
        self.exact = exact
        helpers = {
            "lo": self._least if flat else _lo,
            "hi": _hi,
            "ite": _ite,
            "both": z3.And,
            "either": z3.Or,
            "union": self._union,
            "fdiv": self._fdiv,
            "span": lambda n, wanted: n,
        }
        self.code = SimpleNamespace(**read((kernel, locks, tick), helpers, replace=replace))

    def _least(self, a: Any, b: Any) -> Any:
        least = z3.FreshInt("least")
        self.known += [least <= a, least <= b, z3.Or(least == a, least == b)]
        return least

    def _union(self, a: Any, b: Any) -> Any:
        """The bits of either: a bit, whichever ``HAS`` asks for, is in it exactly when it is in one of the two."""
        bits = z3.FreshInt("bits")
        self.known += [bits >= a, bits >= b, (bits == 0) == z3.And(a == 0, b == 0)]
        self.known += [z3.Not(HAS(z3.IntVal(0))), HAS(bits) == z3.Or(HAS(a), HAS(b))]
        return bits

    def _fdiv(self, a: Any, b: Any) -> Any:
        if isinstance(b, int):
            return a / b if isinstance(a, z3.ExprRef) else a // b  # the solver's division by a positive number floors
        self.divisors.append(b)
        quotient = z3.FreshInt("quotient")
        self.known += [quotient * b <= a, a < quotient * b + b] if self.exact else []
        for r in self.watched:
            self.known.append((r <= quotient) == (r * b <= a))
            if self.exact:  # products keep their order, also proved in ``searches.py``
                self.known += [
                    z3.Implies(r <= quotient, r * b <= quotient * b),
                    z3.Implies(quotient <= r, quotient * b <= r * b),
                ]
        if self.exact:
            self.watched.append(quotient)
        return quotient


class Held:
    """The contract of ``sustainable``: the largest rate up to ``top`` that can be held, for one unknown set of such rates.

    What can be held is downward closed; ``searches.py`` proves that the code keeps the contract.
    """

    def __init__(self) -> None:
        self.can_be_held = z3.Function(f"held{id(self)}", z3.IntSort(), z3.BoolSort())
        self.answers: list[tuple[Any, Any]] = []

    def __call__(self, ledger: Any, w: int, cap: Any, conc: Any, top: Any, ask: Any) -> Any:
        """A fresh rate known only by the contract."""
        best = z3.FreshInt("held")
        self.answers.append((best, top))
        return best

    def facts(self, rates: Iterable[Any]) -> list[Any]:
        """The contract at the given rates, and downward closure between them."""
        found: list[Any] = []
        looked_at = [*rates, *(best for best, _ in self.answers), *(top for _, top in self.answers)]
        for best, top in self.answers:
            found += [(r <= best) == z3.And(r <= top, self.can_be_held(r)) for r in looked_at]
        for i, a in enumerate(looked_at):
            found += [
                z3.Implies(z3.And(a <= b, self.can_be_held(b)), self.can_be_held(a))
                for j, b in enumerate(looked_at)
                if i != j
            ]
        return found


def record(prefix: str, names: Iterable[str], **fixed: Any) -> SimpleNamespace:
    """A record of solver integers, one for each name that is not fixed."""
    fields = {name: z3.Int(f"{prefix}.{name}") for name in names if name not in fixed}
    return SimpleNamespace(**fields, **fixed)
