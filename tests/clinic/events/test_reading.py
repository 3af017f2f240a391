"""Event tables: what is read, and what is refused with row, column and reason."""

from __future__ import annotations

import pytest

from thecal.clinic.events.reading import read_events
from thecal.clinic.events.table import EventTableError
from thecal.core.errors import ParameterError

HEAD = "ID,TIME [h],AMT [mg],RATE [mg/d],II,ADDL,SS,EVID,CMT,DVID,DV,MDV,CENS\n"
GOOD = "1,0,12,0.5,.,.,.,1,1,.,.,1,.\n1,4,.,.,.,.,.,0,.,nrs,7,0,.\n"


def write(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_units_of_the_header_are_converted(tmp_path):
    dose, report = read_events(write(tmp_path, HEAD + GOOD)).table.rows
    assert dose.amount_ug == pytest.approx(12_000.0)
    assert dose.rate_ug_per_h == pytest.approx(500.0 / 24.0)
    assert dose.hours == pytest.approx(24.0 * 24.0)
    assert (report.what, report.value, report.time_h) == ("nrs", 7.0, 4.0)


def test_a_sidecar_states_units_drugs_and_kinds(tmp_path):
    path = write(tmp_path, "ID,TIME,AMT,CMT,DVID,DV\n1,1,2,3,.,.\n1,2,.,.,9,40\n")
    write(
        tmp_path,
        'units = { TIME = "day", AMT = "mg" }\ncmt = { 3 = "baclofen" }\ndvid = { 9 = "csf" }\ndv_units = { csf = "ng/mL" }\n',
        "t.units.toml",
    )
    dose, level = read_events(path).table.rows
    assert (dose.time_h, dose.amount_ug, dose.drug) == (24.0, 2000.0, "baclofen")
    assert (level.what, level.value) == ("csf", pytest.approx(0.04))


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("1,x,1,.,.,.,.,1,1,.,.,1,.", "TIME", "not a number"),
        ("1,5,nan,.,.,.,.,1,1,.,.,1,.", "AMT", "not a number"),
        ("1,5,-1,.,.,.,.,1,1,.,.,1,.", "AMT", "outside"),
        ("1,5,.,.,.,.,.,1,1,.,.,1,.", "AMT", "nothing"),
        ("1,5,1,-2,.,.,.,1,1,.,.,1,.", "RATE", "asks the model"),
        ("1,5,1,.,.,3,.,1,1,.,.,1,.", "II", "missing"),
        ("1,5,1,.,.,.,1,1,1,.,.,1,.", "II", "missing"),
        ("1,5,1,.,12,.,2,1,1,.,.,1,.", "SS", "not one of"),
        ("1,5,1,0.5,24,1,.,1,1,.,.,1,.", "RATE", "begins again"),
        ("1,5,1,.,.,.,.,1,2,.,.,1,.", "CMT", "no place"),
        ("1,5,1,.,.,.,.,1,1,nrs,4,0,.", "DV", "row of its own"),
        ("1,5,1,.,.,.,.,0,.,nrs,4,0,.", "AMT", "no dose"),
        ("1,5,.,.,.,.,.,7,.,nrs,4,0,.", "EVID", "not one of"),
        ("1,5,.,.,.,.,.,3,.,.,.,1,.", "EVID", "cannot be reset"),
        ("1,5,.,.,.,.,.,0,.,nrs,.,0,.", "DV", "blank"),
        ("1,5,.,.,.,.,.,0,.,nrs,11,0,.", "DV", "outside"),
        ("1,5,.,.,.,.,.,0,.,pulse,60,0,.", "DVID", "no observation"),
        ("1,5,.,.,.,.,.,0,.,csf,0,0,.", "DV", "limit of quantification"),
        ("1,5,.,.,.,.,.,0,.,nrs,3,0,1", "CENS", "no limit"),
        ("1,1,.,.,.,.,.,0,.,nrs,3,0,.", "TIME", "goes back"),
        ("1,4,.,.,.,.,.,0,.,nrs,3,0,.", "DV", "contradicts row 3"),
        ("1,4,.", "row", "3 cells"),
    ],
)
def test_a_row_that_cannot_be_is_refused(tmp_path, row, column, reason):
    path = write(tmp_path, f"{HEAD}{GOOD}{row}\n1,9,.,.,.,.,.,0,.,nrs,5,0,.\n")
    with pytest.raises(EventTableError) as error:
        read_events(path)
    (one,) = error.value.refused
    assert (one.row, one.column) == (4, column)
    assert reason in one.reason
    kept = read_events(path, keep_good=True)
    assert [row.row for row in kept.table.rows] == [2, 3, 5]
    assert kept.refused == error.value.refused


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ID,AMT [mg]\n1,2\n", "TIME: missing"),
        ("ID,TIME,AMT\n1,0,2\n", "AMT: states no unit"),
        ("ID,TIME [h],AMT [h]\n1,0,2\n", "AMT: unit"),
        ("ID,TIME,TIME,DV\n1,0,0,2\n", "TIME: stands twice"),
        ("ID;TIME;DV\n1;0;2\n", "semicolons"),
        ("ID,TIME\n1,0\n", "neither AMT nor DV"),
        ("ID,TIME,DV\n", "holds no row"),
    ],
)
def test_a_table_that_says_nothing_is_refused(tmp_path, text, reason):
    with pytest.raises(ParameterError, match=reason):
        read_events(write(tmp_path, text))


def test_a_comment_leaves_a_row_out(tmp_path):
    path = write(tmp_path, "C,ID,TIME,DVID,DV\nC,1,x,nrs,4\n.,1,2,nrs,4\n")
    assert [row.row for row in read_events(path).table.rows] == [3]


def test_a_covariate_holds_until_it_changes(tmp_path):
    table = read_events(write(tmp_path, "ID,TIME,DVID,DV,WT\n1,1,nrs,4,.\n1,2,nrs,4,70\n1,5,nrs,5,71\n")).table
    assert [table.at("WT", when) for when in (0.0, 2.0, 4.9, 5.0)] == [70.0, 70.0, 70.0, 71.0]
