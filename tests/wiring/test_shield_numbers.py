"""From a profile's numbers to the shield's integers: the side each is rounded to, both ends of each bound, and each refusal."""

from __future__ import annotations

from typing import Any

import pytest

from thecal.core.errors import ConfigError, ProfileError
from thecal.safety.parameters import decision_shares, every_decision, shield_parameters
from thecal.safety.profiles import LimitProfile

from support.limits import made_profile

PUMP = {"min_rate_nl": 510, "max_rate_nl": 240_000, "rate_step_nl": 10, "bolus_step_nl": 100}
BACLOFEN: dict[str, Any] = {
    "baclofen.cap": 900.0, "baclofen.concentration": 1_900.0, "baclofen.bolus": 90.0, "baclofen.sedative": 1.0,
    "baclofen.patient_bolus": 0.0, "baclofen.step_spinal": 0.31, "baclofen.step_cerebral": 0.12, "baclofen.daily_fall": 0.3,
    "baclofen.escalation": 0.5, "baclofen.rise_28d": 0.6, "noncancer.escalation": 0.47,
}  # fmt: skip


def shield(
    profile: LimitProfile | None = None,
    drugs: tuple[str, ...] = ("morphine",),
    conc: tuple[float, ...] = (9_000.0,),
    **changes: Any,
) -> Any:
    given = {"setting": "cancer", **PUMP, **changes}
    return shield_parameters(profile or made_profile(), drugs=drugs, conc_ug_per_ml=conc, **given)


# A number between two integers of the shield: the key, the value, the field, and the stricter of the two integers.
BETWEEN: tuple[tuple[str, float, str, int], ...] = (
    ("withdrawal.exposed_after", 100.1, "exposed_after", 401),
    ("bolus.lockout", 5.1, "lockout", 21),
    ("bolus.count", 3.9, "bolus_most", 3),
    ("breathing.rate_warn", 10.41, "rr_warn", 105),
    ("breathing.rate_lock", 8.31, "rr_lock", 84),
    ("breathing.saturation_warn", 92.61, "spo2_warn", 927),
    ("breathing.saturation_lock", 90.71, "spo2_lock", 908),
    ("breathing.co2_warn", 48.89, "co2_warn", 488),
    ("breathing.co2_lock", 57.99, "co2_lock", 579),
    ("sedation.hold", 2.2, "poss_hold", 3),
    ("sedation.lock", 3.2, "poss_lock", 4),
    ("breathing.stale", 44.9, "stale", 2),
    ("breathing.flat", 104.9, "flat", 6),
    ("breathing.flat_other", 119.9, "flat_other", 7),
    ("breathing.recut", 0.8, "recut", 4),
    ("monitored.step", 0.0619, "quick_permille", 61),
    ("monitored.interval", 6.3, "quick_interval", 26),
    ("monitored.day", 0.1119, "quick_day_permille", 111),
    ("monitored.fresh", 44.9, "quick_fresh", 2),
    ("monitored.quiet", 12.6, "quick_quiet", 51),
    ("monitored.settle", 5.6, "quick_settle", 23),
    ("monitored.sedation", 1.9, "quick_poss", 1),
    ("monitored.near", 0.6219, "quick_near_permille", 621),
    ("breathing.rate_jump", 9.29, "rr_jump", 92),
    ("breathing.saturation_jump", 13.49, "spo2_jump", 134),
    ("breathing.co2_jump", 18.69, "co2_jump", 186),
    ("breathing.watch", 25.1, "watch", 101),
    ("breathing.reduce_to", 0.4319, "lock_permille", 431),
    ("circulation.systolic", 91.21, "sbp_low", 913),
    ("circulation.mean", 61.31, "map_low", 614),
    ("circulation.heart_rate", 51.41, "hr_low", 515),
    ("circulation.fall", 0.2719, "sbp_keep_permille", 729),
    ("neurology.hold", 1.2, "neuro_hold", 2),
    ("reservoir.reserve", 2.0000001, "reserve_nl", 2_000_001),
    ("refill.hold", 27.1, "refill_hold", 109),
    ("refill.pocket_watch", 4.3, "pocket_watch", 18),
    ("refill.balance", 0.1399, "balance_permille", 139),
    ("restart.gap", 22.2, "gap_most", 88),
    ("restart.share", 0.4719, "restart_permille", 471),
    ("automation.errors", 2.9, "errors_most", 2),
    ("automation.lease", 23.2, "lease", 92),
    ("automation.clock", 83.9, "skew_s", 83),
    ("cancer.step", 0.1819, "step_permille", 181),
    ("cancer.rise_28d", 3.9019, "rise_permille", 3_901),
    ("cancer.escalation", 3.7019, "escalation_permille", 3_701),
    ("cancer.interval", 26.1, "interval", 105),
    ("morphine.daily_fall", 0.1319, "keep_permille", 869),
    ("bolus.share", 0.1619, "bolus_permille", 161),
)  # fmt: skip


