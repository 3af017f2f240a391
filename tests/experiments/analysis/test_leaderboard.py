"""A leaderboard of made-up parts: ranks, what qualifies a claim, who stands apart, and refusals of damaged folders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from thecal.core.errors import StoreError
from thecal.experiments.analysis.benchmark_parts import place_of
from thecal.experiments.analysis.benchmark_plan import load_plan
from thecal.experiments.analysis.exact import share_interval
from thecal.experiments.analysis.leaderboard_build import build
from thecal.experiments.analysis.leaderboard_stored import load_leaderboard, save_leaderboard, to_dict

from support.benchmarks import cell, entry, level, stored

RULES = [entry("guideline"), entry("fixed"), entry("pid")]
WELL = {"guideline": 50.0, "fixed": 30.0, "pid": 60.0, "learned": 70.0, "oracle": 90.0, "hindsight": 80.0}


def board(folder, entries=RULES, numbers=None, **fields):
    stored(folder, list(entries), numbers or level(WELL), **fields)
    return build(folder).boards[0]


def test_policies_stand_in_the_order_of_their_utility(tmp_path):
    found = board(tmp_path)
    assert [(name, line.place.rank) for name, line in found.lines.items()] == [
        ("pid", 1),
        ("guideline", 2),
        ("fixed", 3),
    ]
    assert found.lines["pid"].utility["balanced"].mean == pytest.approx(60 - 0.25 * 40, abs=0.3)
    assert found.agreement.same_order
    assert found.agreement.tau == {"relief": 1.0, "harm_averse": 1.0}


def test_an_order_that_a_weighting_turns_is_told(tmp_path):
    def numbers(part):
        risky = part.entry.name == "pid"
        return {"well_treated": 70.0 if risky else 50.0, "lost_breathing": 5.0 if risky else 0.0}

    found = board(tmp_path, numbers=numbers)
    assert next(iter(found.lines)) == "pid"
    assert found.lines["pid"].ranks == {"relief": 1, "balanced": 1, "harm_averse": 3}
    assert not found.agreement.same_first


def test_who_is_clearly_better_may_be_called_so(tmp_path):
    found = board(tmp_path)
    assert found.lines["pid"].claim.startswith("more effective") or found.lines["pid"].claim == "better"
    assert found.lines["fixed"].claim == "not shown better"
    assert found.lines["guideline"].claim == "reference"
    assert found.lines["pid"].improvement.mean == 1.0
    assert found.lines["pid"].differences["time_controlled"].mean == pytest.approx(10.0)


def limited(folder, hours):
    def numbers(part):
        own = {"sed_hours": hours, "resp_hours": hours} if part.entry.name == "pid" else {}
        return {**level(WELL)(part), **own}

    return board(folder, numbers=numbers, cells=[cell("CancerDoseFinding")])


def test_who_keeps_the_limits_of_the_task_is_said_to(tmp_path):
    found = limited(tmp_path, 0.0)
    assert found.limits == {"sed_hours": 4.0, "resp_hours": 6.0}
    assert found.lines["pid"].limits == "limits kept"
    assert found.lines["pid"].claim.endswith("; limits kept")
    assert found.lines["guideline"].claim == "reference; limits kept"


def test_nobody_is_better_who_breaks_a_limit_of_the_task(tmp_path):
    line = limited(tmp_path, 90.0).lines["pid"]
    assert line.limits == "sed_hours, resp_hours above the limit"
    assert line.claim.startswith("more effective; no worse harm not shown for")
    assert line.claim.endswith(line.limits)


def test_holm_covers_every_task_and_policy(tmp_path):
    cells = [cell(task) for task in ("CancerMorphine", "NonCancerMorphine", "NonCancerMix")]
    found = build_of(tmp_path, cells, lambda part: {"time_controlled": gaps(part)})
    assert found.tested == 6
    raw = found.boards[0].lines["pid"].differences["time_controlled"].p_adjusted
    alone = build_of(tmp_path / "alone", cells[:1], lambda part: {"time_controlled": gaps(part)})
    assert alone.tested == 2
    one = alone.boards[0].lines["pid"].differences["time_controlled"].p_adjusted
    assert raw == pytest.approx(3.0 * one, rel=1e-6)  # six tests in place of two, the smallest of each first


def gaps(part):
    who = np.arange(*part.patients)
    return 50.0 + (np.where(who % 5, 1.0, -1.0) if part.entry.name == "pid" else np.zeros(len(who)))


def build_of(folder, cells, numbers):
    stored(folder, RULES, numbers, cells=cells)
    return build(folder)


@pytest.mark.parametrize(("seeds", "few"), [(9, True), (10, False)])
def test_a_learned_method_needs_ten_training_seeds(tmp_path, seeds, few):
    found = board(tmp_path, [*RULES, entry("learned", "learned", seeds)])
    line = found.lines["learned"]
    assert line.few_seeds is few
    assert line.claim.startswith("no claim: fewer than 10 training seeds") is few
    assert line.place.rank == 1


def test_privileged_policies_stand_apart(tmp_path):
    found = board(tmp_path, [*RULES, entry("oracle", "model-based", privileged=True)])
    assert list(found.apart) == ["oracle"]
    assert "oracle" not in found.lines
    assert found.apart["oracle"].claim == "no claim: it knows what no policy knows"
    assert build(tmp_path).tested == 2


def test_hindsight_keeps_each_patients_best(tmp_path):
    def numbers(part):
        who, dose = np.arange(*part.patients), part.runner.hash[-1]
        if part.entry.name == "hindsight":
            return {"well_treated": np.where(who % 2 == int(dose), 80.0, 20.0)}
        return {"well_treated": WELL[part.entry.name]}

    found = board(tmp_path, [*RULES, entry("hindsight", hindsight=2)], numbers, hold="fixed", top="hindsight")
    assert found.apart["hindsight"].well.mean.mean == 80.0
    assert {name: line.score.mean for name, line in found.lines.items()} == {"pid": 0.6, "guideline": 0.4, "fixed": 0.0}
    assert found.lines["pid"].scored == 20


def test_without_a_top_there_is_no_score(tmp_path):
    line = board(tmp_path, hold="fixed").lines["pid"]
    assert np.isnan(line.score.mean)
    assert line.scored == 0


def test_unshielded_results_claim_nothing(tmp_path):
    stored(tmp_path, RULES, level(WELL), cells=[cell(), cell(mode="off")])
    found = build(tmp_path)
    free = found.boards[1]
    assert (free.mark, free.lines["pid"].claim) == ("UNSHIELDED", "no claim: UNSHIELDED")
    assert found.tested == 2
    assert [one.unshielded for one in found.overall] == [False, True]


def test_a_policy_that_games_claims_nothing(tmp_path):
    def numbers(part):
        return {**level(WELL)(part), "f_rise": 1.0 if part.entry.name == "pid" else 0.0}

    line = board(tmp_path, numbers=numbers).lines["pid"]
    assert line.seen == ["asking for everything"]
    assert line.claim.startswith("no claim: asking for everything")


def test_rare_events_have_exact_bounds(tmp_path):
    def numbers(part):
        dead = (np.arange(*part.patients) == 3) & (part.entry.name == "pid")
        return {"well_treated": 50.0, "died": 100.0 * dead}

    found = board(tmp_path, numbers=numbers)
    assert found.lines["pid"].rare["died"] == share_interval(1, 20)
    assert found.lines["fixed"].rare["died"] == share_interval(0, 20)


def test_seeds_of_cohorts_are_put_together(tmp_path):
    found = board(tmp_path, cells=[cell(seed=1), cell(seed=2)])
    assert found.patients == 40
    assert set(found.scenario_hashes) == {"1", "2"}


def test_all_conditions_count_the_same(tmp_path):
    def numbers(part):
        return {"well_treated": WELL[part.entry.name] + (20.0 if part.cell.task == "NonCancerMix" else 0.0)}

    stored(tmp_path, RULES, numbers, cells=[cell(), cell("NonCancerMix")])
    (found,) = build(tmp_path).overall
    assert found.conditions == 2
    assert found.lines["pid"].utility["balanced"].mean == pytest.approx(70 - 0.25 * 30)


def test_it_is_read_back_as_it_was(tmp_path):
    stored(tmp_path, [*RULES, entry("learned", "learned", 2)], level(WELL))
    found = build(tmp_path)
    assert to_dict(load_leaderboard(save_leaderboard(found, tmp_path))) == to_dict(found)
    again = to_dict(build(tmp_path))
    assert again == to_dict(found)


def test_a_missing_part_is_told(tmp_path):
    plan = stored(tmp_path, RULES, level(WELL))
    gone = place_of(next(plan.parts()), tmp_path)
    gone.unlink()
    with pytest.raises(StoreError, match=gone.name):
        build(tmp_path)


@pytest.mark.parametrize("spoil", ["cut", "swapped", "empty"])
def test_a_damaged_part_is_told(tmp_path, spoil):
    plan = stored(tmp_path, RULES, level(WELL))
    first, same = list(plan.parts())[0:4:3]
    assert (first.patients, first.runner) == (same.patients, RULES[0].runners[0])
    file = place_of(first, tmp_path)
    other = place_of(same, tmp_path).read_bytes()  # of the same patients, by another policy
    file.write_bytes({"cut": file.read_bytes()[:-50], "swapped": other, "empty": b""}[spoil])
    with pytest.raises(StoreError, match="a part of a benchmark cannot be read"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda values: values.pop("kind"), "not the plan of a benchmark"),
        (lambda values: values.update(schema=99), "with schema 99"),
        (lambda values: values.update(patients="many"), "patients"),
        (lambda values: values.pop("entries"), "entries"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, change, said):
    stored(tmp_path, RULES, level(WELL))
    file = tmp_path / "benchmark.json"
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))
    with pytest.raises(StoreError, match=said):
        load_plan(tmp_path)


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match="holds no benchmark"):
        build(tmp_path)
    (tmp_path / "leaderboard.json").write_text("{}")
    with pytest.raises(StoreError, match="not a leaderboard"):
        load_leaderboard(tmp_path)
