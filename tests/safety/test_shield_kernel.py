"""The shield's arithmetic: its syntax, its two readings against each other and against brute force, and its inputs."""

from __future__ import annotations

import ast
import inspect
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.safety import kernel, locks, ops, shield, tick
from thecal.safety.readings import functions

HELPERS = {"lo", "hi", "ite", "both", "either", "union", "fdiv", "span"}
# Arguments of the functions of numbers alone, by kind; "ledger" draws a window of masses together with its length.
SIGNATURES = {
    "excess": ("ledger", "cap", "conc", "rate", "flag"),
    "largest_held": ("ledger", "cap", "conc", "rate", "flag"),
    "sustainable": ("ledger", "cap", "conc", "rate", "flag"),
    "bolus_room": ("ledger", "cap", "conc", "rate", "flag"),
    "withdrawal_floor": ("rate", "permille", "step", "rate", "bool"),
    "step_ceiling": ("rate", "permille", "rate", "bool"),
    "rise_ceiling": ("rate", "rate", "permille"),
    "titration_wait": ("ticks", "rate", "rate"),
    "choose_rate": ("any", "rate", "any", "rate", "rate", "rate", "step", "bool", "rate"),
    "largest_bolus": ("rate", "rate", "permille", "rate"),
    "choose_bolus": ("any", "any", "any", "step", "bool"),
    "may_rise": ("ticks", "ticks", "flag"),
    "may_bolus": ("ticks", "ticks", "ticks", "ticks", "flag"),
    "flag": ("bool", "step"),
    "bounded": ("huge", "step"),
    "next_since_increase": ("ticks", "rate", "rate", "ticks"),
    "next_since_bolus": ("ticks", "rate", "ticks"),
    "locked_bits": ("any", "bool", "rate"),
    "rest": ("ticks", "step"),
    "is_low": ("vital", "vital"),
    "next_samples": ("octal", "bool", "flag"),
    "confirmed": ("octal", "octal", "octal"),
    "is_high": ("vital", "vital"),
    "has_fallen": ("vital", "ticks", "ticks", "permille"),
    "believable_fall": ("vital", "vital", "vital"),
    "leapt": ("vital", "bool"),
    "latest": ("vital", "vital"),
    "is_blind": ("ticks", "ticks", "ticks"),
    "next_since_command": ("ticks", "valid", "ticks"),
    "refusal": ("valid",),
    "differs": ("any", "any"),
    "next_highest": ("ring", "rate", "rate", "rate"),
    "believable": ("vital", "vital", "vital"),
    "next_same": ("ticks", "vital", "vital"),
    "next_age": ("ticks", "bool"),
    "is_old": ("ticks", "ticks", "ticks"),
    "is_still": ("ticks", "ticks", "ticks", "ticks", "ticks"),
    "next_calm": ("ticks", "flag", "ticks"),
    "beyond": ("rate", "rate", "rate"),
    "still_owed": ("rate", "rate", "rate", "flag"),
    "next_excess": ("ticks", "flag", "ticks"),
    "next_since_change": ("ticks", "rate", "rate", "flag", "ticks"),
    "quick_share": ("share", "share", "share"),
    "quick_ceiling": ("rate", "share", "rate", "rate", "permille"),
    "latch": ("flag", "bool", "ticks", "ticks", "flag", "bool"),
    "reduced_rate": ("rate", "permille", "rate", "bool"),
    "pocket_fill": ("octal", "octal", "ticks", "ticks"),
    "next_gap": ("ticks", "flag"),
    "restarts": ("ticks", "flag", "ticks"),
    "next_errors": ("octal", "valid", "flag", "octal"),
    "escalated": ("rate", "rate", "permille", "vital", "vital"),
    "leased": ("any", "rate", "bool", "rate"),
    "authorized": ("any", "rate", "octal", "flag"),
    "authorized_bolus": ("any", "octal"),
}
# Functions of records; test_shield_readings.py compares their readings within whole ticks.
OF_RECORDS = {
    "decide_rate", "decide_bolus", "shared_holds", "rise_holds", "bolus_denials", "unshielded", "read_breathing",
    "read_circulation", "update_locks", "admit", "book", "shield_tick", "held_rate", "nearness", "is_watched",
    "read_back", "pace",
}  # fmt: skip
RANGES = {
    "cap": (0, 10**13), "conc": (1, 30_000), "rate": (0, 10**9), "any": (-(2**41), 2**41), "permille": (0, 5_000),
    "share": (0, 999), "step": (1, 5_000), "ticks": (0, 2**41), "vital": (-1, 1_000), "flag": (0, 1), "octal": (0, 7),
    "mass": (0, 10**11), "valid": (-3, 3), "huge": (-(2**62), 2**62),
}  # fmt: skip
MODULES = {"kernel": kernel, "locks": locks, "tick": tick}
COMPILED = shield.COMPILED
PLAIN = {name: value for module in MODULES.values() for name, value in functions(module).items()}


