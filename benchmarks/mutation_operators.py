"""Mutants of Python source: small changes of syntax trees, for the shield's kernel and for the wiring around it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

ARITHMETIC = {ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Add,)}
COMPARISON = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.LtE, ast.GtE),
}  # fmt: skip
SWAPS = {"lo": "hi", "hi": "lo", "both": "either", "either": "both"}

Change = tuple[str, Callable[[Any], None]]  # what, and the function that changes the node in place


def changes(node: ast.AST) -> Iterator[Change]:
    """Every mutant of one node of the kernel: arithmetic, comparison, constants, and the helpers of its arithmetic."""
    if isinstance(node, ast.BinOp):
        for kind in ARITHMETIC.get(type(node.op), ()):
            yield f"{type(node.op).__name__} -> {kind.__name__}", lambda n, k=kind: setattr(n, "op", k())
    if isinstance(node, ast.Compare):
        for kind in COMPARISON.get(type(node.ops[0]), ()):
            yield f"{type(node.ops[0]).__name__} -> {kind.__name__}", lambda n, k=kind: setattr(n, "ops", [k()])
    if isinstance(node, ast.Constant) and type(node.value) is int:
        for value in (node.value + 1, node.value - 1):
            yield f"{node.value} -> {value}", lambda n, v=value: setattr(n, "value", v)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "-x -> x", lambda n: setattr(n, "op", ast.UAdd())
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ite":
        yield "ite(c, a, b) -> ite(c, b, a)", lambda n: setattr(n, "args", [n.args[0], n.args[2], n.args[1]])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SWAPS:
        other = SWAPS[node.func.id]
        yield f"{node.func.id} -> {other}", lambda n, o=other: setattr(n.func, "id", o)


class Site(NamedTuple):
    """A place where a mutant differs: the function (its qualified name, empty for a constant of the module) and the node."""

    function: str
    line: int
    node: Any
    place: str  # "body", "default" or "constant"


class Context(NamedTuple):
    """What the wiring's mutants need to know of their surroundings."""

    fields: Mapping[str, str]  # of a record -> another field of the same record
    texts: Mapping[str, str]  # key in this function -> the next one


_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_EXTREMES = {"min": "max", "max": "min", "floor": "ceil", "ceil": "floor", "any": "all", "all": "any"}
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)


def wiring(node: ast.AST, around: Context) -> Iterator[Change]:
    """Every mutant of one node of the wiring."""
    if not isinstance(node, ast.Compare):
        # Of a number one more is enough; what is one less shows in the same place.
        yield from (one for k, one in enumerate(changes(node)) if k == 0)
    yield from _fields(node, around)
    yield from _conditions(node)
    yield from _calls(node)
    yield from _statements(node)
    if isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            for kind in COMPARISON.get(type(op), ())[:1]:
                what = f"{type(op).__name__} -> {kind.__name__} at {k + 1}"
                yield what, lambda n, k=k, new=kind: n.ops.__setitem__(k, new())
    if isinstance(node, ast.Constant) and type(node.value) is float:
        yield f"{node.value} doubled and one more", lambda n: setattr(n, "value", 2.0 * n.value + 1.0)
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield f"{node.value} -> {not node.value}", lambda n: setattr(n, "value", not n.value)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Name, ast.Attribute)):
        one = ast.Constant(1)
        yield "index one less", lambda n: setattr(n, "slice", ast.BinOp(n.slice, ast.Sub(), one))


def _fields(node: ast.AST, around: Context) -> Iterator[Change]:
    """Another field of the same record; another key."""
    if isinstance(node, ast.Attribute) and node.attr in around.fields:
        other = around.fields[node.attr]
        yield f".{node.attr} -> .{other}", lambda n: setattr(n, "attr", other)
    if isinstance(node, ast.Constant) and type(node.value) is str:
        if node.value in around.fields:
            other = around.fields[node.value]
            yield f"'{node.value}' -> field '{other}'", lambda n: setattr(n, "value", other)
        if around.texts.get(node.value, node.value) != node.value:
            key = around.texts[node.value]
            yield f"'{node.value}' -> '{key}'", lambda n: setattr(n, "value", key)


def _conditions(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield "condition negated", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
    if isinstance(node, ast.BoolOp):
        other: Any = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} -> {other.__name__}", lambda n: setattr(n, "op", other())
        for k in range(len(node.values)):
            rest = ast.Constant(isinstance(node.op, ast.And))
            yield f"part {k + 1} of the condition dropped", lambda n, k=k, r=rest: n.values.__setitem__(k, r)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        new: Any = ast.BitOr if isinstance(node.op, ast.BitAnd) else ast.BitAnd
        yield f"{type(node.op).__name__} -> {new.__name__}", lambda n: setattr(n, "op", new())
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.FloorDiv)):
        yield "Div -> Mult", lambda n: setattr(n, "op", ast.Mult())


