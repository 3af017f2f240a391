"""The mutants of the wiring: which files and functions they lie in, how each is built, and how it is put in place."""

from __future__ import annotations

import ast
import functools
import gc
import hashlib
import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mutation_operators import Context, Site, keys_of, wiring

# Everything between sensor and pump, by module.
MODULES = (
    "envs.kernel.shield_input", "envs.kernel.step", "envs.kernel.actions", "envs.kernel.start", "envs.visits",
    "envs.clinician", "envs.identity", "devices.receiver", "safety.tokens", "safety.profile_checks", "envs.options",
    "envs.assembly", "envs.starts", "envs.parameters", "envs.batch", "envs.scenario", "envs.snapshots", "envs.memory",
    "safety.gateway", "safety.orders", "safety.profiles", "safety.parameters", "safety.shield", "devices.program",
    "envs.adapters.actions", "envs.adapters.single", "envs.adapters.vector", "envs.adapters.sb3",
    "envs.adapters.sb3_discrete", "envs.adapters.masks", "envs.adapters.constrained",
    "envs.adapters.arguments", "envs.adapters.held",
)  # fmt: skip
# Functions of these files that carry nothing between sensor and pump: texts, rendering, names, files, observation, spaces.
ASIDE = frozenset(
    """
    render interrogate spec get_images env_is_wrapped training_state training_shapes continue_from np_random np_random_seed
    env_method get_attr set_attr call member_spaces member_totals member_restored spec_log close sample_action time_limit
    max_episode_steps num_envs observation_space action_space support_envs register_omnisafe profile_names shipped_profiles
    lens _dose_bounds _title _visits hash save load __reduce__ __copy__ __deepcopy__ _short _info _last_info _restarted _reward
    _rewards _warn look_ahead observe _spread_out is_sedated single_bolus program_flex follow_schedule program_bridge
    program_prime set_patient_bolus grants24 press _own_state __getstate__ __setstate__ _make_views
    """.split()  # noqa: SIM905  (a list of words reads better as words)
)


class Mutant(NamedTuple):
    """One mutant by where it lies and the number of its change; ``what`` is unique."""

    module: str
    function: str
    line: int
    what: str
    node: int
    change: int

    @property
    def name(self) -> str:
        """Where and what, as the record keeps it."""
        return f"{self.module}.{self.function or 'constants'}, line {self.line}: {self.what}"


def _path(module: str) -> Path:
    return Path(str(importlib.import_module(f"thecal.{module}").__file__))


def digest(module: str) -> str:
    """SHA-256 of a module's text."""
    return hashlib.sha256(_path(module).read_bytes()).hexdigest()


@functools.cache
def _record_fields() -> dict[str, str]:
    """Every field of a record that kernels share, with another one of the same record, shape and kind."""
    from thecal.devices.fault_records import FAULT_PAR, FAULT_STATE
    from thecal.devices.monitor_records import MONITOR_STATE
    from thecal.devices.records import PUMP_PAR, PUMP_STATE
    from thecal.envs.clinician import CLINICIAN_PAR
    from thecal.envs.kernel.records import EPISODE, MIXTURE, STEP_OUT, TASK_PAR, WORLD, WORLD_PAR
    from thecal.physiology.records import PATIENT_PAR, PATIENT_STATE
    from thecal.safety.records import RAW, SHIELD_INPUT, SHIELD_PAR, SHIELD_STATE, TRAIL_ROW

    found: dict[str, str] = {}
    for kind in (RAW, SHIELD_INPUT, EPISODE, TASK_PAR, SHIELD_STATE, SHIELD_PAR, TRAIL_ROW, WORLD, WORLD_PAR, MIXTURE,
                 PUMP_STATE, PUMP_PAR, MONITOR_STATE, FAULT_STATE, FAULT_PAR, STEP_OUT, PATIENT_STATE, PATIENT_PAR,
                 CLINICIAN_PAR):  # fmt: skip
        names: dict[Any, list[str]] = {}
        for name in kind.names or ():
            names.setdefault(kind.fields[name][0].base.str + str(kind.fields[name][0].shape), []).append(name)
        for alike in names.values():
            for k, name in enumerate(alike):
                if len(alike) > 1:
                    found.setdefault(name, alike[(k + 1) % len(alike)])
    return found


def _inside(node: ast.AST, here: str, place: str) -> Iterator[tuple[str, str, Any]]:
    """(function, place, node) of everything below a node that may be changed."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
                continue
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                yield from _definition(child, here)
            elif isinstance(child, ast.arguments):
                for default in (*child.defaults, *child.kw_defaults):
                    if default is not None:
                        yield here, "default", default
                        yield from _inside(default, here, "default")
            elif isinstance(child, ast.Raise):
                continue  # texts
            else:
                yield here, place, child
                yield from _inside(child, here, place)


def _definition(node: Any, here: str) -> Iterator[tuple[str, str, Any]]:
    if node.name in ASIDE:
        return
    name = f"{here}.{node.name}" if here else node.name
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            if isinstance(part, ast.FunctionDef):
                yield from _definition(part, name)
        return
    yield name, "body", node  # blocks of statements belong to their function
    yield from _inside(node, name, "body")


def sites(tree: ast.Module) -> list[Site]:
    """Every node that may be changed, in a fixed order."""
    found = []
    for part in tree.body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            found += [Site(where, node.lineno, node, place) for where, place, node in _definition(part, "")
                      if hasattr(node, "lineno")]  # fmt: skip
        elif isinstance(part, (ast.Assign, ast.AnnAssign)) and _is_constant(part):
            found += [Site("", node.lineno, node, "constant") for node in ast.walk(part.value)  # type: ignore[arg-type]
                      if hasattr(node, "lineno")]  # fmt: skip
    return found


def _is_constant(part: ast.Assign | ast.AnnAssign) -> bool:
    """A number, a text or a table of them that functions read; not a dtype, a space or a compiled function."""
    target = part.targets[0] if isinstance(part, ast.Assign) else part.target
    return isinstance(target, ast.Name) and isinstance(part.value, (ast.Constant, ast.Dict, ast.Tuple, ast.BinOp))


def text_of(module: str) -> str:
    """A module's source."""
    return _path(module).read_text(encoding="utf-8")


