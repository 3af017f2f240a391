"""How each structural model of the patient stood against published observations when it was last scored, and for which model.

The second structure is offered as a test of policies only while it is believable itself, by the shares that the first is held to.
The counts are kept in ``data/structures.json``, which ``thecal validate --full --record`` writes. Light, because every import of
Thecal asks whether the second structure is offered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from thecal.core.errors import ParameterError

FOLDER = Path(__file__).resolve().parent
FILE = FOLDER / "data" / "structures.json"
ALL_SHARE, UNTOUCHED_SHARE = 0.85, 0.75
SECOND = "compartment"
_COUNTS = ("met", "of", "untouched_met", "untouched_of")
# What a parameter file says about a number beside the number itself.
_WORDS = frozenset({"source", "confidence", "kind", "note", "title", "text"})


@dataclass(frozen=True)
class Standing:
    """How many published observations a structure reproduces, of all and of those that no parameter knew."""

    met: int
    of: int
    untouched_met: int
    untouched_of: int

    @property
    def qualifies(self) -> bool:
        """Whether both shares are reached; of nothing, none is."""
        enough = self.met >= ALL_SHARE * self.of and self.untouched_met >= UNTOUCHED_SHARE * self.untouched_of
        return enough and self.of > 0 and self.untouched_of > 0

    @property
    def text(self) -> str:
        """The counts and what is asked for, for the end of a sentence."""
        return (
            f"{self.met} of {self.of} published observations ({ALL_SHARE:.0%} are asked for) and "
            f"{self.untouched_met} of {self.untouched_of} that no parameter knew ({UNTOUCHED_SHARE:.0%})"
        )


@dataclass(frozen=True)
class Record:
    """What the last recorded score counted.

    Attributes:
        model: :func:`model_hash` of the patients scored.
        date: of the run.
        seed_set: which cohorts.
        seeds: of the cohorts.
        structures: standing by the name of a structure.
    """

    model: str
    date: str
    seed_set: str
    seeds: tuple[int, ...]
    structures: Mapping[str, Standing]

    @property
    def stale(self) -> bool:
        """Whether the patient's equations or numbers have changed since."""
        return self.model != model_hash()


def read_record(path: Path | None = None) -> Record | None:
    """The record; nothing where no score was recorded.

    Args:
        path: of the file; the shipped one by default.

    Raises:
        ParameterError: the file is damaged; the text names the key.
    """
    path = path or FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ParameterError(f"{path.name}: cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise ParameterError(f"{path.name}: the top level is not a table")
    for name in ("model", "date", "seed_set"):
        if not isinstance(found.get(name), str):
            raise ParameterError(f"{path.name}: {name}: missing, or not a text")
    seeds = found.get("seeds")
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds):
        raise ParameterError(f"{path.name}: seeds: missing, or not a list of whole numbers")
    structures = found.get("structures")
    if not isinstance(structures, dict):
        raise ParameterError(f"{path.name}: structures: missing, or not a table")
    standings = {name: _standing(counts, f"{path.name}: structures.{name}") for name, counts in structures.items()}
    return Record(found["model"], found["date"], found["seed_set"], tuple(seeds), standings)


def _standing(counts: Any, where: str) -> Standing:
    if not isinstance(counts, dict) or set(counts) != set(_COUNTS):
        raise ParameterError(f"{where}: needs {', '.join(_COUNTS)} and nothing else")
    for name, value in counts.items():
        if type(value) is not int or value < 0:
            raise ParameterError(f"{where}.{name}: {value!r} is not a count")
    found = Standing(**counts)
    if not (found.untouched_met <= found.met <= found.of and found.untouched_met <= found.untouched_of <= found.of):
        raise ParameterError(f"{where}: a part is larger than its whole")
    return found


def second_offered() -> bool:
    """Whether patients of the second structural model are offered; not where the record is missing or damaged."""
    try:
        record = read_record()
    except ParameterError:
        return False
    return record is not None and SECOND in record.structures and record.structures[SECOND].qualifies


def why_not() -> str:
    """Why the second structural model is not offered, with its counts.

    Raises:
        ParameterError: the record is damaged.
    """
    record = read_record()
    if record is None or SECOND not in record.structures:
        return (
            "the second structural model is not offered: no score of it is recorded (thecal validate --full --record)"
        )
    late = "; the model has changed since, so score it anew (thecal validate --full --record)" if record.stale else ""
    return f"the second structural model is not offered: on {record.date} it reproduced {record.structures[SECOND].text}{late}"


@lru_cache(maxsize=1)
def model_hash() -> str:
    """Hash of the patient's equations and numbers, whatever comments, docstrings and sources say beside them."""
    import hashlib

    digest = hashlib.sha256()
    for name, content in _content(FOLDER):
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()[:16]


def _content(folder: Path) -> Iterator[tuple[str, str]]:
    import tomllib

    for path in sorted(folder.rglob("*.toml")):
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        yield path.relative_to(folder).as_posix(), json.dumps(_numbers(tables), sort_keys=True, default=str)
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(folder).as_posix(), _code(path.read_text(encoding="utf-8"))


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(entry) for key, entry in value.items() if key not in _WORDS}
    return value


def _code(text: str) -> str:
    """A source without comments, docstrings and layout, the same under every version of Python."""
    import ast
    import io
    import tokenize

    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for row in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[row] = ""
    return " ".join(" ".join(lines).split())
