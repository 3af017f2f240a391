"""The outcome tables of a report: their headings, and which differences are marked."""

from __future__ import annotations

from thecal.experiments.reports.tables import outcome_groups

from support.reports import synthetic_data


def test_headings_name_no_symptom():
    titles = [group["title"] for group in outcome_groups(synthetic_data(n=12, hours=24))]
    assert titles == ["Efficacy", "Harms", "How it was done"]
