"""What the pump makes of a command: grid, bounds, scale, refusals, the entry in its log, and the patient's own lockout."""

from __future__ import annotations

import math
from typing import Any

import pytest

from thecal.devices import program, receiver
from thecal.devices.records import PUMP_PAR, PUMP_STATE

from support.plain import plain_record, uncompiled

# Restated: modes, and kinds of entries in the pump's log.
STOPPED, MIN_RATE, CONTINUOUS, FLEX = 0, 1, 2, 3
PROGRAM, CANCELED, REPEATED, CLINIC_STOP = 0, 5, 18, 19
RATE = 2600
AGE_H, AHEAD_H = 50.0, 0.5
BAD = (-1, -1e-9, math.inf, math.nan, -math.inf)


class Pump:
    """A pump that runs, of which a test sets what it needs, and its log."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        uncompiled(patch, program, receiver)
        self.par = plain_record(
            PUMP_PAR, rate_adjustable=1, rate_step_nl=10, min_mode_rate_nl=60, min_rate_nl=500, max_rate_nl=250_005,
            bolus_step_nl=100, capacity_ml=40.0,
        )  # fmt: skip
        self.state = plain_record(
            PUMP_STATE, rate_nl=RATE, mode=CONTINUOUS, age_h=AGE_H, clock_offset_h=AHEAD_H, number=7
        )

    def command(self, rate: float, bolus: float) -> tuple[int, int]:
        found = program.command(self.state, self.par, rate, bolus)
        return int(found[0]), int(found[1])

    def receive(self, number: int, rate: float, bolus: float) -> None:
        receiver.receive(self.state, self.par, number, rate, bolus)

    @property
    def runs(self) -> tuple[int, int, float]:
        """Rate, mode and what is left of a bolus."""
        return int(self.state.rate_nl), int(self.state.mode), float(self.state.bolus_left_nl)

    @property
    def log(self) -> list[tuple[int, float, float]]:
        """Kind and numbers of every entry, all stamped by the pump's own clock."""
        n = int(self.state.events)
        assert self.state.event_h[:n].tolist() == [AGE_H + AHEAD_H] * n
        rows = zip(self.state.event_kind[:n], self.state.event_a[:n], self.state.event_b[:n], strict=True)
        return [(int(kind), float(a), float(b)) for kind, a, b in rows]


@pytest.fixture
def pump(monkeypatch: pytest.MonkeyPatch) -> Pump:
    return Pump(monkeypatch)


@pytest.mark.parametrize(
    ("asked", "rate", "mode"),
    [
        (1e9, 250_005, CONTINUOUS), (250_006, 250_005, CONTINUOUS), (250_005, 250_005, CONTINUOUS),
        (250_004, 250_000, CONTINUOUS), (2_609.9, 2_600, CONTINUOUS), (2_610, 2_610, CONTINUOUS), (500, 500, CONTINUOUS),
        (499.9, 60, MIN_RATE), (60, 60, MIN_RATE), (59.9, 0, STOPPED), (0, 0, STOPPED),
    ],
)  # fmt: skip
def test_a_rate_is_rounded_down_to_what_the_pump_can(pump: Pump, asked: float, rate: int, mode: int) -> None:
    assert program.programmable_rate(asked, 10, 60, 500, 250_005) == rate
    assert program.program_mode(rate, 500) == mode
    assert pump.command(asked, 0) == (rate, 0)
    assert pump.runs == (rate, mode, 0.0)
    assert pump.log == ([] if rate == RATE else [(PROGRAM, rate, 0.0)])


def test_one_nl_a_tick_is_a_flow_and_none_is_a_stop() -> None:
    assert [program.program_mode(rate, 2) for rate in (-1, 0, 1, 2, 3)] == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("scale", "rate", "bolus"),
    [(0.0, 1_000, 700), (2.0, 2_000, 1_400), (0.75, 750, 500), (1.0, 1_000, 700), (-3.0, 1_000, 700)],
)
def test_a_wrong_program_scales_rate_and_bolus(pump: Pump, scale: float, rate: int, bolus: int) -> None:
    pump.state.program_scale = scale
    assert pump.command(1_000, 700) == (rate, bolus)
    assert pump.runs == (rate, CONTINUOUS, bolus)
    assert pump.log == [(PROGRAM, rate, bolus)]