def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(MODULES[module]))


def test_every_function_of_the_kernel_is_tested() -> None:
    names = {node.name for module in MODULES for node in _tree(module).body if isinstance(node, ast.FunctionDef)}
    assert names == set(SIGNATURES) | OF_RECORDS == set(PLAIN)


@pytest.mark.parametrize("module", MODULES)
def test_the_kernel_holds_nothing_but_integer_arithmetic(module: str) -> None:
    """Without branches, floats and hidden calls the same lines mean the same to Python, Numba, a solver and intervals."""
    allowed = (
        ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.For, ast.Return, ast.Expr, ast.Call, ast.Name, ast.Constant,
        ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.Subscript,
        ast.Load, ast.Store, ast.Tuple, ast.Attribute, ast.UnaryOp, ast.USub,
    )  # fmt: skip
    functions_ = [node for node in _tree(module).body if isinstance(node, ast.FunctionDef)]
    for function in functions_:
        body = [node for statement in function.body for node in ast.walk(statement)]
        for node in body:
            assert isinstance(node, allowed), f"{function.name}, line {node.lineno}: {type(node).__name__}"
            if isinstance(node, ast.Attribute):
                assert isinstance(node.value, ast.Name)
                assert node.value.id in ("state", "par", "received")
                # Only the tick remembers, and only in the state.
                assert isinstance(node.ctx, ast.Load) or (module == "tick" and node.value.id == "state")
            if isinstance(node, ast.Subscript):
                assert module == "tick" or isinstance(node.ctx, ast.Load)
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else ""
                assert name in HELPERS | set(PLAIN) | {"range"}, f"{function.name}: calls {name or 'an expression'}"
            if isinstance(node, ast.For):
                assert isinstance(node.iter, ast.Call)
                assert isinstance(node.iter.func, ast.Name)
                assert node.iter.func.id == "range"
            if isinstance(node, ast.Constant):
                assert type(node.value) in (int, str, bool), f"{function.name}: {node.value!r}"
        bare = [node.value for node in function.body if isinstance(node, ast.Expr)]
        called = [value for value in bare if isinstance(value, ast.Call)]  # for what it leaves in the state
        assert not called or module == "tick"
        assert all(isinstance(value.value, str) for value in bare if isinstance(value, ast.Constant))
        assert len(called) + sum(isinstance(value, ast.Constant) for value in bare) == len(bare)


