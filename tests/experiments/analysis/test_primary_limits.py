"""Limits beside the primary outcome: stated in the task, measured, judged by their intervals, and said wherever a decision is."""

from __future__ import annotations

from typing import Any

import pytest

from thecal.core.errors import ConfigError
from thecal.envs.outcomes import STANDARD
from thecal.envs.tasks import load_task
from thecal.experiments.analysis.decision import decide, limit_words, limits_of
from thecal.experiments.analysis.results import ComparisonResult, Interval
from thecal.experiments.analysis.stored import from_dict, load_result, save_result, to_dict
from thecal.experiments.analysis.tables import brief_table, comparison_table

from support.reports import judged

LIMITS = {"sed_hours": 2.0, "resp_hours": 1.0}


def limited(primary: Any = "superior", harms: Any = None, **means: tuple[float, float, float]) -> ComparisonResult:
    """A result of a task with limits, whose learned policy has the given means (low, mean, high) of them."""
    result = judged(primary, harms or {})
    policy = result.policies["ppo"]
    own = {"sed_hours": (0.1, 0.5, 1.0), "resp_hours": (0.0, 0.1, 0.5)} | means
    estimates = {key: Interval(low=low, mean=mean, high=high) for key, (low, mean, high) in own.items()}
    policy = policy.model_copy(update={"estimates": policy.estimates | estimates})
    spec = {**result.spec, "primary": {"outcome": result.primary.key, "text": "", "limits": LIMITS}}
    return result.model_copy(update={"policies": {**result.policies, "ppo": policy}, "spec": spec})


def with_limits(**limits: float) -> Any:
    task = load_task("CancerMorphine")
    return load_task(task.model_copy(update={"primary": task.primary.model_copy(update={"limits": limits})}))


def test_a_task_states_limits_and_measures_them():
    task = load_task("CancerMorphine")
    found = with_limits(**LIMITS, lost_nausea=5.0)
    assert found.primary.limits["sed_hours"] == 2.0
    assert found.outcomes == (*STANDARD, "lost_nausea")
    assert found.hash != task.hash
    assert with_limits().hash == task.hash


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"sed_hour": 1.0}, "unknown outcome 'sed_hour'"),
        ({"responder30": 1.0}, "'responder30' is no outcome beside the primary one of which less is better"),
        ({"dose_mg_per_day": 1.0}, "'dose_mg_per_day' is no outcome"),
        ({"time_controlled": 1.0}, "'time_controlled' is no outcome"),
        ({"sed_hours": -1.0}, "sed_hours: -1 is no number of at least 0"),
        ({"sed_hours": float("nan")}, "sed_hours"),
        ({"sed_hours": float("inf")}, "sed_hours"),
    ],
)
def test_limits_that_mean_nothing_are_refused(limits, words):
    with pytest.raises(ConfigError, match=words):
        with_limits(**limits)


def test_kept_limits_leave_a_better_policy_better():
    decision = decide(limited(), "ppo")
    assert decision.better
    assert decision.limits_broken == decision.limits_not_shown == []
    assert decision.words == "better; limits kept"


def test_a_mean_above_its_limit_takes_the_claim():
    found = limited(sed_hours=(1.5, 2.5, 3.5))
    decision = decide(found, "ppo")
    assert not decision.better
    assert decision.limits_broken == ["sed_hours"]
    assert decision.words == "more effective; sed_hours above the limit"


def test_an_interval_across_the_limit_is_not_shown():
    found = limited(sed_hours=(1.0, 1.9, 2.1), resp_hours=(0.5, 0.8, 1.0))
    decision = decide(found, "ppo")
    assert not decision.better
    assert decision.limits_broken == []
    assert decision.limits_not_shown == ["sed_hours"], "an interval that ends at the limit is within it"
    assert decision.words == "more effective; sed_hours not shown within the limit"


def test_harms_and_missing_superiority_are_said_beside():
    one = decide(limited(harms={"resp_hours": "inferior"}), "ppo")
    assert one.words == "more effective; no worse harm not shown for resp_hours; limits kept"
    assert decide(limited("inconclusive"), "ppo").words == "not shown better; limits kept"


def test_the_reference_is_held_to_the_limits_too():
    found = limited()
    assert limit_words(found, found.reference)
    assert limits_of(found, found.reference)[0] == [
        key for key, limit in LIMITS.items() if found.policies[found.reference].estimates[key].mean > limit
    ]


def test_without_limits_nothing_is_said():
    found = judged("superior", {})
    assert limit_words(found, "ppo") == ""
    assert "limits" not in to_dict(found)
    assert "limits" not in comparison_table(found).caption


def test_files_and_tables_say_whether_they_were_kept(tmp_path, capsys):
    from rich.console import Console

    found = limited(sed_hours=(1.5, 2.5, 3.5))
    told = to_dict(found)["limits"]
    assert told["ppo"] == {"kept": False, "words": "sed_hours above the limit"}
    assert set(told) == set(found.policies)
    save_result(found, tmp_path)
    assert load_result(tmp_path).limits == LIMITS
    assert from_dict(to_dict(found)).limits == LIMITS
    Console(width=400).print(comparison_table(found))
    Console(width=400).print(brief_table(found))
    said = " ".join(capsys.readouterr().out.split())
    assert "limits of the task: sed_hours up to 2, resp_hours up to 1" in said
    assert "sed_hours above the limit" in said
    assert "within the limits of the task" in said
