"""Numbered commands: each acts once, late and repeated ones are noted and not run, and what nobody sent is taken back."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.devices.alarms import PumpEvent
from thecal.devices.fault_delivery import clinician_reset
from thecal.devices.interrogate import describe_event
from thecal.devices.program import program_prime
from thecal.devices.receiver import receive, stop_by_clinic, take_back
from thecal.devices.records import CONTINUOUS, STOPPED

from support.pumps import pump, run


@pytest.fixture
def system():
    return pump()


def newest(state) -> PumpEvent:
    return PumpEvent(int(state["event_kind"][(int(state["events"]) - 1) % len(state["event_kind"])]))


def test_a_number_acts_once(system):
    state, par = system
    receive(state, par, 1, 3000, 1000)
    assert (state["number"], state["taken_nl"], state["rate_nl"], state["bolus_left_nl"]) == (1, 1000, 3000, 1000)
    receive(state, par, 1, 3000, 1000)
    assert (state["bolus_left_nl"], newest(state)) == (1000, PumpEvent.REPEATED)
    receive(state, par, 3, 3200, 0)
    receive(state, par, 2, 9000, 5000)
    assert (state["number"], state["rate_nl"], state["bolus_left_nl"]) == (3, 3200, 1000), (
        "one that comes late does nothing"
    )


@pytest.mark.parametrize(("rate", "bolus"), [(np.nan, 0), (-1, 0), (3000, -5), (3000, np.inf)])
def test_what_is_refused_leaves_the_number(system, rate, bolus):
    state, par = system
    receive(state, par, 1, rate, bolus)
    assert (state["number"], state["rate_nl"]) == (0, 2600)
    state["latched"] = 1
    receive(state, par, 2, 3000, 0)
    assert state["number"] == 0, "nor does a pump that waits for a reset"


def test_a_running_prime_and_bolus_are_taken_back(system):
    state, par = system
    program_prime(state, par, 375_000.0)
    receive(state, par, 1, 2600, 4000)
    run(state, par, 1, 0.25, np.zeros(3))
    left = float(state["prime_left_nl"])
    assert 0 < left < 375_000
    take_back(state, par)
    assert state["prime_left_nl"] == state["bolus_left_nl"] == 0
    before = float(state["commanded_ml"])
    run(state, par, 1, 0.25, np.zeros(3))
    assert float(state["commanded_ml"]) - before == pytest.approx(2600e-6), "the basal rate runs on"


def test_a_clinicians_stop_holds_until_a_reset(system):
    state, par = system
    receive(state, par, 1, 2600, 4000)
    stop_by_clinic(state, par)
    receive(state, par, 2, 2600, 0)
    assert (state["mode"], state["rate_nl"], state["number"]) == (STOPPED, 0, 1)
    given = np.zeros(3)
    assert run(state, par, 4, 0.25, given) == 0.0
    clinician_reset(state)
    receive(state, par, 3, 2600, 0)
    assert (state["mode"], state["rate_nl"], state["number"]) == (CONTINUOUS, 2600, 3)


def test_the_log_says_what_was_not_run():
    assert "not run" in describe_event(PumpEvent.REPEATED, 4.0, 9.0)
    assert describe_event(PumpEvent.CLINIC_STOP, 0.0, 0.0) == "stopped by clinician"
