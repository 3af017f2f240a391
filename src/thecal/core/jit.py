"""Numba settings in one place: how kernels compile, how entry points are cached, how many threads run.

A cached entry point must be rebuilt when any function it calls changes, but Numba watches only the file that holds the
entry point. Each entry point therefore closes over ``SOURCE_KEY``, a hash of all kernel sources, which is part of
Numba's cache key.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Threads that wait by spinning slow training twentyfold where other work shares the cores; OpenMP reads this as it loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numba
from numba import types
from numba.extending import intrinsic

from thecal.core.cache import keep
from thecal.core.machine import available_cores as available_cores

_MOST_THREADS: int = getattr(numba.config, "NUMBA_NUM_THREADS")  # noqa: B009  (set by Numba at run time)
# Wherever a kernel, or a number that one closes over, may stand: packages with everything below them, and single modules.
KERNEL_SOURCES = (
    "thecal.core", "thecal.physiology", "thecal.devices", "thecal.safety", "thecal.envs.kernel", "thecal.envs.clinician",
    "thecal.envs.visits",
)  # fmt: skip


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a scalar kernel: IEEE float64, no fast-math, so results do not depend on batch or thread count."""
    compiled: Any = numba.njit(error_model="numpy", nogil=True)(function)
    compile_for = compiled.get_call_template

    def for_types(args: Any, keywords: Any) -> Any:
        # Numba would compile a callee anew for every constant it is called with, which took half as long again; the
        # constants reach the machine code all the same when the callee is inlined.
        without: Any = types.unliteral
        return compile_for(tuple(map(without, args)), {name: without(arg) for name, arg in keywords.items()})

    compiled.get_call_template = for_types
    result: Callable[..., Any] = compiled
    return result


def entry_point(*, parallel: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile and cache a function that Python calls; it must close over ``SOURCE_KEY`` (see the module's note).

    Where nothing can be cached it is compiled at every start, and a note says so (:mod:`thecal.core.cache`).
    """
    compile_it = numba.njit(error_model="numpy", nogil=True, parallel=parallel)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        compiled: Callable[..., Any] = compile_it(function)
        keep(compiled)
        return compiled

    return decorate


def source_key() -> int:
    """Hash every kernel source of the installed packages, as an int that an entry point can close over."""
    digest = hashlib.sha256()
    for item in kernel_files():
        digest.update(item.read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


def kernel_files() -> list[Path]:
    """Every source file that :func:`source_key` covers, in a fixed order."""
    found: list[Path] = []
    for name in KERNEL_SOURCES:
        # Located without being imported, so that the core stays below the packages that build on it.
        root, *below = name.removeprefix("thecal.").split(".")
        spec = find_spec(f"thecal.{root}")
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            place = Path(folder).joinpath(*below)
            single = place.with_suffix(".py")
            found += sorted(place.rglob("*.py")) if place.is_dir() else [single] if single.is_file() else []
    return found


def set_threads(simulation: int, learning: int | None = None) -> None:
    """Set Numba's and, where it is already imported or asked for, Torch's thread count.

    Two thread pools that compete for the same cores slow small-batch training many times over, so both are set together.

    Args:
        simulation: threads for the batch kernel, at least 1 (capped at what Numba was started with).
        learning: Torch threads; ``None`` leaves Torch alone and unimported.
    """
    numba.set_num_threads(max(1, min(simulation, _MOST_THREADS)))
    if learning is not None:
        import torch

        torch.set_num_threads(max(1, learning))


def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Type and code of a fused multiply-add, a * b + c with one rounding.

    It is explicit, so that no compiler choice can make two builds of a kernel differ.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


fma: Any = intrinsic(_fma)
