"""Harm that shows: what counts as such, how many ticks of the last day it fills, and what it makes of a clinic that comes."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

import numpy as np
import pytest

from thecal.core.layout import SENSORS
from thecal.envs.kernel.records import STEP_OUT, WORLD, WORLD_PAR
from thecal.envs.visits import _come, _count_harm, attend, harm_shows

from support.kernel_copies import Changed, Spy, blank, plainly

DAY = 96
STOPPED_PUMP = 8192
RR, SPO2 = SENSORS.index("rr"), SENSORS.index("spo2")


def records(**episode: int) -> tuple[Any, Any, Any]:
    """A world at rest, the parameters of a task whose clinic comes for 48 ticks of harm, and a step's report."""
    world, par, out = blank(WORLD), blank(WORLD_PAR), blank(STEP_OUT)
    world.patient.poss_seen = 1
    world.patient.s_value[:], world.patient.s_valid[:] = 97.0, 1
    world.shield.prev_rate, par.shield.min_rate, par.shield.poss_lock = 900, 500, 4
    par.task.harm_call, par.task.call_delay, par.task.clinician.sedation = 48, 24, 2.0
    for name, value in episode.items():
        setattr(world.episode, name, value)
    return world, par, out


def count(world: Any, par: Any, shows: bool) -> list[tuple[Any, ...]]:
    """One tick of counting; how the clinic was called in it."""
    asked, called = Spy(shows), Spy()
    plainly(_count_harm, harm_shows=asked, _summon=called)(world, par)
    assert asked.made == [(world.patient,)]
    assert all(one[0] is world.episode and one[1] is par.task for one in called.made)
    made: list[tuple[Any, ...]] = called.made
    return made


@pytest.mark.parametrize(("poss", "shows"), [(1, False), (2, False), (3, True), (4, True)])
def test_sedation_that_is_seen_shows_from_three_on(poss: int, shows: bool) -> None:
    world, _, _ = records()
    world.patient.poss_seen = poss
    assert bool(plainly(harm_shows)(world.patient)) is shows
    world.patient.poss, world.patient.poss_seen = poss, 1
    assert not plainly(harm_shows)(world.patient), "what nobody sees"
    world.patient.s_valid[:], world.patient.poss_seen = 0, poss
    assert bool(plainly(harm_shows)(world.patient)) is shows, "with no reading at all"


@pytest.mark.parametrize(
    ("k", "value", "valid", "shows"),
    [
        (RR, 7.9, 1, True), (RR, 8.0, 1, False), (RR, 8.1, 1, False), (RR, 7.9, 0, False), (RR, 0.0, 1, True),
        (SPO2, 89.9, 1, True), (SPO2, 90.0, 1, False), (SPO2, 90.1, 1, False), (SPO2, 89.9, 0, False), (SPO2, 0.0, 1, True),
    ],
)  # fmt: skip
def test_a_valid_reading_below_its_limit_shows(k: int, value: float, valid: int, shows: bool) -> None:
    world, _, _ = records()
    world.patient.s_value[k], world.patient.s_valid[k] = value, valid
    assert bool(plainly(harm_shows)(world.patient)) is shows
    world.patient.s_valid[:] = 0
    world.patient.s_valid[k] = valid
    assert bool(plainly(harm_shows)(world.patient)) is shows, "with no other reading"


@pytest.mark.parametrize("k", range(len(SENSORS)))
def test_no_other_sensor_counts(k: int) -> None:
    world, _, _ = records()
    world.patient.s_value[k] = 0.0
    assert bool(plainly(harm_shows)(world.patient)) is (k in (RR, SPO2))
    world.patient.s_value[:], world.patient.s_valid[:] = 0.0, 0
    world.patient.s_valid[k] = 1
    assert bool(plainly(harm_shows)(world.patient)) is (k in (RR, SPO2)), "the one valid reading"


def test_each_reading_has_the_validity_of_its_own() -> None:
    for low, other in ((RR, SPO2), (SPO2, RR)):
        world, _, _ = records()
        world.patient.s_value[low], world.patient.s_valid[low] = 1.0, 0
        assert not plainly(harm_shows)(world.patient)
        world.patient.s_valid[low], world.patient.s_valid[other] = 1, 0
        assert plainly(harm_shows)(world.patient)


def test_a_tick_replaces_what_its_place_held_a_day_ago() -> None:
    for before, shows, tick in itertools.product((0, 1), (False, True), (0, 1, 95, 96, 97, 191, 5 * 96 + 40)):
        world, par, _ = records(harm24=20)
        world.patient.tick = tick
        world.episode.harm[:] = 1 - before
        world.episode.harm[tick % DAY] = before
        then = world.episode.harm.copy()
        then[tick % DAY] = int(shows)
        assert not count(world, par, shows)
        assert world.episode.harm.tolist() == then.tolist(), (before, shows, tick)
        assert world.episode.harm24 == 20 + int(shows) - before, (before, shows, tick)


