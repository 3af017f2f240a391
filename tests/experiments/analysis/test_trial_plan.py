"""Plans that contradict themselves are refused in a sentence; allocation is balanced and repeatable; power by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError
from scipy import stats

from thecal.core.complaints import first_reason
from thecal.core.errors import ConfigError, StoreError, UnknownNameError
from thecal.experiments.analysis.trial_allocation import allocated, clusters_allocated, lost
from thecal.experiments.analysis.trial_analysis import Values, counted, entered_by
from thecal.experiments.analysis.trial_plan import Plan, read_plan
from thecal.experiments.analysis.trial_power import power
from thecal.experiments.analysis.trial_results import FILE, load_trial, save_trial

from support.trials import ARMS, plan, result

PUBLISHED = {"label": "Elsewhere", "published": {"share": 50.0, "source": "made up"}}
NUMBER = {"label": "Elsewhere", "published": {"mean": 5.0, "sd": 1.0, "source": "made up"}}
TWO = {"number": 6, "size": 4}
WRONG = {
    "no such design": ({"design": "diagonal"}, "design"),
    "no such outcome": ({"endpoint": {"outcome": "mean_nrz"}}, "did you mean 'mean_nrs'"),
    "no such option": ({"scenario": {"pumpp": "x"}}, "did you mean 'pump'"),
    "a seed twice": ({"scenario": {"seed": 3}}, "the plan itself says it"),
    "one arm": ({"arms": {"a": ARMS["a"]}}, "arms"),
    "an arm of nothing": ({"arms": ARMS | {"b": {"label": "x"}}}, "give policy or published"),
    "an arm of both": ({"arms": ARMS | {"b": PUBLISHED | {"policy": "fixed"}}}, "give policy or published"),
    "no arm simulated": ({"arms": {"a": NUMBER, "b": NUMBER}}, "one must be simulated"),
    "a share of a number": ({"arms": ARMS | {"b": PUBLISHED}}, "a share is for an endpoint of yes and no"),
    "a published pair": ({"design": "paired", "arms": ARMS | {"b": NUMBER}}, "must be parallel"),
    "a block that does not fit": ({"allocation": {"block": 3}}, "no multiple"),
    "no patients": ({"patients": None}, "patients"),
    "clusters without them": ({"design": "cluster"}, "clusters"),
    "clusters in another": ({"clusters": TWO}, "clusters"),
    "clusters with patients": ({"design": "cluster", "clusters": TWO}, "patients"),
    "three arms crossed": ({"design": "crossover", "arms": ARMS | {"c": ARMS["a"]}, "allocation": {"block": 0}}, "takes two"),
    "looks at a crossover": ({"design": "crossover", "looks": {"at": [0.5, 1.0]}}, "looks"),
    "pumps crossed": ({"design": "crossover", "arms": ARMS | {"b": ARMS["b"] | {"scenario": {"pump": "x"}}}}, "policy alone"),
    "washout without periods": ({"washout_d": 1.0}, "washout_d"),
    "looks that fall": ({"looks": {"at": [0.5, 0.4, 1.0]}}, "looks.at"),
    "looks without an end": ({"looks": {"at": [0.5]}}, "looks.at"),
    "failure of a number": ({"endpoint": {"outcome": "mean_nrs", "missing": "failure"}}, "yes and no"),
    "rescue as failure of a number": ({"rescue": {"pain": 8.0, "days": 1, "counts_as": "failure"}}, "yes and no"),
    "a fall of no pain": ({"endpoint": {"outcome": "mean_nrs", "fall": 0.2}}, "fall"),
    "pain that falls by nothing": ({"endpoint": {"outcome": "pain_fall"}}, "fall"),
    "an unknown chart": ({"eligibility": [{"field": "shoe", "least": 1, "reason": "x"}]}, "'shoe' is unknown"),
    "bounds the wrong way": ({"eligibility": [{"field": "age_y", "least": 9, "most": 1, "reason": "x"}]}, "least"),
    "power without a spread": ({"power": {"first": 1.0, "second": 2.0}}, "power.sd"),
    "power of yes and no with one": (
        {"power": {"first": 1.0, "second": 2.0, "sd": 1.0}, "endpoint": {"outcome": "responder30"}}, "power.sd",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_a_plan_that_contradicts_itself_is_refused(change, said):
    with pytest.raises(ValidationError) as seen:
        plan(**change)
    assert said in first_reason(seen.value, Plan)


def test_a_plan_is_found_by_name_or_told():
    assert read_plan("cancer_trial").randomized == 202
    with pytest.raises(UnknownNameError, match="did you mean 'cancer_trial'"):
        read_plan("cancer")


@given(some.lists(some.integers(0, 3), min_size=1, max_size=80), some.integers(0, 2**40), some.sampled_from([2, 4, 8]))
def test_blocks_balance_arms_within_every_stratum(strata, seed, block):
    labels = np.array(strata)
    found = allocated([1, 1], labels, block, seed)
    assert (found == allocated([1, 1], labels, block, seed)).all()
    for label in set(strata):
        own = found[labels == label]
        for begin in range(0, len(own) - block + 1, block):
            assert own[begin : begin + block].sum() == block // 2


def test_weights_and_simple_randomization():
    found = allocated([2, 1], np.zeros(300, np.int64), 6, 1)
    assert np.bincount(found).tolist() == [200, 100]
    simple = allocated([2, 1], np.zeros(6000, np.int64), 0, 1)
    assert abs(simple.mean() - 1 / 3) < 4 * np.sqrt(2 / 9 / 6000)
    with pytest.raises(ConfigError):
        allocated([1, 1], np.zeros(4, np.int64), 3, 0)


@given(some.integers(0, 2**40), some.integers(4, 30), some.integers(1, 4))
def test_half_of_the_clusters_come_into_each_arm(seed, number, kinds):
    found = clusters_allocated(np.arange(number) % kinds, seed)
    assert abs(int(found.sum()) - number / 2) <= kinds / 2


def test_who_is_lost_is_lost_by_share():
    shares = np.repeat([0.0, 0.3], 5000)
    gone = lost(shares, 3)
    assert not gone[:5000].any()
    assert abs(gone[5000:].mean() - 0.3) < 4 * np.sqrt(0.21 / 5000)


def test_rules_count_the_lost_and_the_rescued():
    flags = np.array([[False], [True], [False]])
    values = Values(
        np.zeros(3, np.int64), np.array([[1.0], [1.0], [1.0]]), np.array([True, False, False]), flags, flags,
        np.zeros(3, np.int64), np.zeros(3, np.int64),
    )  # fmt: skip
    of = plan(endpoint={"outcome": "responder30"}).endpoint
    strict = of.model_copy(update={"missing": "failure"})
    rescue = plan(rescue={"pain": 8.0, "days": 1}).rescue
    assert counted(values, of, None).ravel().tolist() == pytest.approx([np.nan, 1.0, 1.0], nan_ok=True)
    assert counted(values, strict, None).ravel().tolist() == [0.0, 1.0, 1.0]
    fails = rescue.model_copy(update={"counts_as": "failure"})
    assert counted(values, of, fails).ravel().tolist() == pytest.approx([np.nan, 0.0, 1.0], nan_ok=True)
    gone = rescue.model_copy(update={"counts_as": "missing"})
    assert counted(values, strict, gone).ravel().tolist() == [0.0, 0.0, 1.0]


def test_power_is_that_of_the_closed_form():
    """Two arms of 50 at half a standard deviation: 0.697 of the noncentral t, within 4 Monte-Carlo standard errors."""
    found = power(plan(power={"first": 4.5, "second": 5.0, "sd": 1.0, "trials": 600}))
    limit = stats.t.isf(0.025, 98)
    known = stats.nct.sf(limit, 98, 2.5) + stats.nct.cdf(-limit, 98, 2.5)
    assert abs(found.power - known) < 4 * found.power_error
    assert abs(found.type1 - 0.05) < 4 * 0.009
    assert found.mean_entered == 100.0


def test_early_looks_save_patients():
    found = power(
        plan(
            power={"first": 4.0, "second": 5.0, "sd": 1.0, "trials": 200},
            looks={"at": [0.5, 1.0], "spending": "pocock"},
        )
    )
    assert found.mean_entered < 75.0
    assert sum(found.stops) == pytest.approx(found.power)
    assert entered_by(plan(looks={"at": [0.5, 1.0]})) == [50, 100]


def test_power_needs_an_assumption():
    with pytest.raises(ConfigError, match="no assumption"):
        power(plan())


@pytest.mark.slow
@pytest.mark.parametrize("change", [
    {"looks": {"at": [0.25, 0.5, 0.75, 1.0], "spending": "pocock"}},
    {"looks": {"at": [0.5, 1.0]}, "patients": 240},
    {"design": "paired"},
    {"design": "crossover"},
    {"design": "cluster", "patients": None, "clusters": {"number": 12, "size": 15}},
], ids=["pocock", "obrien_fleming", "paired", "crossover", "cluster"])  # fmt: skip
def test_the_error_of_every_design_is_alpha(change):
    """4000 trials without a difference: 5 % within 4 Monte-Carlo standard errors and half a point for Welch's approximation."""
    icc = {"icc": 0.1} if change.get("design") == "cluster" else {}
    found = power(plan(**change, power={"first": 4.0, "second": 5.0, "sd": 1.5, "trials": 4000, **icc}))
    assert abs(found.type1 - 0.05) < 4 * 0.0035 + 0.005


def test_a_result_is_read_back_and_damage_told(tmp_path):
    found = result()
    save_trial(found, tmp_path)
    assert load_trial(tmp_path) == found
    file = tmp_path / FILE
    for text, said in (("{", "not a trial's result"), ('{"schema": 9}', "schema 9"), ('{"schema": 1}', "is missing")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(StoreError, match=said):
            load_trial(file)
    with pytest.raises(StoreError, match="cannot be read"):
        load_trial(tmp_path / "none.json")
