"""What a calibration writes: parameter files with other numbers, a record of what was fitted to what, and a page to read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from thecal import __version__
from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, StoreError
from thecal.core.files import as_json, write_whole
from thecal.experiments.tracking.checkout import git_state
from thecal.experiments.validation.calibration.fit import Fit, Point
from thecal.experiments.validation.calibration.objective import mean
from thecal.experiments.validation.calibration.posterior import METHOD, NOT_IDENTIFIED, pairs
from thecal.experiments.validation.calibration.problem import Problem, changes_of
from thecal.experiments.validation.calibration.toml_lines import Edits, edited
from thecal.experiments.validation.targets import Target, digits

SCHEMA = 1
RECORD, REPORT, PARAMETERS = "record.json", "report.md", "parameters"
Row = dict[str, Any]


def data_folder() -> Any:
    """Where the shipped parameter files lie."""
    return files("thecal.physiology") / "data"


def require_checkout() -> Path:
    """The folder of the parameter files of this checkout.

    Raises:
        ConfigError: the package is installed, so that a change would be lost at its next update and stand in no history.
    """
    if git_state()["commit"] == "unknown":
        raise ConfigError("--in-place changes the parameter files of a checkout, and this is an installed package")
    return Path(str(data_folder())).resolve()


def parameter_texts(fit: Fit) -> dict[str, bytes]:
    """The parameter files that change, whole, by path below the folder of parameters.

    Raises:
        ParameterError: a file is not written in a form that can be edited.
    """
    edits: dict[str, dict[str, dict[str, float | str]]] = {}
    free = tuple(fit.problem.study.free.values())
    for (file, key), change in changes_of(free, fit.values).items():
        numbers = {name: value for name in ("value", "cv", "sd") if (value := getattr(change, name)) is not None}
        edits.setdefault(file, {})[key] = {**numbers, **_evidence(fit, file, key, numbers)}
    found = {}
    for file, own in edits.items():
        raw = data_folder().joinpath(*f"{file}.toml".split("/")).read_bytes()
        found[f"{file}.toml"] = _edited(raw, own, file)
    return found


def _edited(raw: bytes, edits: Edits, file: str) -> bytes:
    return edited(raw.decode("utf-8"), edits, f"{file}.toml").encode("utf-8")


def _evidence(fit: Fit, file: str, key: str, numbers: Mapping[str, float]) -> dict[str, str]:
    """What a changed number says of its origin: the source where its median was fitted, a note where its spread alone was."""
    study = fit.problem.study
    count = len(study.target)
    if "value" not in numbers:
        return {"note": f"{' and '.join(numbers)} calibrated: study {study.name}, {count} targets"}
    prior = next(one.prior for one in study.free.values() if (one.file, one.key, one.what) == (file, key, "value"))
    return {
        "kind": "calibrated",
        "source": f"calibrated: study {study.name}, {count} targets; before: {prior.source}",
    }


def write_fit(fit: Fit, folder: str | Path, *, in_place: bool = False) -> list[Path]:
    """Write the folder of a calibration, and with ``in_place`` the parameter files of the checkout; returns what was written.

    Raises:
        ConfigError: ``in_place`` for an installed package.
        StoreError: a file cannot be written.
    """
    place = require_checkout() if in_place else None
    texts = parameter_texts(fit)
    record = as_json(record_of(fit))
    written = [write_whole(Path(folder) / PARAMETERS / name, text) for name, text in texts.items()]
    written.append(write_whole(Path(folder) / REPORT, report_of(fit)))
    if place is not None:
        written += [write_whole(place / name, text) for name, text in texts.items()]
    return [*written, write_whole(Path(folder) / RECORD, record)]


def record_of(fit: Fit) -> Row:
    """Everything that was fitted to what, as plain data."""
    study = fit.problem.study
    return {
        "note": "simulation only",
        "schema": SCHEMA,
        "thecal": __version__,
        "code": git_state(),
        "study": study,
        "study_hash": study.hash,
        "seeds": {"optimizer": study.seed, "cohorts": study.patients.seeds, "split": study.patients.split},
        "budget": {"generations": study.search.generations, "evaluated": len(fit.search.losses)},
        "converged": fit.search.why,
        "loss": fit.losses,
        "history": fit.search.history,
        "numbers": number_rows(fit),
        "correlations": {"names": list(study.free), "matrix": fit.posterior.correlations},
        "posterior_method": METHOD,
        "targets": target_rows(fit),
        "failures": fit.failures,
    }


def number_rows(fit: Fit) -> list[Row]:
    """A row for every free number: what it was, what it is, its prior and its posterior."""
    rows = []
    for k, (name, free) in enumerate(fit.problem.study.free.items()):
        spread = float(fit.posterior.spreads[k])
        rows.append(
            {
                "name": name, "file": free.file, "key": free.key, "what": free.what, "unit": free.unit,
                "shipped": fit.problem.shipped[k], "value": fit.values[k], "prior_median": free.prior.median,
                "prior_spread": free.prior.spread, "posterior_to_prior_spread": spread, "bounds": free.bounds,
                "identified": spread <= NOT_IDENTIFIED, "at_bound": bool(np.isclose(fit.values[k], free.bounds).any()),
            }
        )  # fmt: skip
    return rows


def target_rows(fit: Fit) -> list[Row]:
    """A row for every target: what was simulated before and after, each with its error over seeds."""
    rows = []
    for (key, structure), target in fit.problem.targets.items():
        row: Row = {
            "key": key, "structure": structure, "unit": target.unit, "observed": target.observed, "low": target.low,
            "high": target.high, "weight": fit.problem.study.target[key].weight, "source": target.source,
        }  # fmt: skip
        for name, simulated in (("before", fit.before), ("after", fit.after)):
            row[name], row[f"{name}_error"] = mean(target, simulated.values[key, structure])
            row[f"{name}_within"] = _within(target, row[name])
        rows.append(row)
    return rows


def _within(target: Target, value: float) -> bool:
    return bool(target.low <= value <= target.high)


def report_of(fit: Fit) -> str:
    """The page: what changed, how well it fits, what it does not say."""
    study = fit.problem.study
    loss = {name: sum(parts.values()) for name, parts in fit.losses.items()}
    lines = [
        f"# {study.title}",
        "",
        f"Research simulation only. Study `{study.name}` ({study.hash[:12]}), Thecal {__version__}, structure {study.structure}; "
        f"{len(fit.search.history)} generations, {len(fit.search.losses)} candidates. Converged: {fit.search.why}. "
        f"Loss {digits(loss['before'])} → {digits(loss['after'])}.",
        "",
        "## Numbers",
        "",
        "| number | shipped | fitted | unit | prior median | posterior / prior spread | |",
        "|---|---|---|---|---|---|---|",
        *(_number_line(row) for row in number_rows(fit)),
        "",
        f"Posterior: {METHOD}. With more than {NOT_IDENTIFIED:g} of its prior's spread left, a number is not identified.",
        "",
        "## Correlations of at least 0.5",
        "",
        *(
            [f"- {one}, {other}: {value:+.2f}" for one, other, value in pairs(fit.posterior, list(study.free))]
            or ["None."]
        ),
        "",
        "## Targets",
        "",
        "| target | interval | before | after | |",
        "|---|---|---|---|---|",
        *(_target_line(row) for row in target_rows(fit)),
        "",
        "Each value is a mean over the calibration's seeds ± its standard error. These patients and seeds are not validation's.",
    ]
    return "\n".join(lines) + "\n"


def _number_line(row: Row) -> str:
    remarks = [
        words for words, said in (("not identified", not row["identified"]), ("at a bound", row["at_bound"])) if said
    ]
    numbers = [digits(row[name]) for name in ("shipped", "value")]
    prior = [digits(row["prior_median"]), f"{row['posterior_to_prior_spread']:.2f}"]
    what = "" if row["what"] == "value" else f" ({row['what']})"
    return _row([f"{row['file']}: {row['key']}{what}", *numbers, row["unit"], *prior, ", ".join(remarks)])


def _target_line(row: Row) -> str:
    shown = [
        digits(row[name]) + (f" ± {error:.2g}" if math.isfinite(error := row[f"{name}_error"]) else "")
        for name in ("before", "after")
    ]
    name = row["key"] + (f" ({row['structure']})" if row["structure"] != "axial" else "")
    return _row(
        [name, f"{digits(row['low'])}–{digits(row['high'])}", *shown, "met" if row["after_within"] else "missed"]
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write_checkpoint(path: str | Path, problem: Problem, points: Sequence[Point]) -> Path:
    """Keep every candidate so far, from which the same study goes on."""
    return write_whole(path, as_json({"hash": problem.hash, "points": points}, indent=None))


def read_checkpoint(path: str | Path, problem: Problem) -> list[Point]:
    """The candidates of a run that was broken off; none where there is no file.

    Raises:
        StoreError: the file is damaged, or of another study.
    """
    if not Path(path).exists():
        return []
    try:
        tables = read_tables(path, kind="JSON")
        if tables["hash"] != problem.hash:
            raise StoreError(f"{path}: of another study, or of other parameters or code; name another file")
        nan = math.nan
        return [
            Point(
                tuple(p["z"]), float(p["loss"]), tuple(nan if value is None else float(value) for value in p["values"])
            )
            for p in tables["points"]
        ]
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: is no checkpoint of a calibration ({type(error).__name__}: {error})") from error
