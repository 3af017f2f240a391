"""What each policy is: its card."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """One card a policy: what it does, its numbers, where it was trained."""
    return {"cards": [_card(data, name) for name in data.policies]}


def _card(data: ReportData, name: str) -> dict[str, Any]:
    info = data.of(name).info
    facts = {"kind": info.marked_kind}
    if info.training_seeds:
        facts["training seeds"] = ", ".join(map(str, info.training_seeds))
    if info.tasks:
        facts["fits"] = ", ".join(info.tasks)
    if info.trained is not None:
        told = info.trained.model_dump(exclude={"task_hash"}, exclude_none=True)
        facts |= {
            f"trained: {key.replace('_', ' ')}": _said(value) for key, value in told.items() if value not in ((), "")
        }
    facts |= {key.replace("_", " "): _said(value) for key, value in info.parameters.items()}
    return {"name": name, "text": info.text, "facts": facts}


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(_said, value)) if isinstance(value, (list, tuple)) else str(value)


SECTION = Section("policies", "Policies", 110, build, heading="What each policy is")