@pytest.mark.parametrize("module", MODULES)
def test_the_kernel_imports_only_its_helpers_and_constants(module: str) -> None:
    imports = [node for node in ast.walk(_tree(module)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    allowed = {"__future__", "typing", ops.__name__, "thecal.safety.bits", "thecal.safety.records"}
    allowed |= {kernel.__name__, locks.__name__} if module == "tick" else set()
    assert {node.module for node in imports if isinstance(node, ast.ImportFrom)} == allowed
    assert not [node for node in imports if isinstance(node, ast.Import)]
    for name, value in vars(MODULES[module]).items():
        if name.isupper():
            assert type(value) is int, name


def _edge(rng: np.random.Generator, kind: str) -> int:
    """An integer of a kind: its ends, values around them, round numbers, or anything between."""
    low, high = RANGES[kind]
    if kind == "flag" or rng.random() < 0.5:
        return int(rng.integers(low, high + 1))
    special = (low, low + 1, high, high - 1, 0, 1, -1, 10, 500, 1_000, 999, 96, 97)
    return int(np.clip(rng.choice(special), low, high))


def _arguments(rng: np.random.Generator, kinds: tuple[str, ...]) -> list[object]:
    out: list[object] = []
    for kind in kinds:
        if kind == "ring":
            out += [np.array([_edge(rng, "rate") for _ in range(96)], dtype=np.int64), 96]
        elif kind == "ledger":
            w = int(rng.choice([1, 2, 5, 97]))
            out += [np.array([_edge(rng, "mass") for _ in range(w)], dtype=np.int64), w]
        else:
            out.append(bool(rng.integers(2)) if kind == "bool" else _edge(rng, kind))
    return out


def _plain(value: object) -> object:
    return [int(x) for x in value] if isinstance(value, np.ndarray) else value


def _seed(name: str) -> int:
    return sum(ord(letter) * 31**i for i, letter in enumerate(name)) % 2**32


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_the_compiled_reading_equals_the_plain_one(name: str) -> None:
    """Plain Python counts without bounds, so equality also means that nothing overflowed."""
    rng = np.random.default_rng(_seed(name))
    plain, compiled = PLAIN[name], COMPILED[name]
    for _ in range(300 if {"ledger", "ring"} & set(SIGNATURES[name]) else 4_000):
        arguments = _arguments(rng, SIGNATURES[name])
        expected = plain(*(_plain(value) for value in arguments))
        assert compiled(*arguments) == expected, arguments


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_the_compiled_helpers_equal_the_plain_ones(name: str) -> None:
    plain, compiled = getattr(ops, name), numba.njit(getattr(ops, name))
    rng = np.random.default_rng(3)
    for _ in range(2_000):
        a, b = _edge(rng, "any"), _edge(rng, "any")
        if name == "span":
            assert compiled(a % 100, b) == plain(a % 100, b)
        elif name == "ite":
            assert compiled(a > 0, a, b) == plain(a > 0, a, b)
        elif name in ("both", "either"):
            assert compiled(a > 0, b > 0) == plain(a > 0, b > 0)
        else:
            b = abs(b) + 1 if name == "fdiv" else b
            assert compiled(a, b) == plain(a, b)


def test_division_floors_towards_minus_infinity() -> None:
    """Rounding towards zero would round a negative room up."""
    assert [ops.fdiv(a, 10) for a in (-11, -10, -1, 0, 9, 10)] == [-2, -1, -1, 0, 0, 1]
    assert COMPILED["bounded"](-1, 10) == -10


# ------------------------------------------------------------------------------------------ meaning, against brute force

MASSES = st.lists(st.integers(0, 60), min_size=1, max_size=9)


def _held(ledger: list[int], mass_per_tick: int, first: int) -> int:
    """The heaviest window when ``first`` more than a held rate comes now and the rate is held for as long as it takes."""
    masses = [*ledger, mass_per_tick + first, *[mass_per_tick] * (2 * len(ledger))]
    w = len(ledger)
    return max(sum(masses[i : i + w]) for i in range(1, len(masses) - w + 1))


@given(MASSES, st.integers(0, 400), st.integers(1, 7), st.integers(0, 40))
def test_sustainable_is_the_highest_rate_that_can_be_held(ledger: list[int], cap: int, conc: int, top: int) -> None:
    best = kernel.sustainable(ledger, len(ledger), cap, conc, top, 1)
    allowed = [rate for rate in range(top + 1) if _held(ledger, rate * conc, 0) <= cap]
    assert (best if best >= 0 else None) == (max(allowed) if allowed else None)
    assert kernel.sustainable(ledger, len(ledger), cap, conc, top, 0) == top


@given(MASSES, st.integers(0, 400), st.integers(1, 7), st.integers(0, 40))
def test_bolus_room_is_the_largest_bolus_over_a_held_rate(ledger: list[int], cap: int, conc: int, rate: int) -> None:
    room = kernel.bolus_room(ledger, len(ledger), cap, conc, rate, 1)
    allowed = [b for b in range(cap + 1) if _held(ledger, rate * conc, b * conc) <= cap]
    assert room == (max(allowed) if allowed else 0)


@given(st.integers(0, 10**6), st.integers(0, 1000), st.integers(1, 500), st.integers(0, 10**6))
def test_the_floor_is_on_the_grid_and_not_above_the_rate(highest, keep, step, prev) -> None:
    floor = kernel.withdrawal_floor(highest, keep, step, prev, True)
    assert floor <= prev
    assert floor == prev or (floor % step == 0 and 1000 * floor >= keep * highest > 1000 * (floor - step) - 1000 * step)
    assert kernel.withdrawal_floor(highest, keep, step, prev, False) == 0


@given(st.integers(0, 10**7), st.integers(0, 5_000))
def test_ceilings_never_round_up_and_never_force_a_fall(prev: int, permille: int) -> None:
    top = kernel.step_ceiling(prev, permille, 10**9, True)
    assert 1000 * top <= (1000 + permille) * prev < 1000 * (top + 1)
    assert kernel.step_ceiling(prev, permille, 10**9, False) == prev
    assert kernel.step_ceiling(prev, permille, 7, True) <= prev + 7
    assert kernel.rise_ceiling(prev, 0, permille) == prev


@pytest.mark.parametrize(("value", "low"), [(80, 0), (79, 1), (-1, 0), (0, 1), (300, 0)])
def test_a_missing_vital_sign_is_no_low_one(value: int, low: int) -> None:
    assert locks.is_low(value, 80) == low


@pytest.mark.parametrize(("asked", "runs"), [(499, 0), (500, 500), (509, 500), (510, 510), (-1, 0), (10**6, 9_000)])
def test_an_unshielded_rate_is_the_pumps_own_lowest_or_nothing(asked: int, runs: int) -> None:
    par = SimpleNamespace(max_rate=9_000, min_rate=500, rate_step=10, bolus_step=100)
    assert kernel.unshielded(par, asked, 0) == (runs, 0)


def test_the_highest_of_a_ring_is_searched_where_it_left() -> None:
    assert kernel.next_highest([5, 7, 3], 3, 3, 9, 9) == 7
    assert kernel.next_highest([5, 7, 9], 3, 3, 8, 9) == 9
