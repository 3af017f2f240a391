"""Compiled code is never stale: what a kernel rests on is in the key of Numba's cache, wherever its file has been moved."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from thecal.core import jit
from thecal.core.jit import kernel_files, source_key

from support.modules import HOME, compiled, imports, modules, tree
from support.warm import JOBS, entry_files

KERNELS = [name for name in modules() if compiled(name, "kernel")]
ENTRIES = [name for name in modules() if compiled(name, "entry_point")]


def covered() -> set[Path]:
    """The files that the key covers."""
    return {path.resolve() for path in kernel_files()}


def test_every_kernel_outside_experiments_is_in_the_key() -> None:
    assert len(KERNELS) > 20
    left_out = {name for name in KERNELS if modules()[name] not in covered()}
    # Numba watches the file of an entry point by itself, so a kernel beside the only entry points that call it needs no key.
    assert left_out <= {name for name in ENTRIES if name.startswith("thecal.experiments.")}
    for name in left_out:
        names = {function.name for function in compiled(name, "kernel")}
        for other in modules():
            for node in ast.walk(tree(other)):
                if isinstance(node, ast.ImportFrom) and node.module == name:
                    assert not names & {entry.name for entry in node.names}, f"{other} calls a kernel of {name}"


def test_what_a_kernel_imports_is_in_the_key() -> None:
    for name in KERNELS:
        if modules()[name] in covered():
            for other in imports(name, at_any_depth=False):
                assert modules()[other] in covered(), f"{name} imports {other}"


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_point_closes_over_the_key(name: str) -> None:
    for function in compiled(name, "entry_point"):
        makers = [
            node
            for node in ast.walk(tree(name))
            if isinstance(node, ast.FunctionDef) and function.name in {inner.name for inner in _functions(node)}
        ]
        (maker,) = makers
        assert "key" in {argument.arg for argument in maker.args.args}, f"{function.name} has no key"
        used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        assert "key" in used, f"{function.name} does not use the key"


def _functions(maker: ast.FunctionDef) -> list[ast.FunctionDef]:
    return [node for node in maker.body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("place", ["core", "physiology/deeper", "devices", "safety/proofs", "envs/kernel/deeper/still"])
def test_a_new_file_changes_the_key(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "thecal"
    shutil.copytree(HOME, copy, ignore=lambda _, names: [name for name in names if not _kept(name)])

    def find(name: str) -> SimpleNamespace:
        return SimpleNamespace(submodule_search_locations=[str(copy / name.removeprefix("thecal."))])

    monkeypatch.setattr(jit, "find_spec", find)
    before, key = kernel_files(), source_key()
    assert len(before) == len(covered()) > 20
    added = copy / place / "added.py"
    added.parent.mkdir(parents=True, exist_ok=True)
    added.write_text("LIMIT = 1\n", encoding="utf-8")
    assert set(kernel_files()) == {*before, added}
    changed = source_key()
    assert changed != key
    added.write_text("LIMIT = 2\n", encoding="utf-8")
    assert source_key() not in (key, changed)


def _kept(name: str) -> bool:
    return name.endswith(".py") or ("." not in name and name not in ("__pycache__", "agents", "experiments", "data"))


def test_the_warm_up_compiles_every_entry_point() -> None:
    """Parallel workers find everything in the cache only if the warm-up calls it all."""
    assert {path.resolve() for path in entry_files()} == {modules()[name] for name in ENTRIES}
    for job in JOBS.values():
        job()
    for name in ENTRIES:
        module = __import__(name, fromlist=["_"])
        dispatchers = [value for value in vars(module).values() if hasattr(value, "signatures")]
        entries = {function.name for function in compiled(name, "entry_point")}
        reached = [one for one in dispatchers if one.py_func.__name__ in entries and one.signatures]
        assert {one.py_func.__name__ for one in reached} == entries, name
        unused = [one for one in dispatchers if one.py_func.__name__ in entries and not one.signatures]
        assert unused == [], name
