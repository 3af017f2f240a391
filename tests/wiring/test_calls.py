"""Who is called to the bedside, when, and what a called clinic does there, number by number."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from thecal.devices.monitor_records import RESPONDS
from thecal.devices.records import HALT_EXPLANT, HALT_MRI, STOPPED
from thecal.envs.kernel.records import STEP_OUT, WORLD, WORLD_PAR
from thecal.envs.visits import (
    _alarming,
    _answer,
    _come,
    _is_fine,
    _rescue,
    _resume,
    _stands_dry,
    _summon,
    attend,
    call_clinic,
    is_out_of_cuts,
)
from thecal.physiology.sensors import SBP, SPO2

from support.kernel_copies import Changed, Spy, blank, plainly

LOW, EMPTY, STALL, LONG, ERI = 1, 2, 4, 8, 16  # alarms of the pump
ATTENTION = 2 + 4 + 8 + 16 + 32 + 64 + 128  # a low reservoir calls nobody
ALARM, OVERDOSE = 256, 32  # of the monitors
STOPPED_PUMP, RESUMED_PUMP = 8192, 16384


def records() -> tuple[Any, Any, Any]:
    """A world at rest, its parameters and a step's report."""
    world, par, out = blank(WORLD), blank(WORLD_PAR), blank(STEP_OUT)
    world.patient.poss_seen = 1
    world.pump.estimated_ml, world.pump.mode = 20.0, 2
    world.shield.prev_rate, par.shield.min_rate, par.shield.poss_lock = 900, 500, 4
    par.task.call_delay, par.task.rescue_delay, par.task.clinician.sedation = 96, 4, 2.0
    par.task.refill_ml, par.task.refill_h, par.task.clinic_clock_h = 8.0, 90 * 24.0, 9.0
    return world, par, out


def harm(world: Any, par: Any) -> None:
    """A lock that holds the lowest rate while sedation still says harm."""
    world.shield.lock_resp, world.shield.prev_rate = 1, par.shield.min_rate
    world.received.poss = par.shield.poss_lock


def test_a_policys_call_is_counted_once_and_waits_its_delay() -> None:
    for left, delay, then, counted in ((0, 96, 96, 4), (0, 1, 1, 4), (0, 0, 1, 4), (5, 96, 5, 3), (1, 96, 1, 3)):
        world, par, _ = records()
        par.task.call_delay = delay
        world.episode.called, world.episode.call_left = 3, left
        plainly(call_clinic)(world.episode, par.task)
        assert (world.episode.called, world.episode.call_left) == (counted, then)
        world.episode.call_left = left
        changed = Changed(world=world)
        plainly(_summon)(world.episode, par.task)
        assert changed() == ({"world.episode.call_left": then} if left == 0 else {})


def test_only_a_lock_at_the_lowest_rate_is_out_of_cuts() -> None:
    for lock, rate, poss, out in (
        (1, 500, 4, True), (1, 499, 4, True), (1, 501, 4, False), (0, 500, 4, False), (1, 500, 3, False), (1, 500, 5, True),
    ):  # fmt: skip
        world, par, _ = records()
        world.shield.lock_resp, world.shield.prev_rate, world.received.poss = lock, rate, poss
        assert plainly(is_out_of_cuts)(world.shield, world.received, par.shield) is out, (lock, rate, poss)


def test_two_bad_samples_of_any_signals_confirm_harm() -> None:
    for samples, out in (
        ((0, 0, 0), False), ((1, 1, 1), False), ((4, 0, 0), False), ((3, 0, 0), True), ((0, 5, 0), True), ((0, 0, 6), True),
        ((1, 2, 0), True), ((0, 2, 4), True), ((1, 0, 4), True),
    ):  # fmt: skip
        world, par, _ = records()
        world.shield.lock_resp, world.shield.prev_rate, world.received.poss = 1, 500, 1
        world.shield.lock_samples[:3] = samples
        assert plainly(is_out_of_cuts)(world.shield, world.received, par.shield) is out, samples


def test_alarms_that_nobody_answered_call_and_so_does_harm() -> None:
    for raised, alarms, answered, harmed in itertools.product(
        (0, ALARM, 255 + 512), (0, LOW, EMPTY, STALL + ERI, 255), (0, EMPTY, STALL, 254), (False, True)
    ):
        world, par, _ = records()
        if harmed:
            harm(world, par)
        world.monitor.raised, world.pump.alarms, world.episode.answered = raised, alarms, answered
        plainly(_answer)(world, par)
        left = (0 if raised == ALARM else answered) & alarms & ATTENTION
        calls = harmed or (alarms & ATTENTION) - left > 0
        assert (world.episode.answered, world.episode.call_left) == (left, 96 if calls else 0), (
            raised,
            alarms,
            answered,
        )