@pytest.mark.parametrize(("number", "good"), [(0, True), (0.5, True), (1e300, True), *[(bad, False) for bad in BAD]])
def test_a_command_is_a_number_from_0_on(pump: Pump, number: float, good: bool) -> None:
    assert program.takes(pump.state, pump.par, number) == good
    for adjustable, latched in ((0, 0), (1, 1), (0, 1)):
        pump.par.rate_adjustable, pump.state.latched = adjustable, latched
        assert not program.takes(pump.state, pump.par, number)


@pytest.mark.parametrize("bad", BAD)
def test_a_command_that_is_no_number_changes_nothing(pump: Pump, bad: float) -> None:
    pump.state.bolus_left_nl, pump.state.ptm_bolus_nl, pump.state.ptm_lockout_h = 300.0, 500, 2.0
    before = pump.state.copy()
    assert pump.command(bad, 500) == (RATE, 0)
    assert pump.command(1_000, bad) == (RATE, 0)
    pump.receive(8, bad, 500)
    pump.receive(8, 1_000, bad)
    assert pump.state == before


@pytest.mark.parametrize(("adjustable", "latched"), [(0, 0), (1, 1)])
def test_a_pump_that_takes_nothing_changes_nothing(pump: Pump, adjustable: int, latched: int) -> None:
    pump.par.rate_adjustable, pump.state.latched = adjustable, latched
    pump.state.bolus_left_nl, pump.state.prime_left_nl = 300.0, 40.0
    before = pump.state.copy()
    assert pump.command(1_000, 500) == (RATE, 0)
    pump.receive(8, 1_000, 500)
    receiver.take_back(pump.state, pump.par)
    assert pump.state == before


@pytest.mark.parametrize(
    ("step", "capacity_ml", "bolus", "taken"),
    [
        (100, 40.0, 1_299, 1_200), (100, 40.0, 100, 100), (100, 40.0, 99.9, 0), (1, 40.0, 1, 1), (1, 40.0, 0, 0),
        (100, 0.00125, 1_150, 1_100), (100, 0.00125, 1e18, 1_200), (70, 40.0, 1_299, 1_260),
    ],
)  # fmt: skip
def test_a_bolus_is_rounded_down_and_fits_a_reservoir(
    pump: Pump, step: int, capacity_ml: float, bolus: float, taken: int
) -> None:
    pump.par.bolus_step_nl, pump.par.capacity_ml = step, capacity_ml
    pump.state.bolus_left_nl = 30.0
    assert pump.command(RATE, bolus) == (RATE, taken)
    assert pump.runs == (RATE, CONTINUOUS, 30.0 + taken), "it joins one that still runs"
    assert pump.log == ([(PROGRAM, RATE, taken)] if taken else []), "what changes nothing leaves no entry"


@pytest.mark.parametrize(("rate", "runs", "mode"), [(0, 0, STOPPED), (60, 60, MIN_RATE)])
def test_a_pump_that_hardly_runs_drops_its_bolus(pump: Pump, rate: int, runs: int, mode: int) -> None:
    pump.state.bolus_left_nl = 0.5
    assert pump.command(rate, 700) == (runs, 0)
    assert pump.runs == (runs, mode, 0.0)
    assert pump.log == [(CANCELED, 0.5, 0.0), (PROGRAM, runs, 0.0)]
    assert pump.command(rate, 700) == (runs, 0)
    assert len(pump.log) == 2


def test_a_running_bolus_is_canceled_once(pump: Pump) -> None:
    pump.state.bolus_left_nl = 0.25
    assert program.cancel_bolus(pump.state) == 0.25
    assert program.cancel_bolus(pump.state) == 0.0
    assert pump.runs == (RATE, CONTINUOUS, 0.0)
    assert pump.log == [(CANCELED, 0.25, 0.0)]