def test_a_number_between_two_integers_becomes_the_stricter() -> None:
    par = shield(made_profile({key: value for key, value, _, _ in BETWEEN}))
    assert {field: int(par[field]) for _, _, field, _ in BETWEEN} == {field: due for _, _, field, due in BETWEEN}


# Multiples that floating point may miss by its last digit: 1000 * 0.29 is 289.99999999999994 there.
EXACT: tuple[tuple[str, Any, str, int], ...] = (
    ("breathing.rate_warn", 10.3, "rr_warn", 103),
    ("breathing.saturation_warn", 92.1, "spo2_warn", 921),
    ("restart.share", 0.29, "restart_permille", 290),
    ("breathing.co2_warn", 57.3, "co2_warn", 573),
    ("breathing.co2_lock", 65.1, "co2_lock", 651),
    ("breathing.rate_jump", 9.1, "rr_jump", 91),
    ("breathing.saturation_jump", 16.1, "spo2_jump", 161),
    ("breathing.co2_jump", 16.1, "co2_jump", 161),
    ("breathing.stale", (0.75, "hour"), "stale", 3),
    ("breathing.flat", (1.25, "hour"), "flat", 5),
    ("breathing.flat_other", (1.75, "hour"), "flat_other", 7),
    ("monitored.fresh", (0.75, "hour"), "quick_fresh", 3),
    ("reservoir.reserve", 2.15, "reserve_nl", 2_150_000),
    ("automation.lease", (15.0, "minute"), "lease", 1),
    ("restart.gap", (15.0, "minute"), "gap_most", 1),
    ("refill.hold", (15.0, "minute"), "refill_hold", 1),
)  # fmt: skip


def test_a_multiple_stays_what_it_is_whatever_its_last_digit() -> None:
    par = shield(made_profile({key: value for key, value, _, _ in EXACT}))
    assert {field: int(par[field]) for _, _, field, _ in EXACT} == {field: due for _, _, field, due in EXACT}


def test_what_is_not_given_has_its_default() -> None:
    profile = made_profile({"titration.transits": 1.25})
    par = shield(profile)
    assert (par["transit_nl"], par["shelf"], par["stage"], par["mode"]) == (0, 8_766 * 4, 3, 0)
    assert par["cap_pg"].tolist() == [11_300_000_000, 0, 0, 0], "not sedated"
    assert [int(par[name]) for name in ("min_rate", "max_rate", "rate_step", "bolus_step")] == [510, 240_000, 10, 100]
    for dead_ml, due in ((0.2, 250_000), (0.2000001, 250_001), (0.4, 500_000)):
        assert shield(profile, dead_ml=dead_ml)["transit_nl"] == due
    for stable_h, due in ((1_000.0, 4_000), (1_000.24, 4_000), (1_000.25, 4_001), (0.0, 0)):
        assert shield(profile, stable_h=stable_h)["shelf"] == due


def test_an_indication_has_its_own_step() -> None:
    profile = made_profile({**BACLOFEN, "cancer.step": 0.25})
    steps = {
        name: int(shield(profile, ("baclofen",), (1_000.0,), indication=name)["step_permille"])
        for name in ("", "spinal", "cerebral")
    }
    assert steps == {"": 120, "spinal": 310, "cerebral": 120}
    par = shield(profile, ("baclofen",), (1_000.0,), indication="spinal")
    assert (par["rise_permille"], par["escalation_permille"], par["keep_permille"]) == (600, 500, 700)