def _calls(node: ast.AST) -> Iterator[Change]:
    """Arguments in the wrong order, a field replaced by 0, a keyword left out, the other extreme."""
    if not isinstance(node, ast.Call):
        return
    plain = [k for k, one in enumerate(node.args) if not isinstance(one, ast.Starred)]
    for k in plain[:-1]:
        if k + 1 in plain and ast.dump(node.args[k]) != ast.dump(node.args[k + 1]):
            yield f"arguments {k + 1} and {k + 2} swapped", lambda n, k=k: _swap(n.args, k)
    for k in plain:
        if isinstance(node.args[k], (ast.Attribute, ast.Subscript)):
            yield f"0 as argument {k + 1}", lambda n, k=k: n.args.__setitem__(k, ast.Constant(0))
    for k, word in enumerate(node.keywords):
        if word.arg is not None:
            yield f"{word.arg} left out", lambda n, k=k: n.keywords.pop(k)
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in _EXTREMES:
        field = "id" if isinstance(node.func, ast.Name) else "attr"
        yield f"{name} -> {_EXTREMES[name]}", lambda n: setattr(n.func, field, _EXTREMES[name])


def _statements(node: ast.AST) -> Iterator[Change]:
    """A statement dropped, a 0 written in place of a value, two statements in the wrong order, an old value kept."""
    for field in ("body", "orelse"):
        block = getattr(node, field, None)
        if not isinstance(block, list):
            continue
        for k, one in enumerate(block):
            if _can_go(one):
                what = f"dropped: {_short(one)}"
                yield what, lambda n, f=field, k=k: getattr(n, f).__setitem__(k, ast.Pass())
            if k + 1 < len(block) and _depend(one, block[k + 1]):
                yield f"after the next: {_short(one)}", lambda n, f=field, k=k: _swap(getattr(n, f), k)
    stores = isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    if isinstance(node, ast.Assign) and stores and not isinstance(node.value, ast.Constant):
        yield f"0 written: {_short(node)}", lambda n: setattr(n, "value", ast.Constant(0))
    if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield "returns 0", lambda n: setattr(n, "value", ast.Constant(0))


def _can_go(one: ast.stmt) -> bool:
    if isinstance(one, ast.Expr):
        return not isinstance(one.value, ast.Constant)
    stored = isinstance(one, ast.Assign) and isinstance(one.targets[0], (ast.Attribute, ast.Subscript))
    return stored or isinstance(one, (ast.AugAssign, ast.If, ast.Raise, ast.For, ast.Continue))


def _depend(first: ast.stmt, second: ast.stmt) -> bool:
    """Whether the order of two simple statements can matter: one writes what the other reads, or both call."""
    if not (isinstance(first, _SIMPLE) and isinstance(second, _SIMPLE)):
        return False
    if _is_text(first) or _is_text(second):
        return False
    one, two = ast.unparse(first), ast.unparse(second)
    written = [target for one_of in (first, second) for target in _targets(one_of)]
    return any(text in one and text in two for text in written) or (
        isinstance(first, ast.Expr) and isinstance(second, ast.Expr)
    )


def _is_text(one: ast.stmt) -> bool:
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)


def _targets(one: ast.stmt) -> list[str]:
    if isinstance(one, ast.Assign):
        return [ast.unparse(part) for target in one.targets for part in getattr(target, "elts", [target])]
    return [ast.unparse(one.target)] if isinstance(one, (ast.AugAssign, ast.AnnAssign)) else []


def _swap(items: list[Any], k: int) -> None:
    items[k], items[k + 1] = items[k + 1], items[k]


def _short(one: ast.stmt) -> str:
    text = ast.unparse(one).splitlines()[0]
    return text if len(text) <= 60 else text[:57] + "..."


def keys_of(function: ast.AST) -> dict[str, str]:
    """Every key (a text in small letters, perhaps dotted) in a function, with the next of its kind."""
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and type(node.value) is str and _KEY.fullmatch(node.value):
            found += [node.value] if node.value not in found else []
    kinds: dict[int, list[str]] = {}
    for text in found:
        kinds.setdefault(text.count("."), []).append(text)
    return {text: kind[(k + 1) % len(kind)] for kind in kinds.values() for k, text in enumerate(kind)}
