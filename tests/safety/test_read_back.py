"""Read-back: the ledger holds the larger of allowed and counted, and what can then not be held comes down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.safety.invariants import Invariant
from thecal.safety.records import WINDOW

from support.shields import WELL, fresh, grown_up, parameters, tick

CONC = 20_000  # pg/nL
START = 2_000  # nL per tick
MARK = 1 << Invariant.READ_BACK


def _mass(state: np.void) -> int:
    return int(state["ledger"][0].sum())


def test_what_the_pump_counts_beyond_is_booked() -> None:
    par = parameters(CONC)
    state = grown_up(par, START)
    before = _mass(state)
    tick(state, par, START, pumped_nl=START + 700)
    assert _mass(state) == before + 700 * CONC  # the tick that left held as much as the one that came
    assert state["dose24"][0] == 96 * START * CONC + 700 * CONC
    assert state["excess"] == WINDOW


@pytest.mark.parametrize("counted", [-1, 0, START - 1, START])
def test_what_the_pump_gave_less_is_not_taken_off(counted: int) -> None:
    par = parameters(CONC)
    state = grown_up(par, START)
    before = _mass(state)
    tick(state, par, START, pumped_nl=counted)
    assert _mass(state) == before
    assert state["excess"] == 0


def test_an_allowed_bolus_is_no_excess_however_long_it_runs() -> None:
    par = parameters(CONC)
    state = grown_up(par, START)
    assert tick(state, par, START, 1_000) == (START, 1_000)
    booked = _mass(state)
    for pumped, running in ((START + 300, 1), (START + 300, 1), (START + 400, 0)):
        tick(state, par, START, pumped_nl=pumped, bolus_running=running)
        assert (_mass(state), state["excess"]) == (booked, 0)
    assert state["owed"] == 0
    tick(state, par, START, pumped_nl=START + 1)
    assert _mass(state) == booked + CONC


def test_a_lost_bolus_does_not_hide_a_later_prime() -> None:
    par = parameters(CONC)
    state = grown_up(par, START)
    assert tick(state, par, START, 1_000) == (START, 1_000)
    booked = _mass(state)
    tick(state, par, START, pumped_nl=START)  # the pump says that none runs
    tick(state, par, START, pumped_nl=START + 900)
    assert _mass(state) == booked + 900 * CONC


def test_a_rate_that_cannot_be_held_comes_down_below_the_floor() -> None:
    """The day's dose and the excess leave 1,200 nL for the coming tick: so much runs, and no bolus."""
    par = parameters(CONC)
    state = grown_up(par, START)
    cap = int(par["cap_pg"][0])
    extra = cap // CONC - 96 * START - 1_200
    rate, bolus = tick(state, par, START + 100, 1_000, pumped_nl=START + extra)
    assert (bolus, state["violations"] & MARK) == (0, MARK)
    assert rate == _largest(state, par, cap) == 1_200  # the withdrawal floor of 1,600 gives way to the cap


def _largest(state: np.void, par: np.void, cap: int) -> int:
    """The largest rate on the grid that keeps every coming window under the cap, by trying all of them."""
    ledger = state["ledger"][0][:-1]  # before this tick's entry
    for rate in range(START, 0, -int(par["rate_step"])):
        entries = np.concatenate((ledger, np.full(WINDOW, rate * CONC)))
        windows = np.convolve(entries, np.ones(WINDOW, np.int64), "valid")
        if windows.max() <= cap:
            return max(rate, int(par["min_rate"]))
    return int(par["min_rate"])


def test_a_gram_in_one_tick_leaves_the_pumps_lowest_for_a_day() -> None:
    par = parameters(CONC)
    state = grown_up(par, START)
    assert tick(state, par, START, pumped_nl=10**6)[0] == 500
    for _ in range(WINDOW - 2):
        assert tick(state, par, 600, 1_000) == (500, 0)
        assert state["excess"] > 0
    for _ in range(10):
        tick(state, par, 600)
    assert state["excess"] == 0
    assert state["prev_rate"] == 600  # once the window has passed the ordinary rules hold


def test_an_unverified_command_withholds_rises() -> None:
    par = parameters(CONC)
    state = grown_up(par, START)
    assert tick(state, par, 2_100, 1_000, unverified=1) == (START, 0)
    assert state["holds"] & MARK
    assert tick(state, par, 1_900, unverified=1)[0] == 1_900  # a fall stays free


@given(
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 2_000), st.integers(0, 60_000)), min_size=1, max_size=150),
    st.integers(0, 1),
)
def test_the_day_stays_under_the_cap_but_for_the_device(ticks: list[tuple[int, int, int]], verified: int) -> None:
    """Whatever the pump adds: every window lies under the cap, or everything allowed in it after the excess was the lowest."""
    par = parameters(CONC)
    state = fresh(par, START)
    cap, entries, allowed = int(par["cap_pg"][0]), [0] * WINDOW, [START]
    last = 0
    for rate, bolus, extra in ticks:
        counted = last + (extra if extra > 40_000 and last else 0)
        given_rate, given_bolus = tick(state, par, rate, bolus, pumped_nl=counted, unverified=1 - verified, vitals=WELL)
        entries[-1] = max(entries[-1], counted * CONC)
        entries.append((given_rate + given_bolus) * CONC)
        allowed.append(given_rate)
        if sum(entries[-WINDOW:]) > cap:
            assert (given_rate, given_bolus) == (min(500, allowed[-2]), 0)
        last = given_rate + given_bolus
    assert state["dose24"][0] == sum(entries[-WINDOW + 1 :])