def _tree(module: str) -> ast.Module:
    return ast.parse(text_of(module))


def _contexts(tree: ast.Module) -> dict[str, Context]:
    found: dict[str, Context] = {}
    for site in sites(tree):
        if isinstance(site.node, ast.FunctionDef):
            found[site.function] = Context(_record_fields(), keys_of(site.node))
    return found


def mutants(module: str) -> list[Mutant]:
    """All of a module's."""
    tree = _tree(module)
    contexts, found = _contexts(tree), []
    seen: dict[tuple[str, int, str], int] = {}
    for i, site in enumerate(sites(tree)):
        around = contexts.get(site.function, Context({}, {}))
        for j, (what, _) in enumerate(wiring(site.node, around)):
            key = site.function, site.line, what
            seen[key] = seen.get(key, 0) + 1
            label = what if seen[key] == 1 else f"{what} ({seen[key]})"
            found.append(Mutant(module, site.function, site.line, label, i, j))
    return found


def _changed(mutant: Mutant) -> tuple[ast.Module, Site]:
    tree = _tree(mutant.module)
    site = sites(tree)[mutant.node]
    around = _contexts(tree).get(site.function, Context({}, {}))
    list(wiring(site.node, around))[mutant.change][1](site.node)
    return ast.fix_missing_locations(tree), site


def put_in_place(mutant: Mutant) -> None:
    """Change the running program into the mutant."""
    tree, site = _changed(mutant)
    exchange(mutant.module, tree, site)


def exchange(module: str, tree: ast.Module, site: Site | None = None) -> None:
    """Have every function of a module, wherever it is held, run the code of a changed tree; ``site`` where only that changed."""
    owner = importlib.import_module(f"thecal.{module}")
    if site is not None and site.place == "constant":
        return _new_constant(owner, tree, site)
    code = compile(tree, str(owner.__file__), "exec")
    new = {(one.co_qualname, one.co_firstlineno): one for one in _codes(code)}  # a property's functions share a name
    for function in _functions(str(owner.__file__)):
        changed = new.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        here = site is None or (site.place == "body" and _belongs(function, site.function))
        if changed is not None and here:
            function.__code__ = changed
    if site is not None and site.place == "default":
        _new_defaults(owner, tree, site)


def _belongs(function: types.FunctionType, name: str) -> bool:
    return function.__code__.co_qualname.replace(".<locals>", "") == name or name.startswith(
        function.__code__.co_qualname.replace(".<locals>", "") + "."
    )


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            yield one
            yield from _codes(one)


@functools.cache
def _everything() -> tuple[dict[str, list[types.FunctionType]], list[Any]]:
    """Functions of Thecal by file, and functions that remember; looked for once, when all is imported."""
    functions: dict[str, list[types.FunctionType]] = {}
    remember = []
    files = {str(module.__file__) for name, module in sys.modules.items() if name.startswith("thecal.")}
    for one in gc.get_objects():
        if type(one) is types.FunctionType and one.__code__.co_filename in files:
            functions.setdefault(one.__code__.co_filename, []).append(one)
        elif type(one) is functools._lru_cache_wrapper and str(one.__module__).removeprefix("thecal.") in MODULES:
            remember.append(one)
    return functions, remember


def _functions(path: str) -> list[types.FunctionType]:
    return _everything()[0].get(path, [])


def _new_defaults(owner: types.ModuleType, tree: ast.Module, site: Site) -> None:
    definition: Any = next(
        one for one in sites(tree) if isinstance(one.node, ast.FunctionDef) and one.function == site.function
    ).node
    names = vars(owner)

    def value(node: Any) -> Any:
        return eval(compile(ast.Expression(node), "<default>", "eval"), names)

    for function in _functions(str(owner.__file__)):
        if function.__code__.co_qualname.replace(".<locals>", "") == site.function:
            function.__defaults__ = tuple(map(value, definition.args.defaults)) or None
            words = zip(definition.args.kwonlyargs, definition.args.kw_defaults, strict=True)
            function.__kwdefaults__ = {one.arg: value(node) for one, node in words if node is not None} or None


def _new_constant(owner: types.ModuleType, tree: ast.Module, site: Site) -> None:
    part: Any = next(one for one in tree.body if any(node is site.node for node in ast.walk(one)))
    name = (part.targets[0] if isinstance(part, ast.Assign) else part.target).id
    old = getattr(owner, name)
    new = eval(compile(ast.Expression(part.value), "<constant>", "eval"), vars(owner))
    for key, module in list(sys.modules.items()):
        if key.startswith("thecal") and getattr(module, name, None) is old:
            setattr(module, name, new)
    if isinstance(old, dict):
        old.clear()
        old.update(new)


def forget() -> None:
    """Empty what functions of the mutated files remember, so that a test asks them anew."""
    for one in _everything()[1]:
        one.cache_clear()