@pytest.mark.parametrize(
    ("own_nl", "until_h", "rate", "bolus", "then_h"),
    [
        (500, 10.0, 1_000, 0, 52.0), (1, 10.0, 1_000, 0, 52.0), (0, 10.0, 1_000, 0, 10.0), (500, 60.0, 1_000, 0, 60.0),
        (500, 10.0, RATE, 700, 10.0), (500, 10.0, RATE, 0, 10.0), (500, 10.0, 1_000, 700, 52.0),
    ],
)  # fmt: skip
def test_a_new_rate_locks_the_patients_own_bolus(
    pump: Pump, own_nl: int, until_h: float, rate: int, bolus: int, then_h: float
) -> None:
    pump.state.ptm_bolus_nl, pump.state.ptm_lockout_h, pump.state.ptm_locked_until_h = own_nl, 2.0, until_h
    pump.command(rate, bolus)
    assert pump.state.ptm_locked_until_h == then_h


@pytest.mark.parametrize("number", [7, 6, 0, -3])
def test_a_number_that_is_not_newer_is_noted_alone(pump: Pump, number: int) -> None:
    pump.state.taken_nl = 250
    pump.receive(number, 1_000, 700)
    assert pump.runs == (RATE, CONTINUOUS, 0.0)
    assert (pump.state.number, pump.state.taken_nl) == (7, 250)
    assert pump.log == [(REPEATED, number, 7.0)]


@pytest.mark.parametrize(("number", "rate", "bolus", "taken"), [(8, 1_000, 780, 700), (30, 1_005, 0, 0), (8, 0, 0, 0)])
def test_a_newer_number_is_run_and_read_back(pump: Pump, number: int, rate: int, bolus: int, taken: int) -> None:
    pump.state.taken_nl = 250
    pump.receive(number, rate, bolus)
    assert pump.runs == (rate // 10 * 10, CONTINUOUS if rate else STOPPED, taken)
    assert (pump.state.number, pump.state.taken_nl) == (number, taken)
    assert pump.log == [(PROGRAM, rate // 10 * 10, taken)]


@pytest.mark.parametrize(("bolus", "prime"), [(0.5, 0.0), (0.0, 0.5), (30.0, 40.0), (0.0, 0.0)])
def test_what_runs_beside_the_rate_is_taken_back(pump: Pump, bolus: float, prime: float) -> None:
    pump.state.bolus_left_nl, pump.state.prime_left_nl = bolus, prime
    receiver.take_back(pump.state, pump.par)
    assert (pump.runs, float(pump.state.prime_left_nl)) == ((RATE, CONTINUOUS, 0.0), 0.0)
    assert pump.log == [(CANCELED, left, 0.0) for left in (bolus, prime) if left > 0.0]


@pytest.mark.parametrize("latched", [0, 1])
def test_a_clinician_stops_what_runs(pump: Pump, latched: int) -> None:
    pump.state.bolus_left_nl, pump.state.prime_left_nl, pump.state.latched = 30.0, 40.0, latched
    receiver.stop_by_clinic(pump.state, pump.par)
    assert (int(pump.state.rate_nl), int(pump.state.mode), int(pump.state.latched)) == (0, STOPPED, 1)
    left = [] if latched else [(CANCELED, 30.0, 0.0), (CANCELED, 40.0, 0.0)]
    assert pump.log == [*left, (CLINIC_STOP, 0.0, 0.0)]
    assert pump.state.prime_left_nl == 40.0 * latched


def test_a_pump_of_one_flow_cannot_be_stopped(pump: Pump) -> None:
    pump.par.rate_adjustable = 0
    pump.state.bolus_left_nl = 30.0
    before = pump.state.copy()
    receiver.stop_by_clinic(pump.state, pump.par)
    assert pump.state == before


def test_a_day_of_the_pumps_clock_has_24_hours(pump: Pump) -> None:
    # Two steps a day, the second from noon on.
    state: Any = pump.state
    state.mode, state.n_parts = FLEX, 2
    state.part_tick[:2], state.part_rate_nl[:2] = [0, 48], [1_000, 2_000]
    state.clock_offset_h = 0.0
    for age_h, rate in ((0.0, 1_000), (11.75, 1_000), (12.0, 2_000), (23.75, 2_000), (24.0, 1_000), (36.0, 2_000)):
        state.age_h = age_h
        program.follow_schedule(state)
        assert state.rate_nl == rate
    state.ptm_grants, state.age_h = 3, 50.0
    state.grant_h[:3] = [25.9, 26.0, 26.1]
    assert program.grants24(state) == 1
