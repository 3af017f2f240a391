"""A comparison's result as ``comparison.json``: one table for each thing found, versioned, read back exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from thecal import __version__
from thecal.core.complaints import first_reason
from thecal.core.errors import StoreError
from thecal.core.files import as_json, plain, write_whole
from thecal.envs.scenario import Resolved
from thecal.experiments.analysis.decision import decide, limit_words, limits_of
from thecal.experiments.analysis.results import ComparisonResult

FILE = "comparison.json"
SCHEMA = 1
# Fields of a policy's result by the table of the file that holds them, ``{table: {policy: value}}``.
_TABLES = {
    "infos": "info", "training_seeds": "training_seeds", "values": "values", "estimates": "estimates", "tails": "tails",
    "events": "events", "shield": "shield",
}  # fmt: skip
# What the file says for its readers and the result knows by itself.
_DERIVED = ("note", "schema", "thecal", "unshielded", "transfers", "primary", "limits", "verdicts", "better")


def to_dict(found: ComparisonResult) -> dict[str, Any]:
    """The result as plain data: conditions, tables by policy and outcome, and what was decided; None for a missing number."""
    data: dict[str, Any] = plain(found)
    policies, differences = data.pop("policies"), data.pop("differences")
    tables = {table: {name: entry[field] for name, entry in policies.items()} for table, field in _TABLES.items()}
    decisions = {name: decide(found, name) for name in found.others}
    return {
        "note": "simulation only",
        **written_by(SCHEMA),
        **data,
        "unshielded": found.unshielded,
        "transfers": plain(found.transfers),
        "primary": found.primary.key,
        **_limits(found),
        **tables,
        "differences": differences,
        "verdicts": {name: decision.words for name, decision in decisions.items()},
        "better": {name: decision.better for name, decision in decisions.items()},
    }


def _limits(found: ComparisonResult) -> dict[str, Any]:
    """Whether each policy, the reference too, keeps the task's limits; nothing for a task without any."""
    if not found.limits:
        return {}
    return {
        "limits": {
            name: {"kept": not limits_of(found, name)[1], "words": limit_words(found, name)} for name in found.policies
        }
    }


def from_dict(values: Mapping[str, Any]) -> ComparisonResult:
    """The result behind :func:`to_dict`.

    Raises:
        ValidationError, KeyError, TypeError, AttributeError: the values are not those of a result.
    """
    rest = {key: entry for key, entry in values.items() if key not in _DERIVED and key not in _TABLES}
    policies = {
        name: {field: values[table][name] for table, field in _TABLES.items()} for name in values[next(iter(_TABLES))]
    }
    return ComparisonResult.model_validate({**rest, "policies": policies})


def save_result(found: ComparisonResult, folder: str | Path) -> Path:
    """Write ``comparison.json`` into ``folder``.

    Raises:
        StoreError: it cannot be written.
    """
    return write_whole(Path(folder) / FILE, as_json(to_dict(found)))


def load_result(path: str | Path) -> ComparisonResult:
    """Read what :func:`save_result` wrote, from the file or its folder.

    Raises:
        StoreError: there is no such file, it is damaged, or another version wrote it.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        require_schema(values, SCHEMA, file)
        return from_dict(values)
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        raise StoreError(f"{file}: not a comparison's result ({first_reason(error)})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{file}: not a comparison's result ({type(error).__name__}: {error})") from error


def written_by(schema: int) -> dict[str, Any]:
    """The head of a stored document: its schema and the version that wrote it."""
    return {"schema": schema, "thecal": __version__}


def head(schema: int, scene: Resolved) -> dict[str, Any]:
    """The head of a document on one scenario: what wrote it, what the patients met, and whether limits bound."""
    return {
        **written_by(schema),
        "scenario": scene.scenario.model_dump(mode="json"),
        "scenario_hash": scene.hash,
        "unshielded": not scene.mode.shielded,
    }


def require_schema(values: Any, schema: int, file: Path) -> None:
    """See that a stored document is of the schema that is read here.

    Raises:
        StoreError: it is older or newer; the text says which version wrote it and the way out.
        TypeError: it is no document at all.
    """
    if not isinstance(values, dict) or not values:
        raise TypeError("no document")
    found = values.get("schema")
    if found == schema:
        return
    if found is None:
        raise StoreError(f"{file}: written by Thecal 0.1, whose results are no longer read; run the comparison again")
    raise StoreError(
        f"{file}: written by Thecal {values.get('thecal', 'of an unknown version')} with schema {found}, and this is "
        f"Thecal {__version__}, which reads schema {schema}; read it with that version, or run the comparison again"
    )