def test_who_is_awake_and_needs_nothing_is_fine() -> None:
    for poss, measures, fine in ((1, 0, True), (2, 0, True), (3, 0, False), (1, 5, False), (3, 5, False)):
        world, par, _ = records()
        world.patient.poss_seen = poss
        asked = Spy(measures)
        assert plainly(_is_fine, measures_for=asked)(world, par) is fine
        assert asked.made in ([], [(par.patient, world.patient)])


@pytest.mark.parametrize(("measures", "poss"), [(0, 1), (0, 3), (5, 1), (5, 4)])
def test_who_comes_treats_what_is_found_and_stops_what_harms(measures: int, poss: int) -> None:
    for cuts, latched in itertools.product((False, True), (0, 1)):
        world, par, out = records()
        if cuts:
            harm(world, par)
        world.patient.poss_seen, world.pump.latched, world.pump.alarms = poss, latched, 255
        world.episode.judged, world.episode.answered = 2, 1
        out.visits, out.rescues = 3.0, 5.0
        asked, given, stopped = Spy(measures), Spy(), Spy()
        changed = Changed(world=world, par=par, out=out)
        plainly(_come, measures_for=asked, give_rescue=given, stop_by_clinic=stopped)(world, par, out)
        expected = {"world.episode.present": 1, "world.episode.answered": 254, "out.visits": 4.0}
        if measures:
            expected["out.rescues"] = 6.0
        stops = (measures > 0 or poss > 2) and cuts and latched == 0
        if stops:
            expected["world.episode.judged"] = 2 + STOPPED_PUMP
        assert changed() == expected
        assert given.made == ([(par.patient, world.patient, measures)] if measures else [])
        assert stopped.made == ([(world.pump, par.pump)] if stops else [])
        assert set(map(len, asked.made)) == {2}
        assert all(one[0] is par.patient and one[1] is world.patient for one in asked.made)


def test_a_stopped_pump_runs_again_for_who_is_there_and_fine() -> None:
    for present, poss, runs in ((1, 1, True), (0, 1, False), (1, 3, False)):
        world, par, _ = records()
        world.episode.present, world.patient.poss_seen, world.episode.judged = present, poss, 2
        reset = Spy()
        plainly(_resume, measures_for=Spy(0), clinician_reset=reset)(world, par)
        assert reset.made == ([(world.pump,)] if runs else [])
        assert world.episode.judged == (2 + RESUMED_PUMP if runs else 2)


class Attended:
    """One tick of the clinic with all that it does replaced by a note of it."""

    def __init__(self, **state: Any) -> None:
        self.world, self.par, self.out = records()
        for path, value in state.items():
            room, _, name = path.partition("__")
            setattr(
                getattr(self.par if room in ("task", "of_fault") else self.world, room.removeprefix("of_")), name, value
            )
        self.did: dict[str, tuple[Any, ...]] = {}
        spies = {name: self._note(name) for name in ("_come", "_answer", "_resume", "see_faults", "_rescue", "_refill")}
        changed = Changed(world=self.world, par=self.par, out=self.out)
        plainly(attend, **spies)(self.world, self.par, self.out)
        self.changed = changed()

    def _note(self, name: str) -> Any:
        def note(*arguments: Any) -> None:
            assert name not in self.did
            self.did[name] = arguments
            if name == "_come":
                self.world.episode.present = 1

        return note

    def only(self, *names: str) -> bool:
        """Whether just these were done beside the watch for emergencies, with the records that they need."""
        known = {"_answer": (self.world, self.par), "_resume": (self.world, self.par)}
        every = (self.world, self.par, self.out)
        given = {name: what for name, what in self.did.items() if name != "see_faults"}
        right = all(what == known.get(name, every) for name, what in given.items())
        return right and [*self.did] == sorted({*names, "_rescue"}, key=[*ORDER].index)


ORDER = ("_come", "_answer", "_resume", "see_faults", "_rescue", "_refill")


def test_a_quiet_tick_counts_and_nobody_stays() -> None:
    quiet = Attended(episode__since_mixture=7, episode__present=1)
    assert quiet.only()
    assert quiet.changed == {"world.episode.since_mixture": 8, "world.episode.present": 0}
    counted = {"world.episode.since_mixture": 1}
    coming = Attended(episode__call_left=3)
    assert coming.only()
    assert coming.changed == {**counted, "world.episode.call_left": 2}
    come = Attended(episode__call_left=1)
    assert come.only("_come")
    assert come.changed == {**counted, "world.episode.call_left": 0, "world.episode.present": 1}


def test_alarms_locks_and_a_stopped_pump_are_attended_to() -> None:
    assert Attended(pump__alarms=LOW).only("_answer")
    assert Attended(shield__lock_resp=1).only("_answer")
    assert Attended(pump__latched=1, pump__mode=STOPPED).only("_resume")
    assert Attended(pump__latched=1, pump__mode=STOPPED + 1).only()
    assert Attended(pump__latched=0, pump__mode=STOPPED).only()


