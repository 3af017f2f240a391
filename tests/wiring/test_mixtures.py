"""A refill and a change of mixture: what is checked, filled, measured and put in force, and which mixtures can be held."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.envs import visits
from thecal.envs.kernel.records import STEP_OUT, WORLD, WORLD_PAR
from thecal.envs.visits import _choose_mixture, _programmed, _refill, can_hold
from thecal.safety.records import SHIELD_PAR, SHIELD_STATE

from support.kernel_copies import Changed, Spy, blank, plainly

MONTH = 28 * 96
DAY = 97  # ticks that a window of 24 h touches


def records() -> tuple[Any, Any, Any]:
    """A patient with two drugs in a pump that is due for a refill."""
    world, par, out = blank(WORLD), blank(WORLD_PAR), blank(STEP_OUT)
    world.pump.label_conc[:2] = 9_000.0, 400.0
    world.pump.refills, world.pump.commanded_ml = 3, 41.5
    world.episode.since_mixture = 9
    par.ordered_conc[:2], par.most_conc[:2], par.pump.capacity_ml = (10_000.0, 500.0), (20_000.0, 600.0), 40.0
    par.patient.n_drugs, par.patient.seed, par.patient.patient = 2, 77, 15
    out.visits, out.order_faults = 2.0, 1
    return world, par, out


def refilled(world: Any, par: Any, out: Any, **instead: Any) -> tuple[dict[str, Any], dict[str, Spy]]:
    """What one refill visit changes, and what it calls."""

    def fill(*_: Any) -> tuple[float, float]:
        world.pump.refills += 1
        return 3.5, 4.5

    calls = {
        "_choose_mixture": Spy(), "clinic_refill": Spy(fill), "normals": Spy((0.6, 0.7, 0.8, 0.9)), "see_refill": Spy(),
        **instead,
    }  # fmt: skip
    changed = Changed(world=world, par=par, out=out)
    plainly(_refill, **calls)(world, par, out)
    return changed(), calls


def test_a_refill_checks_fills_and_measures_what_was_ordered() -> None:
    world, par, out = records()
    order = Spy(0)
    changed, calls = refilled(world, par, out, order_bits=order)
    assert changed == {"world.pump.refills": 4, "out.visits": 3.0}
    assert calls["_choose_mixture"].made == [(world, par)]
    ordered = par.ordered_conc
    assert order.made == [(ordered, ordered, world.pump.label_conc, par.most_conc, 2, 1, 1, 0)]
    assert calls["clinic_refill"].made == [(world.fault, par.fault, world.pump, par.pump, 40.0, ordered)]
    assert calls["normals"].made == [(77, 15, 12, 16_777_216 + 4)], "a stream of its own, and of it the upper numbers"
    assert calls["see_refill"].made == [(world.monitor, par.monitor, 3.5, 4.5, 41.5, 0.6)]


def test_an_order_that_is_refused_fills_and_measures_nothing() -> None:
    world, par, out = records()
    changed, calls = refilled(world, par, out)
    assert changed == {"out.order_faults": 1 | 128}, "programmed as before, at another strength"
    assert not calls["clinic_refill"].made + calls["see_refill"].made
    world.episode.since_mixture = 0
    assert refilled(world, par, out)[0]["out.visits"] == 3.0, "programmed at this visit"
    changed, _ = refilled(world, par, out, order_bits=Spy(6))
    assert changed == {"out.order_faults": 1 | 128 | 6}


def test_the_pump_is_programmed_anew_with_a_new_mixture_only() -> None:
    for since, label in ((0, False), (1, True), (MONTH, True)):
        world, par, _ = records()
        world.episode.since_mixture = since
        assert plainly(_programmed)(world, par) is (world.pump.label_conc if label else par.ordered_conc)


def test_a_mixture_is_chosen_when_it_may_and_can_be_held() -> None:
    for asked, now, since, holds, chosen in (
        (2, 1, MONTH, True, True), (2, 1, MONTH + 1, True, True), (2, 1, MONTH - 1, True, False), (2, 2, MONTH, True, False),
        (3, 1, MONTH, True, False), (1, 2, MONTH, True, True), (2, 1, MONTH, False, False), (0, 1, MONTH, True, True),
    ):  # fmt: skip
        world, par, _ = records()
        par.task.n_mixtures = 3
        episode = world.episode
        episode.mixture, episode.mixture_asked, episode.since_mixture = now, asked, since
        old = par.shield, par.ordered_conc
        held = Spy(holds)
        plainly(_choose_mixture, can_hold=held)(world, par)
        new = (par.mixture[asked].shield, par.mixture[asked].ordered) if chosen else old
        assert (par.shield is new[0], par.ordered_conc is new[1]) == (True, True), (asked, now, since)
        assert (episode.mixture, episode.since_mixture) == ((asked, 0) if chosen else (now, since))
        for state, limits, others in held.made:
            assert (state is world.shield, limits is old[0], others is par.mixture[asked].shield) == (True, True, True)


def test_a_month_is_28_days_of_ticks_of_a_quarter() -> None:
    assert visits._MONTH == MONTH


def holding(rate: int, ledger: np.ndarray, conc: int, cap: int, before: int = 1_000, rise: int = 9_000) -> Any:
    """A shield's memory with one drug, and the limits before and after a change of its concentration."""
    state, now, then = blank(SHIELD_STATE), blank(SHIELD_PAR), blank(SHIELD_PAR)
    state.prev_rate, now.n_drugs, now.n_caps, then.n_drugs, then.n_caps = rate, 1, 1, 1, 1
    state.ledger[0], state.dose24[0] = ledger, ledger[1:].sum()
    now.conc[0], then.conc[0], then.cap_pg[0], then.rise_permille = before, conc, cap, rise
    now.rise_permille = 2 * rise
    return state, now, then


