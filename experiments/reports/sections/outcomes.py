"""Every outcome of every policy, and how each is computed."""

from __future__ import annotations

from typing import Any

from thecal.core.glossary import TERMS, in_text
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.tables import outcome_groups


def build(data: ReportData) -> dict[str, Any]:
    """The tables of means and of worst tenths, and the words that need explaining."""
    return {"groups": outcome_groups(data), "terms": _terms(data)}


def _terms(data: ReportData) -> dict[str, str]:
    """The terms of the glossary that the report uses."""
    texts = [text for entry in data.outcomes for text in (entry.label, entry.unit, entry.text)]
    texts += [text for info in data.infos for text in (info.name, info.text)]
    result = data.result
    named = ("split", result.difficulty, result.shield_mode, "profile", "primary", "worst tenth")
    return {word: TERMS[word] for word in (*in_text(" ".join(texts)), *named) if word in TERMS}


SECTION = Section("outcomes", "Outcomes", 30, build)
