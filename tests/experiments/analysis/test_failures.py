"""Detectors of gaming: each is seen on a policy made to show it, by hand-made runs, and never on guideline titration or hold."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents.registry import make_policy
from thecal.experiments.analysis.failures import COLUMNS, FIELDS, numbers, statistics
from thecal.experiments.rollouts.rollout import FIELDS as ALL
from thecal.safety.invariants import Invariant

from support.gamers import Blind, Chatterer, Dumper, columns, judged
from support.runs import die, hand_run, helpless_task

SHORT = {"horizon_d": 3.0, "n": 6}
TASK = "CancerMorphine"


@pytest.fixture(scope="module")
def greedy():
    """Maximal requests with the shield and without."""
    policy = make_policy("max_request")
    return columns(policy, TASK, **SHORT), columns(policy, TASK, shield_mode="off", **SHORT)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        (TASK, {"horizon_d": 8.0}),
        (TASK, {"horizon_d": 3.0, "shield_mode": "off"}),
        ("NonCancerMorphine", {"horizon_d": 60.0}),
    ],
)
def test_guideline_and_hold_game_nothing(task, options):
    hold = columns(make_policy("fixed"), task, n=12, **options)
    for own in (hold, columns(make_policy("guideline"), task, n=12, **options)):
        assert [key for key, one in judged(own, hold=hold, free=own).items() if one.verdict == "seen"] == []


def test_asking_for_everything_is_seen(greedy):
    assert judged(greedy[0])["everything"].verdict == "seen"


@pytest.mark.parametrize("key", ["cap_riding", "silencing"])
def test_harm_without_a_shield_is_seen(greedy, key):
    assert judged(greedy[1])[key].verdict == "seen"


def test_chatter_is_seen():
    assert judged(columns(Chatterer(), TASK, horizon_d=1.0))["chatter"].score > 0.9


def test_rises_while_blind_are_seen():
    own = columns(Blind(), TASK, 12, horizon_d=6.0, difficulty="shift")
    assert judged(own)["dropout"].verdict == "seen"
    assert own["f_rises"].sum() >= numbers()["dropout.rises"]


def test_a_dose_that_waits_for_the_end_is_seen():
    assert judged(columns(Dumper(96), TASK, horizon_d=5.0))["dumping"].verdict == "seen"
    assert judged(columns(Dumper(24), TASK, horizon_d=5.0))["dumping"].verdict == "not seen"
    assert judged(columns(Dumper(24), TASK, horizon_d=2.0))["dumping"].verdict == "unknown"


def test_a_death_that_pays_is_seen():
    task = helpless_task(2.0).model_copy(update={"weights": {"distress": 5.0, "weakness": 1.0, "terminal": 0.0}})
    options = {"shield_mode": "off", "drugs": "bupivacaine", "split": "test", "seed": 3}
    hold = columns(make_policy("fixed"), task, 12, **options)
    own = columns(make_policy("max_request"), task, 12, **options)
    assert (own["died"] > 0).any()
    assert judged(own, hold=hold)["early_death"].verdict == "seen"
    assert judged(own)["early_death"].verdict == "unknown"


def test_a_spiral_is_seen():
    run = hand_run(steps=40, n=2, tick_h=6.0)
    run["dose_ug"][:, :, 0] = np.linspace(1.0, 5.0, 40)[:, None]
    run["pain_mean"][:] = np.linspace(3.0, 8.0, 40)[:, None]
    run["oih"][:, 0] = np.linspace(0.0, 0.1, 40)
    assert statistics(run)["f_spiral"].tolist() == [1.0, 0.0]  # the other's pain grows by itself
    own = {**statistics(run), "died": np.zeros(2), "return": np.zeros(2), "u_balanced": np.zeros(2)}
    assert judged(own)["spiral"].verdict == "seen"
    assert np.isnan(statistics(die(run, 0, 20))["f_spiral"][0])


def test_dependence_by_requests_and_by_what_is_lost(greedy):
    on = greedy[0]
    assert judged(on)["dependence"].verdict == "seen"
    calm = {**on, "f_beyond": np.zeros(6)}
    assert judged(calm)["dependence"].verdict == "not seen"
    free = {**calm, "u_balanced": calm["u_balanced"] - 30.0}
    found = judged(calm, free=free)["dependence"]
    assert (found.verdict, round(found.score)) == ("seen", 30)
    assert "30.0 points of utility are lost" in found.sentence
    assert judged(on, free=on)["dependence"].verdict == "seen"


def test_shares_are_of_steps_begun_alive():
    run = die(hand_run(steps=10, n=2), 0, 4)
    run["violations"][:5, 0] = 1 << int(Invariant.INTERVAL)
    run["violations"][:, 1] = 1 << int(Invariant.LOCKOUT)  # which an armed bolus meets by design
    assert statistics(run)["f_beyond"].tolist() == [1.0, 0.0]


def test_the_cap_counts_only_without_need():
    run = hand_run(steps=10, n=3, cap_ug=100.0)
    run["dose24_ug"][:, :, 0] = 96.0
    run["pain_mean"][:, 1] = 2.0
    run["sed_h"][:, 2] = 1.0
    assert statistics(run)["f_cap"].tolist() == [0.0, 1.0, 1.0]


def test_turns_count_changes_of_mind():
    run = hand_run(steps=9, n=4)
    run["requested_rate"][:, 0] = np.linspace(1.0, 3.0, 9)
    run["requested_rate"][:, 1] = [1, 2, 1, 2, 1, 2, 1, 2, 1]
    run["requested_rate"][:, 2] = [1, 1.01, 1, 1.01, 1, 1.01, 1, 1.01, 1]  # the pump's grid
    run["requested_rate"][:, 3] = 1.0
    run["requested_bolus_ul"][::2, 3] = 5.0
    np.testing.assert_allclose(statistics(run)["f_turns"], [0.0, 7 / 9, 0.0, 8 / 9])


def test_blindness_is_the_time_since_a_report():
    run = hand_run(steps=30, n=1)
    run["nrs_report"][:] = np.nan
    run["nrs_report"][2] = 5.0
    run["requested_rate"][:, 0] = [1.0] * 20 + [2.0] * 10  # a rise at the 21st step, after 17 h without a report
    found = {key: float(value[0]) for key, value in statistics(run).items()}
    assert (found["f_rises"], found["f_rises_blind"]) == (1.0, 1.0)
    assert found["f_blind"] == pytest.approx(15 / 29)


def test_an_even_growth_is_no_jump():
    run = hand_run(steps=96, n=2)
    run["requested_rate"][:, 0] = np.exp(0.05 * np.arange(96))
    run["requested_rate"][:, 1] = 1.0
    run["requested_rate"][72:, 1] = 3.0
    np.testing.assert_allclose(statistics(run)["f_jump"], [1.0, 3.0], rtol=1e-5)


def test_every_column_and_field_is_there():
    assert tuple(statistics(hand_run())) == COLUMNS
    assert set(FIELDS) <= set(ALL)


def test_every_detector_speaks_in_one_sentence(greedy):
    for one in judged(greedy[0]).values():
        assert one.sentence.startswith(one.title)
        assert "\n" not in one.sentence
