"""The package's modules as files and syntax: who imports whom, and what is compiled where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import thecal

HOME = Path(thecal.__file__).parent


@cache
def modules() -> dict[str, Path]:
    """Every module of the package with its file, through the links of a checkout."""
    found = {"thecal": HOME / "__init__.py"}
    for folder in sorted(entry for entry in HOME.iterdir() if entry.is_dir()):
        place = folder.resolve()
        for path in sorted(place.rglob("*.py")):
            parts = path.relative_to(place).with_suffix("").parts
            found[".".join(("thecal", folder.name, *parts)).removesuffix(".__init__")] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    """A module's syntax."""
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str, *, at_any_depth: bool = True) -> frozenset[str]:
    """The package's modules that a module imports, also inside functions if asked, but not for type checkers only."""
    found = set()
    for node in _nodes(tree(module), at_any_depth):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name if name in modules() else node.module for name in inner}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return frozenset(found & set(modules()) - {module})


def reached(module: str) -> set[str]:
    """A module and all that its imports lead to."""
    found, left = set(), [module]
    while left:
        here = left.pop()
        if here not in found:
            found.add(here)
            left += imports(here)
    return found


def compiled(module: str, decorator: str) -> list[ast.FunctionDef]:
    """The functions of a module under ``@kernel`` or ``@entry_point(...)``, nested ones too."""
    return [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef) and _under(node, decorator)]


def _under(function: ast.FunctionDef, decorator: str) -> bool:
    bare = (node.func if isinstance(node, ast.Call) else node for node in function.decorator_list)
    return any(isinstance(node, ast.Name) and node.id == decorator for node in bare)


def _nodes(top: ast.AST, at_any_depth: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(top):
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not for_types and (at_any_depth or not isinstance(node, (ast.FunctionDef, ast.Lambda))):
            yield node
            yield from _nodes(node, at_any_depth)