def test_every_share_of_a_decision_is_listed_once() -> None:
    profile = made_profile(
        {**BACLOFEN, "cancer.step": 0.25, "hydromorphone.daily_fall": 0.1, "noncancer.rise_28d": 0.48}
    )
    cancer = [(250, 3_900, keep) for keep in (870, 900, 750, 100)] + [(310, 600, 700), (120, 600, 700)]
    noncancer = [(140, 480, keep) for keep in (870, 900, 750, 100)] + [(310, 600, 700), (120, 600, 700)]
    # Clonidine has no fall of its own here, so the general one of 0.19 stands.
    due = {
        f"step {step}, rise {rise}, keep {keep if keep != 750 else 810}, bolus 160 per mille": {
            "step_permille": step, "rise_permille": rise, "keep_permille": keep if keep != 750 else 810, "bolus_permille": 160,
        }
        for step, rise, keep in cancer + noncancer
    }  # fmt: skip
    found = every_decision(profile)
    assert found == due
    assert list(found) == sorted(due)
    assert decision_shares(profile, "noncancer", ("baclofen",), "spinal") == {
        "step_permille": 310, "rise_permille": 600, "keep_permille": 700, "bolus_permille": 160,
    }  # fmt: skip


def test_a_listed_admixture_alone_adds_a_decision() -> None:
    one = {"morphine.rise_28d": 3.0, "bupivacaine.step": 0.1}
    listed = every_decision(made_profile(one))
    unlisted = every_decision(made_profile({**one, "mixture.bupivacaine+morphine": 0.0}))
    assert set(listed) - set(unlisted) == {
        f"step 100, rise {rise}, keep 870, bolus 160 per mille" for rise in (3_000, 440)
    }
    assert set(unlisted) <= set(listed)


