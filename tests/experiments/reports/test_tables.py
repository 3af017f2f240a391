"""The outcome tables of a report: their headings, and which differences are marked."""

from __future__ import annotations

import pytest

from thecal.experiments.reports.tables import outcome_groups

from support.reports import changed, judged, synthetic_data


def test_headings_name_no_symptom():
    titles = [group["title"] for group in outcome_groups(synthetic_data(n=12, hours=24))]
    assert titles == ["Efficacy", "Harms", "How it was done"]


@pytest.mark.parametrize(
    ("verdict", "side"), [("superior", "better"), ("inferior", "worse"), ("non-inferior", ""), ("inconclusive", "")]
)
def test_marks_follow_the_verdict_of_a_harm(verdict, side):
    """Every interval here is 0.5 to 1.5, so that the edges alone would mark all four alike."""
    data = synthetic_data(n=4, hours=24)
    found = judged("superior", {"resp_hours": verdict})
    harms = outcome_groups(changed(data, differences=found.differences))[1]
    place = [entry.key for entry in harms["outcomes"]].index("resp_hours")
    assert harms["differences"]["ppo"][place].side == side
