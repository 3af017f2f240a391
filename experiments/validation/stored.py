"""The scorecard on disk: scores and courses of one run, and the small record by which the second structure is offered or not."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from thecal.core.complaints import first_reason
from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, ParameterError, StoreError
from thecal.core.files import as_json, write_whole
from thecal.core.models import Strict, checked
from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.scores import Score, by_structure, from_records, records, tally
from thecal.experiments.validation.targets import load_targets
from thecal.physiology.structures import Record, Standing, model_hash

DATA = "validation.json"
_DIGITS = 5
_BANDS = TypeAdapter(list[Band])


class Origin(Strict):
    """Which run gave a scorecard.

    Attributes:
        seed_set: name of the set its cohorts come from; empty where they are of none.
        date: of the run.
        model: hash of the patients' equations and numbers.
    """

    seed_set: str = ""
    date: str = ""
    model: str = ""


def origin(seed_set: str) -> Origin:
    """Of a run that is made now."""
    return Origin(seed_set=seed_set, date=date.today().isoformat(), model=model_hash())


@dataclass(frozen=True)
class Saved:
    """What one run of the whole scorecard gave.

    Attributes:
        scores: of every target and structure.
        checks: courses over time.
        short: the same by few and small cohorts, which a later run can be compared with in a minute.
        origin: which run.
    """

    scores: list[Score]
    checks: list[Band]
    short: list[Score] = field(default_factory=list)
    origin: Origin = field(default_factory=Origin)


def save(found: Saved, folder: str | Path) -> Path:
    """Write ``validation.json`` into ``folder``, numbers to five significant digits.

    Raises:
        StoreError: it cannot be written.
    """
    values = {
        "origin": found.origin.model_dump(),
        "scores": records(found.scores),
        "checks": [asdict(check) for check in found.checks],
        "short": [{"key": one.target.key, "structure": one.structure, "values": one.values} for one in found.short],
    }
    return write_whole(Path(folder) / DATA, as_json(_rounded(values), indent=1))


def load(folder: str | Path) -> Saved:
    """Read what :func:`save` wrote into ``folder``.

    Raises:
        StoreError: there is no such file, or it is damaged; the text names the file, the score and the reason.
    """
    path = Path(folder) / DATA
    try:
        values = read_tables(path, kind="JSON")
        scores = from_records(_list(values, "scores"))
        _check_once(scores)
        checks = _BANDS.validate_python(_list(values, "checks"))
        told = checked(Origin, values.get("origin", {}), "origin")
        return Saved(scores, checks, _short(values.get("short", []), scores), told)
    except ValidationError as error:
        raise StoreError(f"{path}: not a saved scorecard (checks: {first_reason(error)})") from error
    except ConfigError as error:
        raise StoreError(f"{path}: not a saved scorecard ({error})") from error


def _list(values: dict[str, Any], name: str) -> list[Any]:
    found = values.get(name)
    if not isinstance(found, list):
        raise ParameterError(f"{name}: missing, or not a list")
    return found


def _check_once(scores: list[Score]) -> None:
    seen = set()
    for score in scores:
        place = (score.target.key, score.structure)
        if place in seen:
            raise ParameterError(f"score {place[0]!r} stands twice for structure {place[1]}")
        seen.add(place)


def _short(rows: Any, scores: list[Score]) -> list[Score]:
    """Scores of the short form, whose targets stand with the others."""
    whole = {(score.target.key, str(score.structure)): score for score in scores}
    given = []
    for row in rows if isinstance(rows, list) else [rows]:
        place = (row.get("key"), row.get("structure")) if isinstance(row, dict) else (None, None)
        if place not in whole or not row.get("values"):
            raise ParameterError(f"short: {place[0]!r}: not the values of a score")
        given.append(records([whole[place]])[0] | {"values": row["values"], "seeds": (), "patients": 1.0})
    return from_records(given)


def refreshed(found: Saved) -> Saved:
    """Saved scores with the texts their targets have now, where what was observed and the interval are still the same."""
    targets = {target.key: target for target in load_targets()}

    def now(score: Score) -> Score:
        old, new = score.target, targets.get(score.target.key, score.target)
        same = (old.unit, old.observed, old.low, old.high) == (new.unit, new.observed, new.low, new.high)
        return score.model_copy(update={"target": new}) if same else score

    return replace(found, scores=[now(score) for score in found.scores], short=[now(score) for score in found.short])


def standings(found: Saved) -> Record:
    """How each structure stands, for the record that offers the second one."""
    told: dict[str, Standing] = {}
    for structure, scores in by_structure(found.scores).items():
        met, of = tally(scores).get("test", (0, 0))
        told[structure] = Standing(sum(score.passed for score in scores), len(scores), met, of)
    seeds = tuple(sorted({seed for score in found.scores for seed in score.seeds}))
    return Record(found.origin.model, found.origin.date, found.origin.seed_set, seeds, told)


def write_record(found: Saved, path: str | Path) -> Path:
    """Write the record of :func:`standings`.

    Raises:
        StoreError: it cannot be written.
    """
    return write_whole(path, as_json(standings(found)))


def _rounded(value: Any) -> Any:
    """Numbers to a few significant digits; NaN and infinities as null."""
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
