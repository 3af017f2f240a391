"""A table in every form says the same: CSV, Parquet, single doses, schedules of the kernel, programs of a pump."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.clinic.events.expand import expanded
from thecal.clinic.events.program_text import program_text
from thecal.clinic.events.programs import events_of, program_of
from thecal.clinic.events.reading import read_events
from thecal.clinic.events.schedule import schedule_of
from thecal.clinic.events.table import Event, EventTable
from thecal.clinic.events.writing import write_events
from thecal.core.errors import ConfigError
from thecal.core.layout import TICK_H
from thecal.devices.program_file import read_program

BRIDGE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "bridge.toml"
_amount = st.floats(1e-3, 1e5, allow_nan=False)


def _dose(at, amount, rate=0.0, **more):
    return Event("1", at, 1, amount, rate, drug="morphine", **more)


@st.composite
def tables(draw):
    rows, when = [], 0.0
    for _ in range(draw(st.integers(1, 8))):
        when += draw(st.floats(0.01, 100.0))
        chart = {"WT": draw(st.none() | st.floats(30.0, 150.0)), "SITE": draw(st.sampled_from([None, "a", "b c"]))}
        if draw(st.booleans()):
            amount = draw(_amount)
            rate = draw(st.sampled_from([0.0, amount / 5.0]))
            more = draw(st.integers(0, 3))
            row = Event("p,1", when, 1, amount, rate, 24.0 if more else 0.0, more, drug="baclofen", covariates=chart)
        else:
            what = draw(st.sampled_from(["nrs", "csf"]))
            value = draw(st.floats(1e-6, 10.0))
            row = Event("p,1", when, 0, what=what, value=value, censored=int(what == "csf"), covariates=chart)
        rows.append(row)
    return EventTable(tuple(rows), ("WT", "SITE"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@settings(max_examples=10, deadline=None)
@given(table=tables())
def test_a_round_trip_loses_nothing(tmp_path_factory, ending, table):
    path = write_events(tmp_path_factory.mktemp("t") / f"t.{ending}", table)
    assert read_events(path).table == table


@settings(max_examples=20, deadline=None)
@given(amount=_amount, more=st.integers(0, 20), interval=st.floats(1.0, 48.0), start=st.floats(0.0, 50.0))
def test_repeated_doses_keep_amount_and_times(amount, more, interval, start):
    rows = expanded(EventTable((_dose(start, amount, interval_h=interval, more=more),))).rows
    assert [row.time_h for row in rows] == pytest.approx([start + k * interval for k in range(more + 1)])
    assert {(row.amount_ug, row.more, row.interval_h) for row in rows} == {(amount, 0, 0.0)}


def test_a_steady_state_becomes_the_doses_before():
    rows = expanded(EventTable((_dose(3.0, 50.0, interval_h=12.0, steady=1),)), 2.0).rows
    # Four doses before would begin at -45 h, so everything moves 45 h later.
    assert [row.time_h for row in rows] == pytest.approx([0.0, 12.0, 24.0, 36.0, 48.0])
    endless = expanded(EventTable((_dose(0.0, 0.0, 10.0, steady=1), Event("1", 5.0, 0, what="nrs", value=3.0))), 2.0)
    assert [row.time_h for row in endless.rows] == [0.0, 53.0]


@settings(max_examples=20, deadline=None)
@given(table=tables())
def test_a_schedule_gives_the_whole_amount(table):
    single = expanded(table)
    doses = [row for row in single.rows if row.is_dose]
    end = max((row.time_h + row.hours for row in doses), default=1.0) + 1.0
    plan = schedule_of(table, until_h=end)
    given_ug = sum(one.rate_ug_per_h[0] * (one.last - one.first) * TICK_H + one.bolus_ug[0] for one in plan.stretches)
    assert given_ug == pytest.approx(sum(row.amount_ug for row in doses), rel=1e-9, abs=1e-12)
    assert [one.first for one in plan.stretches[1:]] == [one.last for one in plan.stretches[:-1]]


def test_a_program_and_back(tmp_path):
    rows = (_dose(0.0, 24_000.0, 100.0), _dose(48.0, 500.0), _dose(240.0, 9600.0, 200.0))
    content, refused = program_of(EventTable(rows), mg_per_ml=10.0)
    assert not refused
    path = tmp_path / "p.toml"
    path.write_text(program_text(content), encoding="utf-8")
    table, lost = events_of(read_program(path))
    assert not lost
    assert [row.time_h for row in table.rows] == [0.0, 48.0, 240.0]
    assert [row.rate_ug_per_h for row in table.rows] == pytest.approx([100.0, 0.0, 200.0])
    assert [row.amount_ug for row in table.rows] == pytest.approx([24_000.0, 500.0, 9600.0])


def test_what_a_program_cannot_say_is_refused():
    with pytest.raises(ConfigError, match="no dose"):
        program_of(EventTable((Event("1", 0.0, 0, what="nrs", value=1.0),)), mg_per_ml=1.0)
    two = EventTable((_dose(0.0, 1.0), Event("1", 1.0, 1, 1.0, drug="baclofen")))
    with pytest.raises(ConfigError, match="one rate"):
        program_of(two, mg_per_ml=1.0)
    _, refused = program_of(EventTable((_dose(0.0, 1.0), _dose(0.05, 1.0))), mg_per_ml=1.0)
    assert "second bolus" in refused[0].reason


def test_lines_that_are_no_dose_are_refused():
    table, refused = events_of(read_program(BRIDGE))
    assert {one.column for one in refused} == {"patient_bolus", "press", "bridge", "flex", "refill"}
    assert math.isclose(table.rows[0].rate_ug_per_h, 2500.0 / 24.0)
