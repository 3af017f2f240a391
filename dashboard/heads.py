"""What the list of runs shows of a stored document, read off its plain JSON without loading the whole result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thecal.envs.outcomes import CATALOG
from thecal.experiments.analysis.headroom_stored import KIND as HEADROOM
from thecal.experiments.analysis.results import marks

__all__ = ["HEADROOM", "comparison", "evaluation", "headroom", "leaderboard"]
Values = Mapping[str, Any]


def comparison(values: Values) -> dict[str, Any]:
    """Of ``comparison.json``."""
    first = values["outcomes"][0]
    return {
        "task": values["spec"]["name"],
        "title": values["spec"].get("title", ""),
        "days": values["spec"]["horizon_d"],
        **{name: values[name] for name in ("split", "difficulty", "shield_mode", "profile", "seed", "reference")},
        "policies": [_policy(values, name, first["key"]) for name in values["infos"]],
        "patients": len(values["patients"]),
        "primary": {name: first[name] for name in ("key", "label", "unit", "better", "digits")},
        "mark": marks(values["unshielded"], values["unproved"], values.get("wide", False)),
        "thecal": values["thecal"],
    }


def _policy(values: Values, name: str, key: str) -> dict[str, Any]:
    info, found = values["infos"][name], values["estimates"][name][key]
    return {
        "name": name,
        "label": info["label"],
        "kind": info["kind"],
        "primary": found["mean"],
        "verdict": "reference" if name == values["reference"] else values["verdicts"][name],
        "better": bool(values["better"].get(name, False)),
    }


def evaluation(values: Values) -> dict[str, Any]:
    """Of ``estimates.json``."""
    scenario = values["scenario"]
    task = scenario["task"]
    first = CATALOG[next(iter(values["outcomes"]))]
    found = {"name": values["policy"], "label": values["policy"], "primary": values["outcomes"][first.key]["mean"]}
    return {
        "task": task if isinstance(task, str) else task["name"],
        "title": "",
        **{name: scenario[name] for name in ("split", "difficulty", "shield_mode", "seed")},
        "policies": [found],
        "mark": marks(values["unshielded"], False),
        "primary": first.model_dump(include={"key", "label", "unit", "better", "digits"}),
        "thecal": values["thecal"],
    }


def leaderboard(values: Values) -> dict[str, Any]:
    """Of ``leaderboard.json``."""
    boards = values["boards"]
    names = {name: line["info"]["label"] for board in boards for name, line in board["lines"].items()}
    return {
        "task": ", ".join(dict.fromkeys(board["task"] for board in boards)),
        "boards": len(boards),
        "patients": values["patients"] * len(values["seeds"]),
        "split": values["split"],
        "policies": [{"name": name, "label": label} for name, label in names.items()],
        "thecal": values["thecal"],
    }


def headroom(values: Values) -> dict[str, Any]:
    """Of a task's headroom."""
    judgment, task = values["judgment"], values["scenario"]["task"]
    return {
        "task": task if isinstance(task, str) else task["name"],
        "patients": values["patients"] * len(values["seeds"]),
        "split": values["split"],
        "policies": [{"name": name, "label": row["label"]} for name, row in judgment["policies"].items()],
        "passed": bool(values["passed"]),
        "date": values["date"],
        "thecal": values["thecal"],
    }