def test_faults_are_looked_at_with_what_shows_or_stands() -> None:
    for active, shown, standing, present, signs in (
        (4, 3, 8, 0, 3), (4, 0, 8, 0, 0), (0, 3, 8, 0, 0), (4, 3, 8, 1, 11), (4, 0, 8, 1, 8), (4, 3, 0, 1, 3), (4, 0, 0, 1, 0),
    ):  # fmt: skip
        seen = Attended(
            fault__active=active, monitor__shown=shown, monitor__standing=standing, pump__age_h=5.25, pump__fill_h=2.0,
            episode__call_left=present,
        )  # fmt: skip
        assert seen.only(*["_come"] * present, *["see_faults"] * (signs > 0))
        if signs:
            fault, par, bits, now, responds = seen.did["see_faults"]
            assert (fault is seen.world.fault, par is seen.par.fault, bits, now) == (True, True, signs, 5.25)
            assert responds is RESPONDS


def test_a_refill_is_due_by_volume_age_fault_or_a_dry_pump() -> None:
    old = {"pump__age_h": 90 * 24.0 + 3.0, "pump__fill_h": 3.0}
    for state, due in (
        ({"pump__estimated_ml": 8.0}, True), ({"pump__estimated_ml": 8.01}, False), (old, True),
        ({**old, "pump__fill_h": 3.25}, False), ({"fault__refill_due": 1}, True),
        ({"fault__refill_due": 1, "pump__halt": HALT_EXPLANT}, False), ({"fault__refill_due": 1, "pump__halt": HALT_MRI}, True),
    ):  # fmt: skip
        assert Attended(**state).only(*["_refill"] * due), state
    dry = {"pump__alarms": LONG, "episode__call_left": 1}
    assert Attended(**dry).only("_come", "_answer", "_refill")
    assert Attended(**{**dry, "episode__call_left": 2}).only("_answer")
    assert Attended(**{**dry, "pump__alarms": STALL}).only("_come", "_answer")
    assert Attended(**dry, of_fault__enabled=1).only("_come", "_answer")


def test_a_dry_pump_is_filled_where_the_clinic_mends() -> None:
    for enabled, serviced, alarms, dry in (
        (0, 0, LONG, True), (1, 1, EMPTY, True), (1, 0, LONG, False), (0, 1, EMPTY + LONG, True), (0, 0, 255 - 10, False),
    ):  # fmt: skip
        world, par, _ = records()
        par.fault.enabled, par.fault.serviced, world.pump.alarms = enabled, serviced, alarms
        assert plainly(_stands_dry)(world, par) is dry, (enabled, serviced, alarms)


def test_what_shows_calls_for_help_and_nothing_hidden() -> None:
    for spo2, sbp, standing, ventilated, calls in (
        (None, None, 0, 0, False), (84.9, 120.0, 0, 0, True), (85.0, 80.0, 0, 0, False), (97.0, 79.9, 0, 0, True),
        (None, 79.9, 0, 0, True), (84.9, None, 0, 0, True), (97.0, 120.0, OVERDOSE, 0, True), (97.0, 120.0, 1023 - 32, 0, False),
        (None, None, OVERDOSE, 0, True), (97.0, 120.0, 0, 1, True), (None, None, 0, 1, True),
    ):  # fmt: skip
        world, _, _ = records()
        for sensor, value in ((SPO2, spo2), (SBP, sbp)):
            world.patient.s_valid[sensor] = 0 if value is None else 1
            world.patient.s_value[sensor] = 1.0 if value is None else value
        world.monitor.standing, world.patient.ventilated = standing, ventilated
        assert bool(plainly(_alarming)(world)) is calls, (spo2, sbp, standing, ventilated)


def test_an_emergency_is_treated_once_the_delay_is_over() -> None:
    for left, alarming, measures, then, treated in (
        (0, True, 5, 4, False), (0, False, 5, 0, False), (3, True, 5, 2, False), (2, False, 5, 1, False), (1, True, 5, 0, True),
        (1, False, 5, 0, True), (1, True, 0, 0, False),
    ):  # fmt: skip
        world, par, out = records()
        world.episode.rescue_left, world.patient.ventilated, out.rescues = left, int(alarming), 2.0
        asked, given = Spy(measures), Spy()
        changed = Changed(world=world, par=par, out=out)
        plainly(_rescue, measures_for=asked, give_rescue=given)(world, par, out)
        expected = {"world.episode.rescue_left": then} if then != left else {}
        assert changed() == (expected | {"out.rescues": 3.0} if treated else expected)
        assert asked.made == ([(par.patient, world.patient)] if left == 1 else [])
        assert given.made == ([(par.patient, world.patient, 5)] if treated else [])
