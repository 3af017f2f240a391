"""Cohort files: found by name or path, built upon a base, and joined with a table of real or invented charts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.documents import is_toml
from thecal.core.errors import ConfigError, ParameterError, UnknownNameError, did_you_mean
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.core.plugins import COHORTS, plugin_file, plugins
from thecal.physiology.covariates import DIAGNOSES
from thecal.physiology.fields import COHORT_KEYS, COHORT_MOST, FIELDS, OPTIONAL_COHORT_KEYS
from thecal.physiology.population import edges, names_in, shipped

if TYPE_CHECKING:
    from thecal.physiology.cohort_table import CohortTable

_SPLITS = ("train", "tune", "test")
_TEXT_KEYS = ("name", "title", "base", "table", *(f"sites.{split}" for split in _SPLITS))
_DEEPEST = 5


@dataclass(frozen=True)
class TableRows:
    """The charts of a cohort table by split: given columns, and which rows belong to which split."""

    table: CohortTable

    def count(self, split: str) -> int:
        """Patients of a split; without a ``split`` column all are test patients."""
        return len(self._of(split))

    def rows(self, patients: NDArray[Any], split: str) -> dict[str, NDArray[Any]]:
        """The given columns for patient indices of a split.

        Raises:
            ConfigError: an index lies past the last chart of the split.
        """
        where = self._of(split)
        if patients.size and int(patients.max()) >= len(where):
            hint = "" if self.table.splits is not None else "; without a column 'split' every row is a test patient"
            raise ConfigError(
                f"{self.table.path.name}: holds {len(where)} patients of split {split!r}, so there is no patient "
                f"{int(patients.max())}{hint}"
            )
        return {name: values[where[patients]] for name, values in self.table.columns.items()}

    def _of(self, split: str) -> NDArray[np.int64]:
        if self.table.splits is None:
            return np.arange(len(self.table)) if split == "test" else np.zeros(0, np.int64)
        return np.flatnonzero(self.table.splits == split)


@dataclass(frozen=True)
class CohortSpec:
    """A cohort file: its name, title, quantities (those of its bases included) and, where it has one, its table.

    A cohort of several sites names cohorts for each split; patients of a split come from them in turn.
    """

    name: str
    title: str
    file: ParameterFile
    table: TableRows | None = None
    sites: Mapping[str, tuple[CohortSpec, ...]] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """SHA-256 of every file a patient of this cohort rests on."""
        digest = hashlib.sha256()
        for source in names_in(""):
            digest.update(repr(sorted(shipped(source).items())).encode())
        for folder in ("drugs", "receptors"):
            for name in names_in(folder):
                digest.update(repr(sorted(shipped(f"{folder}/{name}").items())).encode())
        digest.update(repr(sorted(self.file.items())).encode())
        if self.table is not None:
            for name, values in sorted(self.table.table.columns.items()):
                digest.update(name.encode() + values.tobytes())
        for split, members in sorted(self.sites.items()):
            digest.update(split.encode() + b"".join(member.hash.encode() for member in members))
        return digest.hexdigest()


def cohort_names() -> list[str]:
    """Names of the shipped cohorts, then of those that other packages add."""
    shipped_ones = names_in("cohorts")
    return shipped_ones + [name for name in plugins(COHORTS) if name not in shipped_ones]


def load_cohort_spec(name_or_path: str | Path) -> CohortSpec:
    """A cohort by name, shipped or added by another package, or one from a TOML file.

    A file may build on another (``base = "noncancer"``): its own numbers override those of the base. It may name a table of
    charts (``table = "patients.csv"``, relative to the file), whose columns take the place of drawn covariates.

    Raises:
        UnknownNameError: no such cohort.
        ParameterError: the file is corrupt; the text names the file, the key and the reason.
    """
    file = _with_base(_open(name_or_path), 0)
    _check(file)
    name = str(file.texts.get("name", Path(name_or_path).stem))
    table = None
    if "table" in file.texts:
        from thecal.physiology.cohort_table import read_table

        table = TableRows(read_table(_folder(name_or_path) / str(file.texts["table"])))
    return CohortSpec(name, str(file.texts.get("title", name)), file, table, _sites(file))


def _sites(file: ParameterFile) -> dict[str, tuple[CohortSpec, ...]]:
    """The cohorts of every split of a cohort of several sites; none of any other.

    Raises:
        ParameterError: a split has no site, a site is unknown, named twice or of several sites itself, or there is a table.
    """
    named = {split: file.texts.get(f"sites.{split}") for split in _SPLITS}
    if not any(key.startswith("sites.") for key in file.texts):
        return {}
    if "table" in file.texts:
        raise ParameterError(f"{file.path}: sites: a cohort of several sites takes no table of charts")
    found = {}
    for split, text in named.items():
        names = [] if text is None else [name.strip() for name in str(text).split(",")]
        if not names or len(set(names)) < len(names):
            raise ParameterError(f"{file.path}: sites.{split}: cohorts are needed, joined by commas and each once")
        found[split] = tuple(_site(file, split, name) for name in names)
    return found


def _site(file: ParameterFile, split: str, name: str) -> CohortSpec:
    if name not in cohort_names():
        known = cohort_names()
        raise ParameterError(f"{file.path}: sites.{split}: unknown cohort {name!r}{did_you_mean(name, known)}")
    site = load_cohort_spec(name)
    if site.sites or site.table is not None:
        raise ParameterError(f"{file.path}: sites.{split}: {name} has sites or a table of its own")
    return site


def _check(file: ParameterFile) -> None:
    """Refuse a key of a cohort file that no patient would ever see, and numbers that no patient has.

    Raises:
        ParameterError: the key is not a cohort's own and overrides no shipped parameter, or its number is absurd.
    """
    known = (
        {key for _, key, _, _ in FIELDS.values()}
        | {*COHORT_KEYS, *OPTIONAL_COHORT_KEYS}
        | {f"diagnosis.{name}" for name in DIAGNOSES}
    )
    for key in file:
        if key not in known:
            raise ParameterError(f"{file.path}: {key}: no such parameter of a cohort{did_you_mean(key, known)}")
    for key, (unit, most) in COHORT_MOST.items():
        if key in file:
            file.get_in(key, unit, minimum=-most, maximum=most)
            low, high = edges(file[key], unit)
            if any(math.isfinite(edge) and abs(edge) > most for edge in (low, high)):
                raise ParameterError(f"{file.path}: {key}: its range reaches beyond {most:g} {unit}")


def _open(name_or_path: str | Path) -> ParameterFile:
    path = Path(name_or_path)
    if is_toml(path):
        return read_parameters(path)
    if str(name_or_path) in names_in("cohorts"):
        return shipped(f"cohorts/{name_or_path}")
    if str(name_or_path) in plugins(COHORTS):
        return read_parameters(plugin_file(COHORTS, str(name_or_path)))
    raise UnknownNameError("cohort", str(name_or_path), cohort_names())


def _folder(name_or_path: str | Path) -> Path:
    """Where the table that a cohort names is looked for: beside its file."""
    name = str(name_or_path)
    added = plugin_file(COHORTS, name) if name in plugins(COHORTS) else None
    return added.parent if isinstance(added, Path) else Path(name).parent


def _with_base(file: ParameterFile, depth: int) -> ParameterFile:
    """The file laid over its base, and that over its own."""
    file.only(file, "a cohort", _TEXT_KEYS)
    if "base" not in file.texts:
        return file
    if depth > _DEEPEST:
        raise ParameterError(f"{file.path}: base: more than {_DEEPEST} cohorts build on each other")
    name = str(file.texts["base"])
    if name not in names_in("cohorts"):
        known = names_in("cohorts")
        raise ParameterError(f"{file.path}: base: {name!r} is not one of {', '.join(known)}{did_you_mean(name, known)}")
    base = _with_base(shipped(f"cohorts/{name}"), depth + 1)
    return ParameterFile(file.path, {**dict(base.items()), **dict(file.items())}, {**base.texts, **file.texts})
