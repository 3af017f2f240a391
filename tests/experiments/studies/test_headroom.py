"""The study of a task's headroom: always tune patients, the same again by seed, sound numbers, and refusals before any work."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.headroom import FREE, HINDSIGHT, ORACLE, POLICIES
from thecal.experiments.analysis.headroom_stored import to_dict
from thecal.experiments.studies import headroom as module
from thecal.experiments.studies.headroom import OUTCOMES, check_size, headroom

from support.runs import short_task

GRID = (0.5, 1.0, 8.0)


def small(seeds=(1, 2), models=(), **options):
    return headroom(Scenario.of(short_task(1.0), split="tune"), 12, seeds, multiples=GRID, models=models, **options)


@pytest.fixture(scope="module")
def found():
    return small()


def test_every_policy_and_both_hindsights_are_there(found):
    assert list(found.judgment.policies) == [*POLICIES, ORACLE, HINDSIGHT, FREE]
    kinds = {name: row.kind for name, row in found.judgment.policies.items()}
    assert {name for name, kind in kinds.items() if kind == "sanity"} == {"random", "max_request"}
    assert {name for name, kind in kinds.items() if kind == "hindsight"} == {HINDSIGHT, FREE}
    assert {name for name, kind in kinds.items() if kind == "model-based"} == {ORACLE}
    assert found.judgment.reference in (ORACLE, HINDSIGHT)
    assert all(tuple(row.outcomes) == OUTCOMES for row in found.judgment.policies.values())
    assert found.left_out == {}


def test_policies_that_plan_are_apart_or_left_out_with_reason():
    task = short_task(0.25)
    found = headroom(Scenario.of(task), 12, (1,), multiples=(1.0,), models=("mpc",))
    assert found.judgment.policies["mpc"].kind == "model-based"
    assert found.judgment.best_rule != "mpc"
    fields = tuple(name for name in task.observation.fields if name != "dose_mg_per_d")
    bounds = {name: value for name, value in task.observation.bounds.items() if name in fields}
    seen = task.observation.model_copy(update={"fields": fields, "bounds": bounds})
    blind = task.model_copy(update={"observation": seen})
    unfit = headroom(Scenario.of(blind), 12, (1,), multiples=(1.0,), models=("mpc",))
    assert "dose_mg_per_d" in unfit.left_out["mpc"]
    assert "mpc" not in unfit.judgment.policies


def test_the_head_names_what_ran(found):
    assert found.scenario.split == "tune"
    assert (found.patients, found.seeds, found.multiples) == (12, (1, 2), GRID)
    assert found.scenario_hashes == {
        str(seed): Scenario.of(short_task(1.0), split="tune", cohort_seed=seed, seed=seed).resolve().hash
        for seed in (1, 2)
    }


def test_the_same_seeds_find_the_same(found):
    assert to_dict(small()) == to_dict(found)


def test_other_seeds_find_other_patients(found):
    assert small((1, 3)).judgment.policies["fixed"] != found.judgment.policies["fixed"]


def test_the_split_that_is_asked_for_does_not_count():
    seen = module._scene(Scenario.of(split="test", cohort_seed=9, seed=9), 4, "project").scenario
    assert (seen.split, seen.cohort_seed, seen.seed, seen.shield_mode) == ("tune", 4, 4, "project")


def test_the_parts_of_the_time_add_up(found):
    for row in found.judgment.policies.values():
        parts = [row.outcomes[key].mean.value for key in ("well_treated", *module.PARTS)]
        assert sum(parts) == pytest.approx(100.0, abs=1e-3)


def test_hindsight_is_no_worse_than_any_dose_it_tried(found):
    """A grid of the starting dose alone is the dose of the start, held; the whole grid holds it too."""
    alone = headroom(Scenario.of(short_task(1.0)), 12, (1, 2), multiples=(1.0,), models=()).judgment.policies
    whole = found.judgment.policies
    for name in (HINDSIGHT, FREE):
        before, after = (rows[name].outcomes["well_treated"].mean.value for rows in (alone, whole))
        assert before <= after
    assert whole[FREE].outcomes["well_treated"].mean.value >= whole[HINDSIGHT].outcomes["well_treated"].mean.value


def test_hindsight_chooses_by_well_treated_time_then_return(monkeypatch):
    def made_up(policy, scene, patients, meter):
        dose = policy.info.parameters.get("multiple", 1.0)
        well = np.full(patients, 10.0)
        well[0] = {0.5: 30.0, 1.0: 20.0, 8.0: 20.0}[dose]
        return {key: np.full(patients, dose) for key in OUTCOMES} | {"well_treated": well}

    monkeypatch.setattr(module, "_run", made_up)
    returns = small((1,)).judgment.policies[HINDSIGHT].outcomes["return"]
    assert returns.mean.value == pytest.approx((0.5 + 11 * 8.0) / 12)


def test_memory_is_bounded_by_blocks(found, monkeypatch):
    """Blocks of five patients find what one block finds."""
    monkeypatch.setattr(module, "BLOCK", 5)
    assert to_dict(small()) == to_dict(found)


def test_progress_rises_to_the_whole():
    seen: list[float] = []
    small((1,), progress=lambda share, _what: seen.append(share))
    assert seen == sorted(seen)
    assert 0.0 < seen[0] < 0.01
    assert seen[-1] == pytest.approx(1.0)


def test_without_an_unshielded_scenario_the_reason_is_kept(monkeypatch):
    plain = module._scene

    def refuse(scenario, seed, mode):
        if mode == "off":
            raise ConfigError("not here")
        return plain(scenario, seed, mode)

    monkeypatch.setattr(module, "_scene", refuse)
    without = small((1,))
    assert without.left_out == {FREE: "not here"}
    assert FREE not in without.judgment.policies


@pytest.mark.parametrize(
    ("patients", "seeds", "said"),
    [
        (11, (1,), "at least 12 patients"),
        (12, (), "at least one seed"),
        (12, (1, 2, 1), "seed 1 is given twice"),
        (12, (-1,), "a seed must lie between 0"),
        (12, (1.5,), "whole number"),
        (10_001, (1, 2), "more than 20000 together"),
    ],
)
def test_what_cannot_be_judged_is_refused(patients, seeds, said):
    with pytest.raises(ConfigError, match=said):
        check_size(patients, seeds)
    with pytest.raises(ConfigError, match=said):
        headroom(Scenario.of(), patients, seeds)


def test_the_smallest_size_is_taken():
    assert check_size(12, [np.int64(3)]) == (3,)


def test_an_unknown_task_is_named():
    with pytest.raises(UnknownNameError, match="CancerMorfine"):
        headroom(Scenario.of("CancerMorfine"), 12, (1,))


def test_a_task_that_a_rule_does_not_fit_is_refused():
    task = short_task(1.0)
    fields = tuple(name for name in task.observation.fields if name != "nrs_age_h")
    blind = task.model_copy(update={"observation": task.observation.model_copy(update={"fields": fields})})
    with pytest.raises(ConfigError, match="nrs_age_h"):
        headroom(Scenario.of(blind), 12, (1,))
