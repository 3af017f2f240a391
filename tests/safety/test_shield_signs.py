"""Signs that came late: end-tidal CO2, the patient's own systolic pressure, and a shield that has seen nothing for an hour."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.safety import bits
from thecal.safety.invariants import Fallback

from support.shields import BIT, grown_up, parameters, tick

START = 2_000
BLIND = (-1, 970, 1)


def _shield(**more: object) -> tuple[np.void, np.void]:
    par = parameters(20_000, **more)  # type: ignore[arg-type]
    return grown_up(par, START), par


@pytest.mark.parametrize(("first", "second", "locked"), [(601, 601, 1), (601, 600, 0), (600, 600, 0), (601, -1, 0)])
def test_carbon_dioxide_locks_on_two_of_three_samples(first: int, second: int, locked: int) -> None:
    state, par = _shield()
    tick(state, par, START, co2=first)
    rate, _ = tick(state, par, START, co2=second)
    assert state["lock_resp"] == locked
    assert rate == (START // 2 if locked else START)


@pytest.mark.parametrize(("co2", "allowed"), [(501, (START, 0)), (500, (2_100, 1_000))])
def test_carbon_dioxide_warns_before(co2: int, allowed: tuple[int, int]) -> None:
    state, par = _shield()
    tick(state, par, START, co2=co2)
    assert tick(state, par, 2_100, 1_000, co2=co2) == allowed
    assert state["lock_resp"] == 0
    assert (state["binding"] == 1 << BIT["resp"]) == (co2 > 500)


def test_saturation_and_carbon_dioxide_confirm_each_other() -> None:
    state, par = _shield()
    tick(state, par, START, co2=650)
    tick(state, par, START, vitals=(140, 880, 1), co2=560)
    assert state["lock_resp"] == 1


def test_a_cannula_that_slips_is_no_recovery() -> None:
    state, par = _shield()
    tick(state, par, START, co2=490)
    assert tick(state, par, 2_100, 1_000, co2=289) == (START, 0)
    assert state["binding"] == bits.JUMP
    assert tick(state, par, 2_100, 1_000, co2=280) == (2_100, 1_000)


@pytest.mark.parametrize(("pressure", "rises"), [(1_049, False), (1_050, True)])
def test_a_fall_of_pressure_withholds_a_vasoactive_drug(pressure: int, rises: bool) -> None:
    for drug, free in (("bupivacaine", rises), ("morphine", True)):
        par = parameters(20_000, drugs=(drug,))
        state = grown_up(par, START, ticks=700)
        state["sbp_total"], state["sbp_count"] = 96 * 1_500, 96
        tick(state, par, START, sbp=pressure)
        assert (tick(state, par, 2_100, sbp=pressure)[0] == 2_100) == free
        assert (state["binding"] == bits.HEMODYNAMIC) != free


def test_the_patients_own_pressure_is_that_of_the_first_day() -> None:
    par = parameters(20_000)
    state = grown_up(par, START, ticks=0)
    for k in range(300):
        tick(state, par, START, sbp=-1 if k % 2 else 1_500 if k < 192 else 900)
    assert (state["sbp_total"], state["sbp_count"]) == (96 * 1_500, 96)


@pytest.mark.parametrize(("seen", "after"), [(1_900, 1_900), (2_000, 2_000), (2_200, 2_000)])
def test_a_blind_shield_goes_back_to_the_clinicians_rate(seen: int, after: int) -> None:
    state, par = _shield()
    state["baseline"] = seen
    for _ in range(4):
        assert tick(state, par, START, vitals=BLIND)[0] == START
    assert tick(state, par, 2_100, vitals=BLIND)[0] == after
    assert state["blind"] == 1
    assert state["violations"] & bits.STALE
    assert (state["fallback"] == Fallback.SAFE_BASAL) == (state["binding"] & bits.STALE > 0)
    # The first sample ends it; what was taken back is not given back by itself.
    assert tick(state, par, after)[0] == after
    assert (state["blind"], state["binding"]) == (0, 0)
