"""What the shield receives beyond vital signs: each input withholds rises, boluses or both, says so, and lets go again."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.safety.invariants import Fallback, Invariant, names

from support.shields import grown_up, parameters, tick

# input and value, the invariant, whether rises and boluses are withheld, and a value that withholds nothing
INPUTS = [
    ("skew_s", 91, Invariant.CLOCK, True, True, 90),
    ("skew_s", -91, Invariant.CLOCK, True, True, -90),
    ("stopped", 1, Invariant.STOPPED, True, True, 0),
    ("mri", 1, Invariant.MRI, True, True, 0),
    ("bridging", 1, Invariant.BRIDGE, True, True, 0),
    ("weakness", 3, Invariant.NEURO_LOCK, True, True, 2),
    ("confusion", 4, Invariant.NEURO_LOCK, True, True, 2),
    ("fill_age", 8_767 * 4, Invariant.STABILITY, True, False, 90),
    ("battery", 1, Invariant.BATTERY, True, False, 0),
    ("battery", 2, Invariant.BATTERY, True, True, 0),
    ("since_refill", 95, Invariant.POST_REFILL, True, False, 96),
    ("since_refill", 15, Invariant.POST_REFILL, True, True, 96),
    ("residual", 146, Invariant.VOLUME_BALANCE, True, False, 145),
    ("residual", -146, Invariant.VOLUME_BALANCE, True, False, -145),
    ("bolus_running", 1, Invariant.BOLUS_EXCLUSIVE, False, True, 0),
    ("alarms", 1, Invariant.BOLUS_EXCLUSIVE, False, True, 0),
    ("unverified", 1, Invariant.READ_BACK, True, True, 0),
]


@pytest.mark.parametrize(("name", "value", "invariant", "rises", "boluses", "harmless"), INPUTS)
def test_an_input_withholds_what_it_should(
    name: str, value: int, invariant: Invariant, rises: bool, boluses: bool, harmless: int
) -> None:
    par = parameters(20_000)
    for received, withheld in ((value, True), (harmless, False)):
        state = grown_up(par)
        rate, bolus = tick(state, par, 2_100, 1_000, **{name: received})
        assert rate == (2_000 if rises and withheld else 2_100)
        assert bolus == (0 if boluses and withheld else 1_000)
        assert (invariant.name.lower() in names(int(state["binding"]))) == withheld
        state = grown_up(par)
        assert tick(state, par, 1_900, **{name: received})[0] == 1_900, "a fall is never withheld"


def test_low_pressure_withholds_only_vasoactive_drugs() -> None:
    for drugs, conc, rises in (
        (("morphine",), 20_000.0, True),
        (("morphine", "bupivacaine"), (5_000.0, 5_000.0), False),
    ):
        for low in ({"sbp": 899}, {"map": 599}, {"hr": 499}):
            par = parameters(conc, drugs=drugs)
            state = grown_up(par)
            tick(state, par, 2_000, **low)
            assert (tick(state, par, 2_050, **low)[0] == 2_050) == rises, low


def test_one_low_pressure_does_not_withhold() -> None:
    par = parameters((5_000.0, 5_000.0), drugs=("morphine", "bupivacaine"))
    state = grown_up(par)
    assert tick(state, par, 2_050, sbp=700)[0] == 2_050


def test_a_bolus_leaves_a_day_and_the_reserve_in_the_reservoir() -> None:
    par = parameters(20_000)
    need = 2_000_000 + 96 * 2_000
    for left, given in ((need + 1_000, 1_000), (need + 999, 900), (need, 0), (0, 0)):
        state = grown_up(par)
        assert tick(state, par, 2_000, 1_000, reservoir_nl=left) == (2_000, given)
        assert ("reservoir" in names(int(state["binding"]))) == (given < 1_000)


def test_a_motionless_rate_is_stale_a_leap_to_health_doubted() -> None:
    par = parameters(20_000, flat=4, rr_jump=100, spo2_jump=150)
    state = grown_up(par)
    state["rr_same"] = 0
    rises = [tick(state, par, 2_010, vitals=(140, 970, 1))[0] for _ in range(5)]
    assert rises[0] == 2_010
    state["prev_rate"], state["since_increase"] = 2_000, 10_000
    assert tick(state, par, 2_010, vitals=(140, 970, 1))[0] == 2_000
    assert "stale" in names(int(state["binding"]))
    assert tick(state, par, 2_010, vitals=(141, 970, 1))[0] == 2_010
    state = grown_up(par)
    state["rr_last"] = 60
    assert tick(state, par, 2_010, vitals=(161, 970, 1))[0] == 2_000
    assert "implausible" in names(int(state["binding"]))
    state["rr_last"] = 300
    assert tick(state, par, 2_010, vitals=(141, 970, 1))[0] == 2_010, "a leap down is believed"


def test_sedation_soon_after_a_refill_counts_as_a_pocket_fill() -> None:
    par = parameters(20_000)
    state = grown_up(par)
    assert tick(state, par, 2_000, vitals=(140, 970, 3), since_refill=15)[0] == 500
    assert state["fallback"] == Fallback.MINRATE
    state = grown_up(par)
    assert tick(state, par, 2_000, vitals=(140, 970, 3), since_refill=16)[0] == 2_000


def test_after_a_day_without_delivery_the_dose_restarts_low() -> None:
    par = parameters(20_000)
    for gap, rate in ((96, 2_000), (97, 1_000)):
        state = grown_up(par)
        for _ in range(gap):
            assert tick(state, par, 2_000, stopped=1)[0] == 2_000
        assert tick(state, par, 2_000)[0] == rate
        assert ("restart" in names(int(state["binding"]))) == (gap > 96)
    assert tick(state, par, 2_000)[0] <= 1_200, "missed dose is not caught up"


def test_three_unusable_requests_end_automation_until_a_look() -> None:
    par = parameters(20_000)
    state = grown_up(par)
    for _ in range(2):
        tick(state, par, 0, valid=0)
    assert tick(state, par, 2_010)[0] == 2_010
    state = grown_up(par)
    for _ in range(3):
        tick(state, par, 0, valid=0)
    assert tick(state, par, 2_100, 1_000) == (2_000, 0)
    assert "finite" in names(int(state["binding"]))
    assert tick(state, par, 1_900)[0] == 1_900
    assert tick(state, par, 1_910, clear=1)[0] == 1_910


@pytest.mark.parametrize(("valid", "name"), [(0, "finite"), (-1, "units"), (-2, "command")])
def test_an_unusable_request_says_why(valid: int, name: str) -> None:
    par = parameters(20_000)
    state = grown_up(par)
    assert tick(state, par, 9_999_999, 9_999, valid=valid) == (2_000, 0)
    assert names(int(state["binding"])) == [name]
    assert state["fallback"] == Fallback.HOLD


def test_the_lease_ends_in_the_clinicians_rate_and_never_higher() -> None:
    par = parameters(20_000)
    state = grown_up(par)
    assert tick(state, par, 2_000, clear=1) == (2_000, 0)
    tick(state, par, 2_200)
    rates = [tick(state, par, 0, valid=0)[0] for _ in range(96)]
    assert rates[94] == 2_200
    assert rates[95] == 2_000
    assert state["fallback"] == Fallback.SAFE_BASAL
    state["baseline"] = 5_000
    assert tick(state, par, 0, valid=0)[0] == 2_000


@pytest.mark.parametrize(
    ("stage", "confirms", "up", "down", "bolus"),
    [(0, 0, 2_000, 2_000, 0), (0, 1, 2_000, 2_000, 0), (1, 0, 2_000, 2_000, 1_000), (1, 1, 2_100, 1_900, 1_000),
     (2, 0, 2_000, 1_900, 1_000), (3, 0, 2_100, 1_900, 1_000)],
)  # fmt: skip
def test_an_agent_acts_as_far_as_its_stage(stage: int, confirms: int, up: int, down: int, bolus: int) -> None:
    par = parameters(20_000, stage=stage)
    for clear in (0, 1):  # somebody who is there has not confirmed anything
        assert tick(grown_up(par), par, 2_100, 1_000, clear=clear, confirms=confirms) == (up, bolus)
        assert tick(grown_up(par), par, 1_900, clear=clear, confirms=confirms)[0] == down


def test_thirteen_weeks_of_rises_without_relief_end_the_rises() -> None:
    par = parameters(20_000, escalation_permille=500)
    week = 7 * 96
    for then, now, rises in ((60, 60, False), (60, 59, True), (-1, 60, True), (60, -1, True)):
        state = grown_up(par, start=3_000)
        state["ticks"] = 13 * week
        state["week_rate"], state["week_nrs"] = 2_000, then
        state["rate_hist"] = 3_000
        assert (tick(state, par, 3_010, nrs=now)[0] == 3_010) == rises
    state["week_rate"], state["week_nrs"] = 2_010, 60
    assert tick(state, par, 3_010, nrs=60)[0] == 3_010


def test_sedatives_halve_the_caps_and_opioids_share_one() -> None:
    alone, beside = parameters(20_000), parameters((20_000.0, 900.0), drugs=("morphine", "clonidine"))
    assert beside["cap_pg"][0] * 2 == alone["cap_pg"][0]
    assert beside["n_caps"] == 2


def test_two_opioids_keep_the_cap_of_their_morphine_equivalent() -> None:
    from thecal.safety.parameters import shield_parameters
    from thecal.safety.profiles import load_profile

    from support.shields import ENVELOPE, drive, fresh

    wide = load_profile("research_wide")
    par = shield_parameters(
        wide, drugs=("hydromorphone", "morphine"), conc_ug_per_ml=(2_000.0, 10_000.0), setting="cancer", **ENVELOPE
    )
    assert par["n_caps"] == 3
    assert par["conc"][2] == 22_000
    par["flat"] = par["flat_other"] = par["rise_permille"] = 10**6
    assert fresh(par, 500)["prev_rate"] == 500
    run = drive(par, 3_000, np.full(4_000, 2**40), np.zeros(4_000))
    assert 0.97 * 30e9 < 96 * run.rates[-1] * 22_000 <= 30e9
