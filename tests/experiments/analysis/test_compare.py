"""Comparison: what counts as better, what may be claimed after no event, training seeds, and how it is shown."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from rich.console import Console

from thecal.agents.info import PolicyInfo
from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError
from thecal.core.files import as_json
from thecal.envs.outcomes import OUTCOMES, outcome
from thecal.envs.tasks import Primary
from thecal.experiments.analysis.compare import summarize
from thecal.experiments.analysis.decision import decide
from thecal.experiments.analysis.statistics import sign_flip_p
from thecal.experiments.analysis.stored import to_dict
from thecal.experiments.analysis.tables import brief_table, comparison_table
from thecal.experiments.studies.compare import compare

from support.runs import die, hand_run, short_task

MANY = 700  # enough patients to exclude half a percent more deaths when none is seen


def arm(name: str, controlled: float, n: int = MANY, noise: int = 0, **columns):
    """A policy under which patients are controlled for about the share ``controlled`` of every step."""
    share = np.clip(controlled + 0.1 * np.random.default_rng(noise).standard_normal(n), 0.0, 1.0)
    return hand_run(24, n, policy=name, controlled_h=share[None, :], **columns)


def found(runs):
    return summarize(runs, "fixed", 0).result


@cache
def compared(n: int = MANY, **columns):
    return found({"fixed": arm("fixed", 0.3, n), "mine": arm("mine", 0.5, n, noise=1, **columns)})


def shown(result, table=comparison_table) -> str:
    file = io.StringIO()
    Console(file=file, width=220).print(table(result))
    return file.getvalue()


def test_better_needs_efficacy_and_no_worse_harm():
    result = compared()
    assert result.differences["mine"]["time_controlled"].verdict == "superior"
    assert decide(result, "mine").harms_not_ruled_out == []
    assert decide(result, "mine").better
    assert decide(result, "mine").words == "better"


@pytest.mark.parametrize(
    ("field", "amount", "key"),
    [
        ("sed_h", 0.2, "sed_hours"),
        ("resp_events", 0.01, "resp_events"),
        ("withdrawal_h", 0.1, "withdrawal_hours"),
        ("nausea", 0.8, "nausea_mean"),
    ],
)
def test_one_worse_harm_is_enough_to_fail(field, amount, key):
    result = compared(**{field: amount})
    assert decide(result, "mine").harms_not_ruled_out == [key]
    assert not decide(result, "mine").better
    assert key in decide(result, "mine").words


def test_harm_within_its_margin_passes():
    assert decide(compared(sed_h=0.01), "mine").better


def test_more_deaths_fail():
    runs = {"fixed": arm("fixed", 0.3), "mine": arm("mine", 0.6, noise=1)}
    for patient in range(20):
        die(runs["mine"], patient, 20)
    result = found(runs)
    assert result.differences["mine"]["died"].verdict == "inferior"
    assert not decide(result, "mine").better


def test_a_dose_beyond_the_cap_fails():
    runs = {"fixed": arm("fixed", 0.3), "mine": arm("mine", 0.6, noise=1)}
    runs["mine"]["dose_ug"][3, :40, 0] = 1001.0
    assert decide(found(runs), "mine").harms_not_ruled_out == ["cap_violations"]


def test_no_death_among_few_patients_proves_little():
    result = compared(n=100)
    gap = result.differences["mine"]["died"]
    assert (gap.mean, gap.verdict) == (0.0, "inconclusive")
    bound = 100.0 * (1.0 - 0.05**0.01)  # a share this large leaves five percent for none in a hundred
    assert gap.high == pytest.approx(bound)
    assert not decide(result, "mine").better
    assert result.policies["mine"].estimates["died"].high == pytest.approx(bound)


def test_a_share_of_patients_stays_below_all_of_them():
    gap = compared(n=1).differences["mine"]["died"]
    assert (gap.low, gap.high) == (pytest.approx(-95.0), pytest.approx(95.0))
    assert compared(n=1).policies["mine"].estimates["died"].high == pytest.approx(95.0)


def test_counts_of_events_keep_the_rule_of_three():
    assert compared(n=100).policies["mine"].estimates["resp_events"].high == pytest.approx(-np.log(0.05) / 100.0)


def test_no_gain_is_not_better():
    result = found({"fixed": arm("fixed", 0.4), "mine": arm("mine", 0.4, noise=1)})
    assert decide(result, "mine").words == "not shown better"


def test_p_is_adjusted_over_policies_and_superiority_needs_it():
    rng = np.random.default_rng(8)
    base = arm("fixed", 0.4, 100)
    runs = {"fixed": base}
    gain = rng.standard_normal(100)
    gain += 2.15 * gain.std() / 10.0 - gain.mean()  # two standard errors: about 0.03 alone
    for k in range(6):
        run = arm(f"mine{k}", 0.4, 100)
        run["controlled_h"][:] = base["controlled_h"] + 0.05 * gain
        runs[f"mine{k}"] = run
    many = found(runs).differences["mine0"]["time_controlled"]
    alone = found({k: runs[k] for k in ("fixed", "mine0")}).differences["mine0"]["time_controlled"]
    assert alone.p_adjusted == pytest.approx(sign_flip_p(gain), abs=0.01)
    assert many.p_adjusted == pytest.approx(min(1.0, 6 * alone.p_adjusted))
    assert alone.verdict == "superior"
    assert (many.low, many.verdict) == (alone.low, "inconclusive")


def test_only_the_registered_outcome_is_tested():
    gaps = compared().differences["mine"]
    assert [key for key, gap in gaps.items() if gap.p_adjusted is not None] == ["time_controlled"]


def test_pairing_shows_in_the_interval():
    base = arm("fixed", 0.4)
    data = {**base.data, "controlled_h": base["controlled_h"] + np.float32(0.01)}
    run = replace(base, info=base.info.model_copy(update={"name": "mine"}), data=data)
    gap = found({"fixed": base, "mine": run}).differences["mine"]["time_controlled"]
    assert (gap.low, gap.high) == (pytest.approx(1.0, abs=1e-3), pytest.approx(1.0, abs=1e-3))
    assert gap.improved == 1.0


def test_training_seeds_widen_the_interval():
    seeds = [arm("ppo", level, 100) for level in (0.3, 0.5, 0.7)]
    result = found({"fixed": arm("fixed", 0.3, 100), "ppo": seeds})
    one = found({"fixed": arm("fixed", 0.3, 100), "ppo": seeds[1]})
    assert {name: one.training_seeds for name, one in result.policies.items()} == {"fixed": 1, "ppo": 3}
    key = "time_controlled"
    assert result.policies["ppo"].values[key].shape == (100,)
    assert result.policies["ppo"].estimates[key].mean == pytest.approx(one.policies["ppo"].estimates[key].mean, abs=0.5)
    several, single = result.differences["ppo"][key], one.differences["ppo"][key]
    assert several.high - several.low > 5 * (single.high - single.low)
    assert single.verdict == "superior"
    assert several.verdict == "inconclusive"  # one of the three seeds taught nothing


def test_events_and_shield_use_are_per_time_alive():
    run = arm("mine", 0.5, 4, intervened=1, binding=1 << 11, violations=1 << 11)
    die(run, 0, 11)
    result = found({"fixed": arm("fixed", 0.5, 4), "mine": run})
    assert result.policies["mine"].shield.intervened == pytest.approx(1000.0)
    assert result.policies["mine"].shield.binding[11] == pytest.approx(1000.0)
    assert result.policies["mine"].shield.binding[12] == 0.0
    assert result.policies["mine"].events["death"].patients == 1
    assert result.policies["fixed"].events["death"].upper_per_100d == pytest.approx(100 * 2.9957 / 4, rel=1e-3)


def test_unshielded_results_are_marked_and_support_no_claim():
    runs = {"fixed": arm("fixed", 0.3, shield_mode="off"), "mine": arm("mine", 0.5, noise=1, shield_mode="off")}
    assert decide(compared(), "mine").better
    result = found(runs)
    assert not decide(result, "mine").better
    text = shown(result)
    assert text.count("UNSHIELDED") == 4  # the title, both columns, the verdict
    assert to_dict(result)["unshielded"] is True


@pytest.mark.parametrize(("field", "word"), [("unproved", "UNPROVED PROFILE"), ("wide", "WIDE LIMITS")])
def test_results_under_doubtful_limits_are_marked(field, word):
    marked = compared(n=20).model_copy(update={field: True})
    assert shown(marked).count(word) == 1
    assert f"{word}: " in shown(marked, brief_table)
    assert to_dict(marked)[field] is True
    assert word not in shown(compared(n=20))


def test_the_table_tells_everything():
    text = shown(compared())
    for entry in OUTCOMES:
        assert entry.label in text
    assert "UNSHIELDED" not in text
    assert "simulation only" in text
    assert "fixed (ref)" in text
    assert "better" in text


def test_the_brief_table_fits_a_terminal_and_says_better():
    text = shown(compared(), brief_table)
    assert max(len(line) for line in text.splitlines()[2:6]) <= 110
    assert "minus fixed (95 %)" in text
    assert [line.split()[-1] for line in text.splitlines() if line.split()[:1] == ["mine"]] == ["yes"]


def test_a_name_in_brackets_is_no_markup():
    runs = {"fixed": arm("fixed", 0.3, 10), "[red]x[/]": arm("[red]x[/]", 0.5, 10)}
    assert "[red]x[/]" in shown(found(runs))


def test_outcomes_follow_the_task():
    runs = {"fixed": arm("fixed", 0.3, 20), "mine": arm("mine", 0.5, 20, noise=1)}
    pain = runs["fixed"].task.model_copy(update={"primary": Primary(outcome="mean_nrs", text="mean pain")})
    result = found({name: replace(run, task=pain) for name, run in runs.items()})
    assert result.primary == outcome("mean_nrs").model_copy(update={"role": "primary"})
    assert [entry.role for entry in result.outcomes].count("primary") == 1
    assert [key for key, gap in result.differences["mine"].items() if gap.p_adjusted is not None] == ["mean_nrs"]
    assert {entry.key for entry in result.outcomes} == {entry.key for entry in OUTCOMES}


def test_a_result_knows_its_conditions():
    runs = {name: arm(name, 0.3, 5, cohort_seed=7, split="tune") for name in ("fixed", "mine")}
    result = found(runs)
    assert (result.profile, result.cohort_seed, result.split, result.seed) == ("seed_2025", 7, "tune", 0)
    assert result.task_hash == runs["fixed"].task.hash
    assert result.patients == (0, 1, 2, 3, 4)


def introduced(run, **info):
    object.__setattr__(run, "info", PolicyInfo(**{"name": run.policy, "kind": "learned", **info}))
    return run


def test_policies_are_known_by_what_they_say_and_their_name():
    runs = {
        "fixed": arm("fixed", 0.3, 10),
        "one": [introduced(arm("ppo", 0.4, 10), label="PPO", training_seeds=(seed,)) for seed in (4, 5)],
        "two": introduced(arm("ppo", 0.5, 10), label="PPO", training_seeds=(6,)),
    }
    infos = [one.info for one in found(runs).policies.values()]
    assert [info.name for info in infos] == ["fixed", "one", "two"]
    assert [info.label for info in infos] == ["fixed", "PPO (one)", "PPO (two)"]
    assert [info.kind for info in infos] == ["rule", "learned", "learned"]
    assert [info.training_seeds for info in infos] == [(), (4, 5), (6,)]


def test_json_is_strict_and_whole():
    result = compared(n=20)  # nobody had a breakthrough, so one outcome is missing
    values = json.loads(as_json(to_dict(result)), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert values["estimates"]["mine"]["breakthrough_relief"]["mean"] is None
    assert values["better"] == {"mine": False}
    assert values["differences"]["mine"]["time_controlled"]["verdict"] == "superior"
    assert values["note"] == "simulation only"


def test_runs_of_other_conditions_are_refused():
    with pytest.raises(ConfigError, match="seed"):
        summarize({"fixed": arm("fixed", 0.3), "mine": arm("mine", 0.3, seed=1)}, "fixed", 0)
    with pytest.raises(ConfigError, match="shield_mode"):
        summarize({"fixed": arm("fixed", 0.3), "mine": arm("mine", 0.3, shield_mode="off")}, "fixed", 0)


def test_names():
    with pytest.raises(ConfigError, match="the policy 'fixed' is given 2 times"):
        compare([make_policy("fixed"), make_policy("fixed")], short_task(), 2)
    with pytest.raises(ConfigError, match="reference 'fixed' is not among the policies pid"):
        compare([make_policy("pid")], short_task(), 2)
    with pytest.raises(ConfigError, match="at least one patient"):
        compare([make_policy("fixed")], short_task(), 0)


def test_a_real_comparison():
    seen: dict[str, tuple[int, int]] = {}
    result = compare(
        [make_policy("fixed"), make_policy("max_request")],
        short_task(),
        4,
        progress=lambda name, done, total: seen.__setitem__(name, (done, total)),
    ).result
    assert seen == {"fixed": (48, 48), "max_request": (48, 48)}
    assert result.policies["max_request"].estimates["cap_violations"].high == 0.0
    assert result.policies["max_request"].estimates["interventions"].mean > 50.0
    assert (
        result.policies["fixed"].estimates["interventions"].mean
        < result.policies["max_request"].estimates["interventions"].mean
    )
    same = compare([make_policy("fixed")], short_task(), 4).result
    np.testing.assert_array_equal(same.policies["fixed"].values["return"], result.policies["fixed"].values["return"])
