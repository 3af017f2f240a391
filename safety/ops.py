"""The operations a shield kernel may use besides + - * and comparisons, in their plain-Python reading.

The kernel's functions are bound to compiled versions of these for Numba, to solver terms for the proofs and to intervals for
the overflow proof (``readings.py``); every reading runs the same bytecode.
"""

from __future__ import annotations

from typing import Any


def lo(a: Any, b: Any) -> Any:
    """The smaller of two integers."""
    return a if a <= b else b


def hi(a: Any, b: Any) -> Any:
    """The larger of two integers."""
    return a if a >= b else b


def ite(condition: Any, a: Any, b: Any) -> Any:
    """``a`` where the condition holds, else ``b``."""
    return a if condition else b


def both(a: Any, b: Any) -> Any:
    """Whether both conditions hold."""
    return a and b


def either(a: Any, b: Any) -> Any:
    """Whether at least one condition holds."""
    return a or b


def union(a: Any, b: Any) -> Any:
    """Every bit that is set in either of two sets of bits."""
    return a | b


def fdiv(a: Any, b: Any) -> Any:
    """Floor division by a positive integer."""
    return a // b


def span(n: int, wanted: Any) -> int:
    """``n`` rounds of a loop when ``wanted`` is not 0, else none; a solver always runs them and proves that this is the same."""
    return n if wanted > 0 else 0
