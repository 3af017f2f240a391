"""Whether skill shows, judged on values made by hand: each rule both ways, normalized scores, and who discriminates."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.experiments.analysis.headroom import POLICIES, judge, normalized, rules_of, summary

N = 40
ORDER = {
    "random": 5.0,
    "fixed": 20.0,
    "max_request": 25.0,
    "guideline": 40.0,
    "pid": 44.0,
    "pid_guarded": 50.0,
    "hindsight": 80.0,
    "oracle": 80.0,
}
RULES = ("random_below", "most_below", "guideline_below", "open_above")


def well(**changes: float) -> dict[str, np.ndarray]:
    """The primary of every policy: patients differ a lot, policies by the same step in each, and by a little of their own."""
    rng = np.random.default_rng(1)
    patient = rng.uniform(-5.0, 5.0, N)
    return {name: level + patient + rng.normal(0.0, 1.0, N) for name, level in (ORDER | changes).items()}


def judged(columns: dict[str, np.ndarray]):
    values = {name: {"well_treated": column, "died": np.zeros(N)} for name, column in columns.items()}
    return judge(values, {name: (name.title(), "rule") for name in columns})


def met(**changes: float) -> dict[str, bool]:
    return {rule.key: rule.passed for rule in judged(well(**changes)).rules}


def test_a_task_on_which_skill_shows_meets_every_rule():
    assert met() == dict.fromkeys(RULES, True)
    found = judged(well())
    assert found.passed
    assert found.best_rule == "pid_guarded"
    assert found.open_share == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"random": 41.0}, {"random_below"}),
        ({"max_request": 40.0}, {"most_below"}),
        ({"pid": 30.0, "pid_guarded": 39.0}, {"guideline_below"}),
        ({"hindsight": 57.0, "oracle": 50.0}, {"open_above"}),
        ({"hindsight": 10.0, "oracle": 57.0}, {"open_above"}),
        ({"guideline": 75.0}, {"guideline_below", "open_above"}),
    ],
)
def test_each_rule_can_be_missed_alone(changes, broken):
    assert {key for key, passed in met(**changes).items() if not passed} == broken
    assert not judged(well(**changes)).passed


def test_a_fifth_of_the_way_must_be_open():
    """From hold at 20: the best rule at 50 leaves a fifth where hindsight is at 57.5."""
    for better, other in (("hindsight", "oracle"), ("oracle", "hindsight")):
        assert met(**{better: 59.0, other: 50.0})["open_above"]
        assert not met(**{better: 56.0, other: 50.0})["open_above"]


def test_the_reference_is_the_better_of_oracle_and_hindsight():
    for better, other in (("hindsight", "oracle"), ("oracle", "hindsight")):
        found = judged(well(**{better: 80.0, other: 70.0}))
        assert found.reference == better
        assert f"from hold to {better} is open" in found.rules[3].text
        assert found.policies[better].score.mean.value == 1.0
        assert found.policies[other].score.mean.value < 0.95
    alone = well()
    del alone["oracle"]
    assert judged(alone).reference == "hindsight"


def test_a_policy_that_plans_is_no_best_rule():
    columns = well() | {"bayes": well(pid=75.0)["pid"]}
    found = judged(columns)
    assert found.best_rule == "pid_guarded"
    assert found.policies["bayes"].score.mean.value > found.policies["pid_guarded"].score.mean.value


def test_a_gap_within_its_error_is_not_clear():
    columns = well()
    rng = np.random.default_rng(2)
    columns["random"] = columns["guideline"] - 1.0 + rng.normal(0.0, 10.0, N)
    rule = rules_of(columns, "pid_guarded", "oracle")[0]
    assert rule.gap.low < 0.0 < rule.gap.high
    assert not rule.passed
    assert rule.sentence.startswith("not met: random requests are clearly below guideline titration (")


def test_the_best_rule_may_be_the_guideline():
    found = judged(well(guideline=60.0))
    assert found.best_rule == "guideline"
    assert found.rules[2].text.endswith("pid_guarded")
    assert "above guideline" in found.rules[3].text


def test_a_score_is_0_as_hold_and_1_as_the_reference():
    columns = {
        "fixed": np.array([20.0, 50.0, 10.0]),
        "hindsight": np.array([60.0, 54.9, 15.0]),
        "pid": np.array([30.0, 0.0, 20.0]),
    }
    found = normalized(columns, top="hindsight")
    assert found["fixed"].tolist()[::2] == [0.0, 0.0]
    assert found["hindsight"].tolist()[::2] == [1.0, 1.0]
    assert found["pid"].tolist()[::2] == [0.25, 2.0]
    assert all(np.isnan(column[1]) for column in found.values())


def test_patients_without_a_score_are_counted_and_left_out():
    columns = well()
    columns["oracle"][:10] = columns["fixed"][:10]
    columns["hindsight"] = columns["oracle"]
    found = judged(columns)
    assert found.undefined == 10
    assert found.policies[found.reference].score.mean.value == 1.0
    nobody = judged(well() | {"hindsight": columns["fixed"], "oracle": columns["fixed"]})
    assert nobody.undefined == N
    assert np.isnan(nobody.policies["pid"].score.median.value)
    assert np.isnan(nobody.policies["pid"].score.median.error)


def test_sanity_policies_do_not_discriminate():
    flat = {name: np.full(N, 50.0) for name in (*POLICIES, "hindsight", "oracle")}
    flat["random"] = np.zeros(N)
    flat["pid"][:10] += 5.1
    flat["guideline"][10:20] += 5.0
    flat["oracle"][10:30] += 6.0
    found = judged(flat)
    assert found.discriminate.value == 25.0
    assert found.discriminate_reference.value == 75.0
    assert found.discriminate.error == pytest.approx(100 * np.sqrt(0.25 * 0.75 / N), rel=0.1)


def test_three_centers_with_their_errors():
    column = np.concatenate([np.arange(1.0, 40.0), [1000.0]])
    found = summary(column)
    assert (found.mean.value, found.median.value, found.trimmed.value) == (44.5, 20.5, 20.5)
    assert found.mean.error == pytest.approx(column.std() / np.sqrt(40), rel=0.1)
    assert 1.0 < found.median.error < found.trimmed.error < 6.0 < found.mean.error