def test_small_concentrations_and_equivalents_count() -> None:
    par = shield(conc=(0.5,))
    assert (par["conc"][0], par["bolus_abs"], par["step_abs"]) == (1, 410_000_000, 640_000_000 // 96)
    both = shield(made_profile({"morphine.equivalence": 1.5}), ("hydromorphone", "morphine"), (0.1, 0.4))
    assert (both["n_drugs"], both["n_caps"]) == (2, 3)
    assert both["conc"].tolist() == [1, 1, 2, 0], "0.1 * 5.5 + 0.4 * 1.5, up"
    assert both["cap_pg"].tolist() == [7_700_000_000, 11_300_000_000, 14_200_000_000, 0]
    alone = shield(None, ("bupivacaine", "morphine"), (100.0, 100.0))
    assert (alone["n_caps"], alone["cap_pg"].tolist()) == (2, [12_100_000_000, 11_300_000_000, 0, 0])


def test_three_drugs_have_a_cap_each_and_one_together() -> None:
    three = ("bupivacaine", "hydromorphone", "morphine")
    profile = made_profile({f"mixture.{'+'.join(three)}": 1.0, "bupivacaine.interval": 30.0, "morphine.interval": 27.0})
    par = shield(profile, three, (4_000.0, 1_000.5, 2_000.0))
    assert (par["n_drugs"], par["n_caps"]) == (3, 4)
    assert par["conc"].tolist() == [4_000, 1_001, 2_000, 7_503], "1000.5 * 5.5 + 2000, up"
    assert par["cap_pg"].tolist() == [12_100_000_000, 7_700_000_000, 11_300_000_000, 14_200_000_000]
    assert par["bolus_abs"] == 83_000_000 // 1_001
    assert par["step_abs"] == 640_000_000 // (2_000 * 96)
    assert (par["interval"], par["quick_interval"]) == (120, 120)
    assert (par["vasoactive"], par["bolus_eligible"]) == (1, 1)


def test_a_cap_may_be_reached_at_the_lowest_rate_and_not_passed() -> None:
    least = 10_000 * 510 * 97  # pg in the window
    caps: dict[str, Any] = {"morphine.step_abs": None, "morphine.bolus": (400.0, "ug")}
    met = made_profile({**caps, "morphine.cap": (494.7, "ug/day")})
    assert shield(met, conc=(10_000.0,))["cap_pg"][0] == least == 494_700_000
    below = made_profile({**caps, "morphine.cap": (494.6, "ug/day")})
    with pytest.raises(ProfileError) as caught:
        shield(below, conc=(10_000.0,))
    assert str(caught.value) == "made: morphine would exceed the cap at the pump's lowest rate"
    both = ("bupivacaine", "morphine")
    with pytest.raises(ProfileError, match="made: morphine would exceed the cap"):
        shield(below, both, (1.0, 10_000.0))
    with pytest.raises(ProfileError, match="made: bupivacaine would exceed the cap"):
        shield(None, both, (23_000.0, 1.0), min_rate_nl=5_424)
    assert shield(None, both, (23_000.0, 1.0), min_rate_nl=5_423)["min_rate"] == 5_423
    opioids = made_profile({"opioids.cap": (594.0, "ug/day")})
    with pytest.raises(ProfileError, match="made: the opioids together would exceed the cap at the pump's lowest rate"):
        shield(opioids, ("hydromorphone", "morphine"), (2_000.0, 2_000.0))


def test_the_grid_of_a_single_limit_is_exact() -> None:
    profile = made_profile({"morphine.step_abs": (96.0, "ug/day"), "morphine.bolus": (100.0, "ug")})
    for conc, step, bolus in ((1_000.0, 1_000, 100_000), (999.5, 1_000, 100_000), (1_001.0, 999, 99_900)):
        par = shield(profile, conc=(conc,))
        assert (par["step_abs"], par["bolus_abs"]) == (step, bolus)


def test_each_refusal_says_what_is_wrong() -> None:
    asks: tuple[tuple[type[Exception], dict[str, Any], str], ...] = (
        (ConfigError, {"setting": "home"}, "setting 'home' is not one of cancer, noncancer"),
        (ConfigError, {"indication": "brain"}, "indication 'brain' is not one of spinal, cerebral, and not empty"),
        (ConfigError, {"stage": "later"}, "stage 'later' is not one of advise, confirm, lower, auto"),
        (ConfigError, {"conc": (1.0, 2.0)}, "2 concentrations were given for 1 drugs"),
        (ConfigError, {"drugs": (), "conc": ()}, "0 concentrations were given for 0 drugs"),
        (
            ConfigError, {"drugs": ("morphine",) * 2, "conc": (1.0, 2.0)},
            "a reservoir holds up to 3 different drugs, not morphine, morphine",
        ),
        (
            ConfigError, {"drugs": ("a", "b", "c", "d"), "conc": (1.0,) * 4},
            "a reservoir holds up to 3 different drugs, not a, b, c, d",
        ),
        (ProfileError, {"conc": (0.0,)}, "made: morphine at 0.0 ug/mL is not within its limit of 17900.0 ug/mL"),
        (ProfileError, {"conc": (17_900.5,)}, "made: morphine at 17900.5 ug/mL is not within its limit of 17900.0 ug/mL"),
        (
            ProfileError, {"drugs": ("bupivacaine", "clonidine"), "conc": (1.0, 1.0)},
            "made: the admixture bupivacaine+clonidine is not listed; listed: bupivacaine+morphine, clonidine+morphine, "
            "hydromorphone+morphine",
        ),
        (
            ProfileError, {"drugs": ("bupivacaine", "clonidine"), "conc": (1.0, 911.0)},
            "made: clonidine at 911.0 ug/mL is not within its limit of 910.0 ug/mL",
        ),
    )  # fmt: skip
    for kind, changes, words in asks:
        with pytest.raises(kind) as caught:
            shield(**changes)
        assert str(caught.value) == words
    assert shield(conc=(17_900.0,))["conc"][0] == 17_900


def test_only_an_opioid_beside_a_depressant_has_smaller_caps() -> None:
    profile = made_profile({**BACLOFEN, "mixture.baclofen+bupivacaine": 1.0, "morphine.equivalence": 1.0})
    morphine, smaller = 11_300_000_000, 5_085_000_000
    cases: tuple[tuple[tuple[str, ...], bool, int], ...] = (
        (("morphine",), False, morphine),
        (("morphine",), True, smaller),
        (("morphine", "clonidine"), False, smaller),
        (("morphine", "bupivacaine"), False, morphine),
        (("baclofen",), True, 900_000_000),
        (("baclofen", "bupivacaine"), False, 900_000_000),
    )
    for drugs, sedated, cap in cases:
        assert shield(profile, drugs, (100.0,) * len(drugs), sedated=sedated)["cap_pg"][0] == cap, (drugs, sedated)


def test_one_drug_forbids_the_bolus_and_one_acts_on_pressure() -> None:
    profile = made_profile({"clonidine.vasoactive": 1.0, "mixture.clonidine+morphine": 1.0})
    for drugs, flags in (
        (("morphine",), (1, 0)),
        (("clonidine",), (0, 1)),
        (("clonidine", "morphine"), (0, 1)),
        (("morphine", "clonidine"), (0, 1)),
        (("bupivacaine",), (1, 1)),
    ):
        par = shield(profile, drugs, (100.0,) * len(drugs))
        assert (par["bolus_eligible"], par["vasoactive"]) == flags, drugs
