"""Patients looked at closely: when limits, faults and alarms stood, and decisions told in sentences."""

from __future__ import annotations

import numpy as np

from thecal.devices.alarms import PumpAlarm
from thecal.devices.fault_records import Fault
from thecal.experiments.reports.notes import MOST, notes_of, when
from thecal.experiments.reports.stories import lanes_of
from thecal.safety.invariants import Invariant

from support.runs import die, hand_run


def run_of(**columns):
    return hand_run(48, 1, requested_rate=1.0, allowed_rate=1.0, nrs_report=np.nan, **columns)


def bits(run, field, steps, *numbers):
    run[field][steps, 0] |= sum(1 << number for number in numbers)


def test_lanes_hold_the_times_of_each_name():
    run = run_of()
    bits(run, "binding", slice(3, 5), Invariant.READ_BACK, Invariant.FINITE)
    bits(run, "binding", slice(10, 12), Invariant.READ_BACK)
    bits(run, "faults", slice(0, 48), Fault.LEAK)
    bits(run, "alarms", slice(40, 48), int(PumpAlarm(1)).bit_length() - 1)
    found = {(lane.kind, lane.name): lane.spans for lane in lanes_of(run, 0)}
    assert found[("limit", "read back")] == ((0.125, 0.208), (0.417, 0.5))
    assert found[("limit", "finite")] == ((0.125, 0.208),)
    assert found[("fault", "leak")] == ((0.0, 2.0),)
    assert len(found) == 4
    assert lanes_of(run_of(), 0) == []


def test_a_lane_ends_with_the_patient():
    run = run_of()
    bits(run, "faults", slice(0, 48), Fault.KINK)
    die(run, 0, 20)
    run["faults"][21:, 0] = 1 << Fault.KINK  # whatever a pump does after a death
    (lane,) = lanes_of(run, 0)
    assert lane.spans == ((0.0, 0.875),)


def test_a_refusal_is_told_with_request_report_and_reason():
    run = run_of()
    run["requested_rate"][10, 0], run["nrs_report"][9, 0] = 1.2, 7.0
    bits(run, "binding", 10, Invariant.INTERVAL)
    (note,) = notes_of(run, 0)
    assert (note.kind, note.time_h) == ("refused", 10.0)
    assert note.text == (
        "Asked +20 %, after a report of 7; given no change: interval (rises keep their interval, and the last one has "
        "reached the tip)."
    )
    assert when(note.time_h) == "Day 0, hour 10"


def test_a_watching_shield_is_said_to_watch():
    run = run_of(shield_mode="monitor")
    run["requested_rate"][10:, 0] = run["allowed_rate"][10:, 0] = 2.0
    bits(run, "binding", 10, Invariant.STEP_UP)
    (note,) = notes_of(run, 0)
    assert "given +100 % all the same (the shield only watched): step up" in note.text


def test_what_happened_is_told_once_and_in_order():
    run = run_of()
    run["resp_h"][[20, 30], 0] = 0.5
    run["requested_rate"][5:, 0] = run["allowed_rate"][5:, 0] = 0.8
    bits(run, "faults", slice(2, 9), Fault.OCCLUSION)
    die(run, 0, 40)
    assert [(note.time_h, note.kind) for note in notes_of(run, 0)] == [
        (2.0, "fault"), (5.0, "given"), (20.0, "harm"), (40.0, "harm"),
    ]  # fmt: skip
    assert notes_of(run, 0)[1].text == "Asked −20 % without a new report; given −20 %."
    assert "(1.0 h in all)" in notes_of(run, 0)[2].text


def test_there_are_never_too_many():
    run = run_of()
    rng = np.random.default_rng(0)
    run["requested_rate"][:, 0] = run["allowed_rate"][:, 0] = rng.uniform(0.5, 2.0, 48)
    bits(run, "binding", slice(0, 20), *range(1, 30))
    found = notes_of(run, 0)
    assert len(found) == MOST
    assert [note.time_h for note in found] == sorted(note.time_h for note in found)


def test_no_rate_before_the_first_step_is_made_up():
    run = run_of()
    run["requested_rate"][0, 0], run["allowed_rate"][:, 0] = 9.0, 0.0
    assert notes_of(run, 0) == []
