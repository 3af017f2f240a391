"""Monitored titration: a rise sooner than the interval needs fresh signs, an awake patient, quiet, and a settled dose."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.safety.invariants import Invariant

from support.shields import WELL, grown_up, parameters, tick

CONC, START = 10_000, 2_000
QUICK = {
    "quick_permille": 100, "quick_interval": 32, "quick_day_permille": 300, "quick_fresh": 2, "quick_quiet": 48,
    "quick_settle": 32, "quick_poss": 2, "quick_near_permille": 500,
}  # fmt: skip


def _shield(**changes: int) -> tuple[np.void, np.void]:
    """A shield that has just risen and then held for eight hours in a well patient."""
    par = parameters(CONC, **{**QUICK, **changes})
    state = grown_up(par, START)
    assert tick(state, par, 2_200)[0] == 2_200
    for _ in range(31):
        tick(state, par, 2_200)
    return state, par


def test_a_rise_sooner_keeps_step_and_interval() -> None:
    state, par = _shield()
    assert tick(state, par, 3_000)[0] == 2_200 + 220
    assert state["violations"] >> Invariant.INTERVAL & 1  # what was asked beyond waits for the interval
    for _ in range(31):
        assert tick(state, par, 3_000)[0] == 2_420
    assert tick(state, par, 2_500)[0] == 2_500
    assert state["binding"] == 0


def test_without_the_table_the_interval_stands() -> None:
    state, par = _shield(quick_permille=0)
    assert tick(state, par, 3_000)[0] == 2_200


@pytest.mark.parametrize(
    "spoiled",
    [
        {"rr_age": 2}, {"spo2_age": 2}, {"co2_age": 2}, {"bp_age": 2}, {"hr_age": 2}, {"calm": 46}, {"since_change": 31},
        {"since_increase": 31},
    ],
    ids=str,
)  # fmt: skip
def test_a_rise_sooner_needs_every_sign(spoiled: dict[str, int]) -> None:
    """One tick short of what each needs, with that tick's sample missing, the ordinary interval stands; a tick more suffices."""
    state, par = _shield()
    gone = {name: -1 for name in ("rr", "spo2", "co2") if f"{name}_age" in spoiled}
    gone |= {"sbp": -1, "map": -1} if "bp_age" in spoiled else {"hr": -1} if "hr_age" in spoiled else {}
    if "calm" in spoiled:
        par["quick_quiet"] = int(state["calm"]) + 2
    elif "since_change" in spoiled:
        par["quick_settle"] = int(state["since_change"]) + 1
    elif "since_increase" in spoiled:
        par["quick_interval"] = int(state["since_increase"]) + 1
    else:
        name = next(iter(spoiled))
        state[name] = 2
    vitals = (gone.pop("rr", WELL[0]), gone.pop("spo2", WELL[1]), 1)
    assert tick(state.copy(), par, 2_300, vitals=vitals, **gone)[0] == 2_200
    other = state.copy()
    if gone or vitals != WELL:
        other[next(iter(spoiled))] = 1
        assert tick(other, par, 2_300, vitals=vitals, **gone)[0] == 2_300  # within its freshness
    else:
        tick(other, par, 2_200)
        assert tick(other, par, 2_300)[0] == 2_300


@pytest.mark.parametrize(("poss", "rises"), [(1, True), (2, True), (3, False)])
def test_only_an_awake_patient_rises_sooner(poss: int, rises: bool) -> None:
    state, par = _shield()
    assert tick(state, par, 2_300, vitals=(140, 970, poss))[0] == (2_300 if rises else 2_200)


def test_capnography_counts_only_where_it_was_ever_seen() -> None:
    par = parameters(CONC, **QUICK)
    state = grown_up(par, START)
    state["co2_last"], state["co2_age"] = -1, 10_000
    state["since_increase"] = state["since_change"] = 40
    assert tick(state, par, 2_150, co2=-1)[0] == 2_150


def test_settling_counts_from_the_tick_of_the_read_back() -> None:
    """A command that was lost for three hours has had three hours less to show at the effect site."""
    par = parameters(CONC, **{**QUICK, "quick_interval": 16})
    state = grown_up(par, START)
    assert tick(state, par, 2_200)[0] == 2_200
    for _ in range(12):
        tick(state, par, 2_200, unverified=1)
    assert state["since_change"] == 1
    for _ in range(31):
        assert tick(state, par, 2_400)[0] == 2_200
    assert tick(state, par, 2_400)[0] == 2_400


def test_a_day_bounds_the_sum_of_small_rises() -> None:
    par = parameters(CONC, **QUICK)
    state = grown_up(par, START)
    rates = [tick(state, par, 10_000)[0]]
    assert rates[0] == 2_400  # the ordinary step, its interval long past
    for _ in range(95):
        rates.append(tick(state, par, 10_000)[0])
    # 2,640 would be the next step of a tenth, but 1.3 times the rate of the day before is 2,600.
    assert max(rates) == 2_600


def test_steps_shrink_towards_the_cap() -> None:
    """Cap 15 mg/d: from half of it on a step of a tenth shrinks in a line to none."""
    found = {}
    for start in (4_000, 7_500, 9_000, 12_000, 15_000, 15_460):
        par = parameters(CONC, **{**QUICK, "quick_day_permille": 1_000, "rise_permille": 10**5})
        state = grown_up(par, start)
        state["since_increase"] = 40  # sooner than the interval
        found[start] = tick(state, par, 10**6)[0] - int(state["rate_hist"][0])
    share = {start: rise / start for start, rise in found.items()}
    assert share[4_000] == pytest.approx(0.1, abs=0.003)
    near = {start: 97 * start * CONC / 15e9 for start in found}
    for start in (9_000, 12_000, 15_000):
        assert share[start] == pytest.approx(0.1 * (1 - near[start]) / 0.5, abs=0.003)
    assert found[15_460] == 0
    assert list(share.values()) == sorted(share.values(), reverse=True)


def test_a_signal_that_goes_stale_ends_it_at_once() -> None:
    state, par = _shield()
    for _ in range(3):
        tick(state, par, 2_200, vitals=(-1, 970, 1))
    assert state["quick_top"] == state["prev_rate"]
    assert tick(state, par, 2_300)[0] == 2_200  # back, but it must be quiet for a while again
