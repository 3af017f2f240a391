"""The auditor by trajectories written by hand: for every rule the smallest breach is found, and its limit itself is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thecal.safety import oracle
from thecal.safety.bits import CAP
from thecal.safety.profile_schema import DRUG_LIMITS, DRUG_OPTIONS, LIMITS, MONITORED, SETTINGS

from support.trajectories import START, Trajectory

T = 1_000  # the tick at which something happens: after the first intervals, and after a week's exposure
LATE = 3_000


def test_a_patient_who_is_held_breaks_nothing() -> None:
    found = Trajectory().judged()
    assert found.breaches == []
    assert (found.ticks, found.patients) == (1_200, 1)


def test_what_is_allowed_is_no_breach() -> None:
    assert Trajectory().rate(T, 2_400).bolus(T, T + 16, T + 32, T + 48).broken() == set()


# An input, the value that withholds, the last that does not, and the invariant: of rises and boluses, rises, boluses.
BOTH = [
    ("skew_s", 91, 90, 4), ("skew_s", -91, -90, 4), ("weakness", 3, 2, 22), ("confusion", 3, 2, 22), ("stopped", 1, 0, 27),
    ("mri", 1, 0, 28), ("bridging", 1, 0, 30), ("poss", 3, 2, 20),
]  # fmt: skip
RISES = [
    ("fill_age", 8_001, 8_000, 26), ("battery", 1, 0, 29), ("unverified", 1, 0, 42),
    ("since_refill", 95, 96, 32), ("residual", 146, 145, 34),
    ("residual", -146, -145, 34),
]  # fmt: skip
BOLUSES = [
    ("bolus_running", 1, 0, 18), ("alarms", 4, 0, 18), ("unverified", 1, 0, 18), ("since_refill", 15, 16, 15),
    ("reservoir_nl", 2_000_000 + 96 * START + 999, 2_000_000 + 96 * START + 1_000, 25),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad", "good", "invariant"), [*BOTH, *RISES])
def test_an_input_withholds_a_rise(name: str, bad: int, good: int, invariant: int) -> None:
    assert Trajectory().rate(T, 2_100).received(T, **{name: bad}).broken() == {invariant}
    assert Trajectory().rate(T, 2_100).received(T, **{name: good}).broken() == set()
    withheld = Trajectory().received(T, **{name: bad})
    withheld.rows["request"][T] = 2_100
    assert withheld.judged().breaches == [], "withheld"
    assert withheld.judged().tested[invariant] >= 1


@pytest.mark.parametrize(("name", "bad", "good", "invariant"), [*BOTH, *BOLUSES])
def test_an_input_withholds_a_bolus(name: str, bad: int, good: int, invariant: int) -> None:
    also = {18} if name == "stopped" else set()  # a pump that stands shows an alarm
    assert Trajectory().bolus(T).received(T, **{name: bad}).broken() == {invariant} | also
    assert Trajectory().bolus(T).received(T, **{name: good}).broken() == set()


def test_a_spent_battery_stops_the_pump_with_an_alarm() -> None:
    assert Trajectory().bolus(T).received(T, battery=2).broken() == {18, 27, 29}
    assert Trajectory().rate(T, 2_100).received(T, battery=2).broken() == {27, 29}
    assert Trajectory().bolus(T).received(T, battery=1).broken() == {18}


# A vital sign, the value that counts, the last that does not.
SIGNS = [("rr", 99, 100), ("spo2", 919, 920), ("co2", 501, 500)]


@pytest.mark.parametrize(("sign", "bad", "good"), SIGNS)
def test_two_of_three_samples_warn(sign: str, bad: int, good: int) -> None:
    def risen(first: int, second: int) -> set[int]:
        return Trajectory().rate(T, 2_100).received(T - 2, **{sign: first}).received(T, **{sign: second}).broken()

    assert risen(bad, bad) == {19}
    assert risen(bad, good) == risen(good, good) == set()


@pytest.mark.parametrize(("sign", "bad", "good"), [("rr", 79, 80), ("spo2", 899, 900), ("co2", 601, 600)])
def test_depression_halves_the_rate_until_a_clinician_clears_it(sign: str, bad: int, good: int) -> None:
    assert Trajectory().received(T, 2, **{sign: bad}).broken() == {19}
    assert Trajectory().received(T, 2, **{sign: good}).broken() == set()
    halved = Trajectory().received(T, 2, **{sign: bad}).rate(T + 1, 1_000)
    assert halved.broken() == set()
    assert halved.bolus(T + 20).broken() == {19}
    # Seen by a clinician before the watch of 24 h is over, then after it.
    for seen, broken in ((T + 96, {19}), (T + 97, set[int]())):
        opened = Trajectory().received(T, 2, **{sign: bad}).rate(T + 1, 1_000).received(seen, clear=1).rate(seen, 1_100)
        assert opened.broken() == broken


def test_deep_sedation_locks_and_a_pocket_fill_leaves_the_least() -> None:
    assert Trajectory().received(T, poss=4).broken() == {19}
    assert Trajectory().received(T, poss=4).rate(T, 1_000).broken() == set()
    assert Trajectory().received(T, poss=3, since_refill=15).rate(T, 1_000).broken() == {19}
    assert Trajectory().received(T, poss=3, since_refill=15).rate(T, 500).broken() == set()
    assert Trajectory().received(T, poss=3, since_refill=16).broken() == set()


def test_pressure_withholds_with_a_vasoactive_drug_only() -> None:
    for sign, low, enough in (("sbp", 899, 900), ("map", 599, 600), ("hr", 499, 500)):
        for drugs, broken in ((("bupivacaine",), {21}), (("morphine",), set[int]())):
            risen = Trajectory(drugs=drugs).rate(T, 2_100)
            assert risen.received(T - 1, 2, **{sign: low}).broken() == broken
            assert risen.received(T - 1, 2, **{sign: enough}).broken() == set()


def test_pressure_is_also_held_against_the_patients_own() -> None:
    def risen(pressure: int) -> set[int]:
        patient = Trajectory(drugs=("bupivacaine",)).received(0, 96, sbp=1_500).rate(T, 2_100)
        return patient.received(T - 1, 2, sbp=pressure).broken()

    assert risen(1_049) == {21}
    assert risen(1_050) == set()


def test_signals_that_are_old_stand_still_or_leap_withhold() -> None:
    for missing, broken in ((3, {23}), (2, set[int]())):
        assert Trajectory().rate(T, 2_100).received(T - missing + 1, missing, spo2=-1).broken() == broken
    for still, broken in ((5, {23}), (4, set[int]())):
        assert Trajectory().rate(T, 2_100).received(T - still + 1, still, rr=133).broken() == broken
    for sign, low, high in (("rr", 110, 211), ("spo2", 949, 1_100), ("co2", 490, 289)):
        step = 1 if high > low else -1
        assert Trajectory().rate(T, 2_100).received(T - 1, **{sign: low}).received(T, **{sign: high}).broken() == {24}
        assert (
            Trajectory().rate(T, 2_100).received(T - 1, **{sign: low}).received(T, **{sign: high - step}).broken()
            == set()
        )


def test_a_blind_shield_goes_back_to_what_the_clinician_saw() -> None:
    def raised() -> Trajectory:
        return Trajectory().received(10, clear=1).rate(T, 2_100)

    assert raised().received(T + 1, 5, rr=-1).broken() == {23}
    assert raised().received(T + 1, 4, rr=-1).broken() == set()
    assert raised().received(T + 1, 5, rr=-1).rate(T + 5, 2_000).broken() == set()


def test_a_lapsed_lease_goes_back_to_what_the_clinician_saw() -> None:
    for silent, broken in ((96, {39}), (95, set[int]())):
        assert Trajectory().received(10, clear=1).rate(T, 2_100).asked(T + 1, silent, 2).broken() == broken
    back = Trajectory().received(10, clear=1).rate(T, 2_100).asked(T + 1, 96, 2).rate(T + 96, 2_000)
    assert back.broken() == set()
    assert back.judged().tested[39] == 0, "what runs is what was seen"


def test_nobody_asked_and_nothing_usable_rise_nothing() -> None:
    assert Trajectory().rate(T, 2_100).asked(T, 1, 2).broken() == {39}
    for valid, invariant in ((0, 1), (-1, 2), (-2, 3), (7, 1)):
        assert Trajectory().rate(T, 2_100).asked(T, 1, valid).broken() == {invariant}
        assert Trajectory().bolus(T).asked(T, 1, valid).broken() == {invariant}


def test_three_unusable_requests_end_automation_until_a_look() -> None:
    assert Trajectory().rate(T, 2_100).asked(T - 5, 3, 0).broken() == {1}
    assert Trajectory().rate(T, 2_100).asked(T - 5, 2, 0).broken() == set()
    assert Trajectory().rate(T, 2_100).asked(T - 5, 3, 0).received(T - 1, clear=1).broken() == set()


def test_stages() -> None:
    for stage, rise, bolus in (("advise", {40}, {40}), ("confirm", {40}, set[int]()), ("lower", {40}, set[int]())):
        assert Trajectory(stage=stage).rate(T, 2_100).broken() == rise
        assert Trajectory(stage=stage).bolus(T).broken() == bolus
    assert Trajectory(stage="confirm").rate(T, 2_100).received(T, confirms=1).broken() == set()
    assert Trajectory(stage="confirm").rate(T, 2_100).received(T, clear=1).broken() == {40}, "to be there is no word"


def test_caps_on_the_minute_grid_and_the_civil_day() -> None:
    # 15 mg of 10 mg/mL are 1.5 mL; 97 ticks touch a window of 24 h that begins or ends within a tick.
    assert Trajectory(start=15_620).broken() == set()
    assert Trajectory(start=15_630).broken() == {6, 7}
    found = Trajectory(start=15_620).bolus(T, size=500).judged()
    assert {breach[0] for breach in found.breaches} == {6, 7}
    assert found.margins[6] == pytest.approx(-0.0, abs=1e-3)


def test_depressants_halve_the_caps_and_opioids_count_together() -> None:
    for spoil in ({"sedated": True}, {"drugs": ["morphine", "clonidine"], "conc_ug_per_ml": [10_000.0, 10.0]}):
        half = Trajectory(start=7_820)
        half.who.update(spoil)
        assert half.broken() == {6, 7}
        half.rows["violations"][T] = CAP
        assert half.judged().tested[10] == 1
    two = Trajectory(start=7_820, drugs=("morphine", "hydromorphone"), conc=(10_000.0, 2_000.0))
    assert two.broken() == {9, 7}, "neither alone is over its cap"


def test_concentration() -> None:
    assert Trajectory(conc=(20_001.0,), start=1_000).broken() == {8}


def test_the_envelope_of_the_pump() -> None:
    for bad in (
        Trajectory().rate(T, 1_995), Trajectory().bolus(T, size=1_050), Trajectory().bolus(T, size=-100),
        Trajectory(conc=(100.0,), start=250_010), Trajectory(conc=(100.0,), start=249_500).bolus(T, size=600),
    ):  # fmt: skip
        assert bad.broken() == {5}
    assert Trajectory(start=600).rate(100, 490).broken() == {5}
    assert Trajectory(start=600).rate(100, 500).broken() == set()
    assert Trajectory(conc=(100.0,), start=249_500).bolus(T, size=500).broken() == set()


def test_steps_intervals_and_the_rise_over_28_days() -> None:
    assert Trajectory().rate(T, 2_410).broken() == {11}
    assert Trajectory().rate(T, 2_100).rate(T + 95, 2_200).broken() == {12}
    assert Trajectory().rate(T, 2_100).rate(T + 96, 2_200).broken() == set()
    assert Trajectory().rate(95, 2_100).broken() == {12}, "the start of therapy is a change"
    slow = Trajectory(ticks=LATE, setting="noncancer")
    for week, rate in enumerate((2_400, 2_880, 3_000)):
        slow.rate(700 + 672 * week, rate)
    assert slow.broken() == set()
    assert slow.rate(700 + 672 * 2, 3_010).broken() == {41}
    zico = Trajectory(ticks=2_000, drugs=("ziconotide",), conc=(25.0,), start=1_000).rate(T, 1_200)
    assert zico.broken() == set()
    assert zico.rate(T + 671, 1_400).broken() == {12}, "seven days"
    fast = Trajectory(drugs=("ziconotide",), conc=(100.0,), start=1_000)
    assert fast.rate(T, 1_060).broken() == {11}, "more than 0.5 ug a day"


def test_a_rise_waits_until_the_last_has_passed_the_catheter() -> None:
    # 0.25 mL at 2,000 nL a tick need 125 ticks, at 2,100 nL 120.
    def risen(first: int, second: int) -> set[int]:
        patient = Trajectory().rate(first, 2_100).rate(second, 2_200)
        patient.limits["titration.transits"] = 1.0
        return patient.broken()

    assert risen(125, 245) == set()
    assert risen(124, 300) == {12}, "the start of therapy is a change"
    assert risen(125, 244) == {12}


def test_the_auditor_reads_every_limit_there_is() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(oracle.__file__).parent.glob("oracle*.py"))
    named = {key: f".{key}" for key in (*DRUG_LIMITS, *DRUG_OPTIONS)}
    for key in LIMITS:
        head, _, rest = key.partition(".")
        named[key] = f"}}.{rest}" if head in SETTINGS else key
    named |= {key: key for key in MONITORED}
    unread = {key for key, words in named.items() if words not in text and f'"{words.lstrip(".")}"' not in text}
    before = {"command.age", "start", "oral_ratio", "start_naive", "classes_before"}
    assert unread == before, "kept before there is a trail"


def test_withdrawal_floor() -> None:
    assert Trajectory().rate(T, 1_600).broken() == set()
    assert Trajectory().rate(T, 1_590).broken() == {13}
    assert Trajectory().rate(T, 1_600).rate(T + 95, 1_590).broken() == {13}
    assert Trajectory().rate(T, 1_600).rate(T + 97, 1_280).broken() == set()
    assert Trajectory().rate(600, 500).broken() == set(), "not yet exposed"


def test_boluses() -> None:
    assert Trajectory().bolus(T, T + 15).broken() == {15}
    assert Trajectory().bolus(*range(T, T + 96, 20)).broken() == {16}
    assert Trajectory().bolus(T, size=38_500).broken() == {14}, "a fifth of the day is 38,400 nL"
    assert Trajectory(start=10_000).bolus(T, size=50_100).broken() == {14}, "0.5 mg"
    assert Trajectory(drugs=("baclofen",), conc=(500.0,)).bolus(T).broken() == {17}


def test_a_restart_after_a_day_without_delivery_halves_the_rate() -> None:
    for gap, broken in ((97, {35}), (96, set[int]())):
        assert Trajectory().received(T, gap, stopped=1).broken() == broken
    assert Trajectory().received(T, 97, stopped=1).rate(T + 97, 1_000).broken() == set()


def test_escalation_without_relief() -> None:
    def grown(pain: int, rise: int) -> set[int]:
        patient = Trajectory(ticks=14 * 672, setting="noncancer").received(0, 14 * 672, nrs=60)
        for month, rate in enumerate((2_400, 2_880, rise)):
            patient.rate(2_688 * (month + 1), rate)
        return patient.received(13 * 672, 672, nrs=pain).rate(13 * 672 + 100, 3_200).broken()

    assert grown(60, 3_000) == {37}
    assert grown(59, 3_000) == set()
    assert grown(60, 2_990) == set()


def test_a_tick_that_is_missing_shows() -> None:
    gone = Trajectory()
    gone.rows = np.delete(gone.rows, T)
    assert 38 in gone.broken()
    late = Trajectory()
    late.rows = late.rows[1:]
    assert 38 in late.broken()


def test_the_auditor_believes_nothing_the_shield_says_of_itself() -> None:
    risen = Trajectory().rate(T, 2_100).received(T, mri=1)
    risen.rows["binding"] = risen.rows["violations"] = (1 << 50) - 1
    assert risen.broken() == {28}