def test_the_count_is_that_of_the_last_96_ticks() -> None:
    world, par, _ = records()
    par.task.harm_call = 10_000
    last: deque[bool] = deque(maxlen=DAY)
    for tick, shows in enumerate(np.random.default_rng(4).random(3 * DAY + 11) < 0.4):
        world.patient.tick = tick
        last.append(bool(shows))
        assert not count(world, par, bool(shows))
        assert world.episode.harm24 == sum(last) == world.episode.harm.sum(), tick
    assert world.episode.called_harm == 0


def test_harm_calls_at_its_share_of_the_day_and_not_before() -> None:
    for ticks, shows, calls in (
        (46, True, False), (47, True, True), (48, True, True), (47, False, False), (48, False, True), (90, False, True),
    ):  # fmt: skip
        world, par, _ = records(harm24=ticks)
        world.patient.tick = 5
        assert count(world, par, shows) == ([(world.episode, par.task)] if calls else []), (ticks, shows)
        assert world.episode.called_harm == int(calls), (ticks, shows)


def test_ticks_with_harm_add_up_to_one_call_that_is_not_doubled() -> None:
    world, par, _ = records()
    world.patient.poss_seen = 3
    for tick in range(60):
        world.patient.tick = tick
        plainly(_count_harm)(world, par)
        calls = tick + 1 >= 48
        assert (world.episode.harm24, world.episode.called_harm) == (tick + 1, int(calls))
        assert world.episode.call_left == (24 if calls else 0)
        if tick + 1 == 48:
            world.episode.call_left = 24
    world.episode.call_left, world.patient.tick = 7, 60
    plainly(_count_harm)(world, par)
    assert (world.episode.call_left, world.episode.called_harm) == (7, 1)


@pytest.mark.parametrize(("measures", "poss"), [(0, 2), (0, 3), (5, 1), (5, 4)])
def test_who_comes_for_harm_stops_what_harms_and_counts_anew(measures: int, poss: int) -> None:
    for called, cuts, latched in itertools.product((0, 1), (False, True), (0, 1)):
        world, par, out = records(called_harm=called, harm24=50, judged=2)
        world.episode.harm[:50], world.episode.harm[95] = 1, 1
        world.patient.poss_seen, world.pump.latched = poss, latched
        given, stopped, out_of_cuts = Spy(), Spy(), Spy(cuts)
        changed = Changed(world=world, par=par, out=out)
        plainly(
            _come,
            measures_for=Spy(measures),
            give_rescue=given,
            stop_by_clinic=stopped,
            is_out_of_cuts=out_of_cuts,
        )(world, par, out)
        expected: dict[str, Any] = {
            "world.episode.present": 1,
            "world.episode.harm24": 0,
            "world.episode.harm": [0] * DAY,
            "out.visits": 1.0,
        }
        if called:
            expected["world.episode.called_harm"] = 0
        if measures:
            expected["out.rescues"] = 1.0
        stops = (measures > 0 or poss > 2) and (called == 1 or cuts) and latched == 0
        if stops:
            expected["world.episode.judged"] = 2 + STOPPED_PUMP
        assert changed() == expected, (called, cuts, latched)
        assert stopped.made == ([(world.pump, par.pump)] if stops else [])
        assert given.made == ([(par.patient, world.patient, measures)] if measures else [])
        assert out_of_cuts.made in ([], [(world.shield, world.received, par.shield)])
        assert called == 1 or out_of_cuts.made, "a lock at the lowest rate is asked for where harm did not call"


def test_harm_is_counted_once_a_tick_and_after_who_came() -> None:
    for harm_call, left, did in (
        (0, 0, []), (1, 0, ["count"]), (48, 0, ["count"]), (0, 1, ["come"]), (48, 1, ["come", "count"]), (48, 2, ["count"]),
    ):  # fmt: skip
        world, par, out = records(call_left=left)
        par.task.harm_call, par.task.refill_ml, par.task.refill_h = harm_call, -1.0, 24.0
        made: list[str] = []
        come, counted = Spy(lambda *_, m=made: m.append("come")), Spy(lambda *_, m=made: m.append("count"))
        plainly(attend, _come=come, _count_harm=counted, _rescue=Spy(), _refill=Spy())(world, par, out)
        assert made == did, (harm_call, left)
        assert counted.made == ([(world, par)] if "count" in did else [])
