"""Tables of charts: written and read back as they are; every bad row is refused with its reason, and good rows can be kept."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from thecal.clinic.selection.chart_table import read_charts, write_charts
from thecal.clinic.selection.fields import COLUMNS, Chart
from thecal.physiology.cohort_table import CohortTableError

from support.clinic_people import cancer, chart

PEOPLE = [chart("a"), cancer("b", ("morphine", "ziconotide")), chart("c", medd_mg_per_d=0.5)]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_charts_come_back_as_they_were(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"charts.{ending}"
    write_charts(path, PEOPLE)
    assert list(read_charts(path).charts) == PEOPLE


def _spoiled(tmp_path: Path, changes: dict[str, Any], people: list[Chart] = PEOPLE) -> Path:
    """The table with other text in some cells of the second patient."""
    path = tmp_path / "charts.csv"
    rows = [one.row() for one in people]
    rows[1] |= changes
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"age_y": ""}, "row 3, age_y: is blank"),
        ({"age_y": "old"}, "row 3, age_y: 'old' is not a number"),
        ({"age_y": "240"}, "outside 1 to 120 year"),
        ({"pain_nrs": "nan"}, "row 3, pain_nrs: 'nan' is not finite"),
        ({"dementia": "perhaps"}, "row 3, dementia: 'perhaps' is neither true nor false"),
        ({"diagnosis": "cancer"}, "is not one of"),
        ({"synthetic": ""}, "row 3, synthetic: is blank"),
        ({"patient": "a"}, "row 3, patient: 'a' stands already in row 2"),
        ({"patient": ""}, "row 3, patient: is blank"),
        ({"allergies": "penicillin"}, "'penicillin' is no known drug"),
        ({"allergies": ""}, "row 3, allergies: is blank; write none"),
        ({"allergies": "morphine+morphine"}, "names a drug twice"),
        ({"systemic_opioid": "false", "escalated": "false"}, "systemic_opioid says that no opioid is taken"),
        ({"medd_mg_per_d": "0"}, "systemic_opioid says that an opioid is taken"),
        ({"diagnosis": "crps", "tumor_encroachment": "true"}, "the diagnosis crps is no cancer"),
        ({"pain_months": "1000"}, "longer than the 55 years"),
        ({"life_expectancy_months": "900"}, "would make the patient older than 120 years"),
        ({"trial": "passed"}, "is none, but a trial was made"),
        ({"trial_method": "single_shot"}, "is single_shot, but no trial was made"),
        ({"trial_relief_percent": "50"}, "is given, but no trial was made"),
        ({"thrombosis_risk": "true"}, "but no anticoagulant is taken"),
        ({"conservative_failed": "false"}, "says that nothing has failed"),
        ({"psychosis": "true", "psychological_screening": "passed"}, "is passed, but psychosis is true"),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_and_good_ones_can_be_kept(change: dict[str, str], said: str, tmp_path: Path) -> None:
    path = _spoiled(tmp_path, change)
    with pytest.raises(CohortTableError) as caught:
        read_charts(path)
    assert said in str(caught.value)
    assert {problem.row for problem in caught.value.problems} == {3}
    kept = read_charts(path, keep_good=True)
    assert [one.patient for one in kept.charts] == ["a", "c"]
    assert kept.refused == 1


def test_a_short_row_is_refused_alone(tmp_path: Path) -> None:
    path = _spoiled(tmp_path, {})
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].rpartition(",")[0]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [one.patient for one in read_charts(path, keep_good=True).charts] == ["b", "c"]
    with pytest.raises(CohortTableError, match=r"row 2, row: has 32 cells, the header 33"):
        read_charts(path)


def test_a_table_without_a_good_row_is_refused(tmp_path: Path) -> None:
    path = _spoiled(tmp_path, {"age_y": ""}, [chart("a", age_y=-1.0), chart("b")])
    with pytest.raises(CohortTableError, match="2 problems"):
        read_charts(path, keep_good=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("dementia", "demantia"), "demantia: no such column; meant dementia?"),
        (("dementia", "dementia"), None),
        (("synthetic,", ""), "synthetic: is missing (drawn by a program, of no person)"),
        (("psychosis", "dementia"), "dementia: stands twice"),
    ],
)
def test_a_wrong_header_is_refused_whole(change: tuple[str, str], said: str | None, tmp_path: Path) -> None:
    path = _spoiled(tmp_path, {})
    head, _, rest = path.read_text(encoding="utf-8").partition("\n")
    path.write_text(head.replace(*change, 1) + "\n" + rest, encoding="utf-8")
    if said is None:
        assert len(read_charts(path).charts) == 3
        return
    with pytest.raises(CohortTableError) as caught:
        read_charts(path, keep_good=True)
    assert said in str(caught.value)
