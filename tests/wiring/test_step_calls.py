"""One step as a list of calls: what is handed to shield, pump, patient, monitors and clinic, when, and what is reported."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from thecal.envs.kernel import step
from thecal.safety.records import AUTO, TRAIL_ROW
from thecal.safety.records import CONFIRM_STAGE as CONFIRM

from support.bed import ALLOWED, RATE, Bed
from support.plain import Rows, plain_record

GIVEN = 700  # nL
ASK = ("world.shield", "par.shield", "world.received")


@pytest.fixture
def bed(monkeypatch: pytest.MonkeyPatch) -> Bed:
    return Bed(monkeypatch)


def test_a_request_goes_from_the_facts_to_the_pump(bed: Bed) -> None:
    bed.verdict["allowed_bolus"] = GIVEN
    bed.request()
    assert bed.made == [
        ("write_shield_input", "world", "par"),
        ("shield_tick", *ASK, 1600, 900, 1),
        ("receive", "world.pump", "par.pump", 6, ALLOWED, GIVEN),
        ("see_pump", "world.monitor", "par.monitor", "world.pump", ALLOWED, 1),
    ]
    assert bed.out.allowed_bolus_ul == pytest.approx(GIVEN * 1e-3)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_the_first_tick_alone_asks(bed: Bed, k: int) -> None:
    assert bed.request(k) == (*ASK, 1600 if k == 0 else RATE, 900 if k == 0 else 0, 1 if k == 0 else 2)
    assert bed.request(k, valid=-1)[-1] == (-1 if k == 0 else 2)


@pytest.mark.parametrize(("demand", "since", "asks"), [(1, 20, 1), (1, 19, 0), (1, 21, 1), (0, 50, 0)])
def test_a_press_asks_for_the_bolus_after_the_lockout(bed: Bed, demand: int, since: int, asks: int) -> None:
    bed.par.task.patient_bolus = 1
    bed.patient.demand, bed.shield.since_bolus = demand, since
    for k in (0, 1):
        assert bed.request(k)[4] == 900 * asks


@pytest.mark.parametrize(
    ("stage", "k", "valid", "there", "told"),
    [
        (CONFIRM, 1, 1, True, True), (AUTO, 1, 1, True, False), (CONFIRM, 1, 0, True, False), (CONFIRM, 1, 1, False, False),
        (CONFIRM, 0, 1, False, True), (CONFIRM, 0, 0, True, True), (AUTO, 0, 1, False, True), (2, 1, 1, True, False),
        (0, 1, 1, True, False), (CONFIRM, 1, 2, True, False),
    ],
)  # fmt: skip
def test_what_waits_is_asked_for_again(bed: Bed, stage: int, k: int, valid: int, there: bool, told: bool) -> None:
    bed.par.shield.stage, bed.there = stage, there
    bed.received.confirms = 0
    asked = bed.request(k, valid=valid)
    assert (asked[3], asked[5]) == ((1600, valid) if told else (RATE, 2))
    confirmed = stage == CONFIRM and told
    # What is confirmed is the request and the bolus that is armed, also where nobody presses.
    assert bed.calls.called("confirms") == [("world", "par", 1600, 900)] * confirmed
    assert bed.received.confirms == confirmed
    assert all(one == ("world", "par") for one in bed.calls.called("is_there"))
    assert [one[0] for one in bed.made if one[0] in ("write_shield_input", "confirms", "shield_tick")] == (
        ["write_shield_input", "confirms", "shield_tick"] if confirmed else ["write_shield_input", "shield_tick"]
    )


def test_the_trail_keeps_what_was_asked_and_in_force_before(bed: Bed) -> None:
    bed.trail = Rows(plain_record(TRAIL_ROW) for _ in range(3))
    bed.calls.know(row0=bed.trail[0], row1=bed.trail[1], row2=bed.trail[2])
    bed.request(0, valid=1)
    bed.request(2)
    assert bed.calls.called("write_trail") == [
        ("row0", "world", "par", RATE, 1600, 900, 1),
        ("row2", "world", "par", ALLOWED, ALLOWED, 0, 2),
    ]
    assert bed.made[1][0] == "shield_tick"
    assert bed.made[2][0] == "write_trail", "before the pump runs"
    bed.trail = Rows(bed.trail[:1])
    bed.request(0)
    assert len(bed.calls.called("write_trail")) == 3, "also of a step of one tick"


@pytest.mark.parametrize(("demand", "given"), [(1, GIVEN), (1, 0), (0, GIVEN), (1, 1)])
def test_a_press_is_counted_with_its_answer(bed: Bed, demand: int, given: int) -> None:
    bed.patient.demand, bed.verdict["allowed_bolus"] = demand, given
    got = int(demand and given > 0)
    for times in (1, 2):
        bed.request()
        counts = [float(bed.out[name]) for name in ("demands", "demands_given", "demands_denied")]
        assert counts == [times * demand, times * got, times * (demand - got)]
        assert (bed.episode.pressed_last, bed.episode.given_last) == (times * demand, times * got)
        assert bed.out.allowed_bolus_ul == pytest.approx(times * given * 1e-3)


@pytest.mark.parametrize(("tick", "slot"), [(8, 8), (95, 95), (96, 0), (203, 11)])
def test_presses_of_a_day_ago_leave_the_count(bed: Bed, tick: int, slot: int) -> None:
    for was in (0, 1):
        for now in (0, 1):
            bed.episode.presses[:] = 1 - was
            bed.episode.presses[slot] = was
            bed.episode.presses24 = 30
            bed.patient.tick, bed.patient.demand = tick, now
            bed.request()
            assert bed.episode.presses24 == 30 + now - was
            expected = np.full(96, 1 - was)
            expected[slot] = now
            np.testing.assert_array_equal(bed.episode.presses, expected)


def test_the_account_of_a_step_adds_up_over_its_ticks(bed: Bed) -> None:
    seen = []
    for binding, violations, fallback in ((0, 4, 0), (5, 1, 3), (2, 8, 1), (0, 0, 0)):
        bed.verdict.update(binding=binding, violations=violations, fallback=fallback)
        bed.request()
        seen.append([int(bed.out[name]) for name in ("binding", "violations", "fallback", "intervened")])
    assert seen == [[0, 4, 0, 0], [5, 5, 3, 1], [7, 13, 3, 1], [7, 13, 3, 1]]


def test_an_environment_of_a_batch_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(step, "step_world", lambda *what: made.append(("step", *what)))
    monkeypatch.setattr(step, "write_observation", lambda *what: made.append(("see", *what)))
    others = [
        [f"{name}{b}" for b in range(3)] for name in ("par", "act", "out", "seen", "value", "lens", "view", "trail")
    ]
    par, actions, outs, seen, values, lens, views, trail = others
    for parallel in (False, True):
        made.clear()
        advance: Any = step._compile(parallel, 4711).py_func
        places: Any = np.array([10, 11, 12])
        assert advance(places, par, actions, outs, seen, values, lens, views, [True, False, True], trail) == 4711
        expected = []
        for b in (0, 2):
            expected.append(("step", 10 + b, f"par{b}", f"act{b}", f"out{b}", f"trail{b}"))
            expected.append(("see", 10 + b, f"par{b}", f"seen{b}", f"value{b}", "lens0", f"view{b}"))
        assert made == expected


def test_two_readings_are_compiled_one_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def entry_point(*, parallel: bool = False) -> Any:
        asked.append(parallel)
        return lambda function: function

    monkeypatch.setattr(step, "entry_point", entry_point)
    monkeypatch.setattr(step, "prange", lambda n: asked.append("prange") or range(n))  # type: ignore[func-returns-value]
    nothing: Any = [[]] * 9
    for parallel in (False, True):
        asked.clear()
        assert step._compile(parallel, 3)(np.zeros(0), *nothing) == 3
        assert asked == ([True, "prange"] if parallel else [False])
    assert math.isfinite(step.SOURCE_KEY)