def test_the_largest_window_of_24_h_decides_to_the_picogram() -> None:
    ticks = np.arange(DAY)
    for rate, ledger in (
        (10, 1_000 * (DAY - ticks)),  # falls off: the largest window begins with the change
        (800, 10 * ticks),  # the coming rate is the largest: a whole day of it
        (300, np.where(ticks < 40, 1_000, 900_000)),
        (700, np.where((ticks > 20) & (ticks < 60), 1_900_000, 0)),
        (0, np.full(DAY, 5_000)),
    ):
        past = [int(one) for one in ledger]
        sums = [sum(past[k:]) + k * rate * 1_500 for k in range(1, DAY + 1)]
        assert len(sums) == DAY
        for cap, holds in ((max(sums), True), (max(sums) - 1, False), (max(sums) + 1, True)):
            assert plainly(can_hold)(*holding(rate, ledger, 1_500, cap)) is holds, (rate, cap - max(sums))


def test_no_drug_may_rise_by_more_than_28_days_allow() -> None:
    for conc, rise, holds in (
        (1_500, 500, True),
        (1_501, 500, False),
        (900, 0, True),
        (1_000, 0, True),
        (1_001, 0, False),
    ):
        case = holding(100, np.zeros(DAY, np.int64), conc, 10**12, rise=rise)
        assert plainly(can_hold)(*case) is holds, (conc, rise)


def test_every_cap_is_kept_and_a_sum_of_drugs_has_no_rise() -> None:
    for cap, conc, n_drugs, holds in (
        (10**9, 300, 1, True), (97 * 30_000, 300, 1, True), (97 * 30_000 - 1, 300, 1, False), (10**9, 300, 2, False),
        (10**9, 150, 2, True), (10**9, 151, 2, False),
    ):  # fmt: skip
        state, now, then = holding(100, np.zeros(DAY, np.int64), 1_500, 10**12, rise=500)
        then.n_caps, then.n_drugs = 2, n_drugs
        now.conc[1], then.conc[1], then.cap_pg[1] = 100, conc, cap
        assert plainly(can_hold)(state, now, then) is holds, (cap, conc, n_drugs)
        then.n_caps = then.n_drugs = 1
        assert plainly(can_hold)(state, now, then) is True
