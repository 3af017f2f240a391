"""Optional packages by extra: seen to before work begins, and named in one sentence where they are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from thecal.core.errors import MissingExtraError

# The modules of each extra of the package by the name they are imported by; a test holds them to pyproject.toml.
EXTRAS = {
    "train": ("torch", "stable_baselines3", "sb3_contrib", "safetensors"),
    "track": ("mlflow", "pyarrow", "pandas"),
    "report": ("plotly", "jinja2"),
    "study": ("SALib", "matplotlib"),
    "prove": ("z3",),
    "calibrate": ("cmaes",),
    "dashboard": ("fastapi", "uvicorn", "pyarrow"),
    "exchange": ("libsbml", "roadrunner"),
}


def missing(extra: str) -> tuple[str, ...]:
    """The modules of an extra that are not installed; nothing is imported."""
    return tuple(name for name in EXTRAS[extra] if find_spec(name) is None)


def require(what: str, *extras: str, only: Collection[str] = ()) -> None:
    """See that the packages of ``extras`` are installed, before any work that would need them at its end.

    Args:
        what: what needs them, as the subject of a sentence in the singular (``"training"``).
        *extras: keys of :data:`EXTRAS`.
        only: the modules of them that are needed, where not all are.

    Raises:
        MissingExtraError: one is not installed.
    """
    absent = {extra: tuple(name for name in missing(extra) if not only or name in only) for extra in extras}
    lacking = {extra: found for extra, found in absent.items() if found}
    if lacking:
        names = ", ".join(name for found in lacking.values() for name in found)
        raise MissingExtraError(f"{what} needs {names}: pip install 'thecal[{','.join(lacking)}]'")


@contextmanager
def importing(what: str, extra: str) -> Iterator[None]:
    """Turn an import that fails in its body into one sentence that names the extra.

    Raises:
        MissingExtraError: an import failed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"{what} needs thecal[{extra}]: pip install 'thecal[{extra}]' ({error})") from error
