"""From a comparison to a report: which patients are shown, in which units, what is missing, and back from disk."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from thecal.agents.info import PolicyInfo
from thecal.core.errors import StoreError
from thecal.envs.outcomes import OUTCOMES
from thecal.envs.tasks import Primary
from thecal.experiments.analysis.compare import summarize
from thecal.experiments.analysis.stored import save_result, to_dict
from thecal.experiments.reports.build import build_report, stored_curve
from thecal.experiments.reports.data import EVENT_LABELS
from thecal.experiments.reports.page import render
from thecal.experiments.reports.store import FILE, load_report_data, save_report_data
from thecal.safety.invariants import Invariant

from support.reports import synthetic_data
from support.runs import die, hand_run

N = 20


def controlled(policy: str, hours_of_48):
    """Patients whose controlled hours are given one by one."""
    share = np.asarray(hours_of_48, np.float32) / 48.0
    return hand_run(
        48, len(share), policy=policy, controlled_h=share[None, :], allowed_rate=0.5, dose24_ug=1500.0, rr_min=12.0
    )


def introduced(run, **info):
    """The run of a policy that says what it is."""
    object.__setattr__(run, "info", PolicyInfo(name=run.policy, **info))
    return run


@pytest.fixture
def found():
    """A trained policy whose patient k is controlled for k hours, and a reference where nobody is."""
    trained = introduced(die(controlled("mine", np.arange(N)), 1, 30), label="My method", kind="learned")
    return summarize({"fixed": controlled("fixed", np.zeros(N)), "mine": trained}, "fixed", 0)


def test_trained_policies_come_first_and_are_known_by_kind(found):
    data = build_report(found)
    assert data.policies == ["mine", "fixed"]
    assert data.learned == ["mine"]
    assert data.lead == "mine"
    assert data.training_seeds == 1
    assert data.title == "CancerMorphine: My method against 1 other policies"
    assert data.outcomes[0].key == found.result.spec["primary"]["outcome"]
    assert [entry.role for entry in data.outcomes].count("primary") == 1
    assert {entry.key for entry in data.outcomes} == {entry.key for entry in OUTCOMES}


def test_a_run_that_does_not_say_what_it_is_counts_as_a_rule():
    runs = {name: controlled(name, np.zeros(4)) for name in ("fixed", "mine")}
    data = build_report(summarize(runs, "fixed", 0))
    assert data.learned == []
    assert data.title == "CancerMorphine: 2 policies compared"


def test_worst_median_and_best_patients_are_chosen_by_rank(found):
    stories = build_report(found).stories
    assert [story.patient for story in stories] == [0, 1, N // 2, N - 1]
    assert [story.title.split()[0] for story in stories] == ["Worst", "Worst-tenth", "Median", "Best"]
    assert [list(story.tracks) for story in stories] == [["mine", "fixed"]] * 4


def test_worst_patients_follow_the_direction_of_the_outcome():
    """With an outcome of which less is better, the worst tenth ends at the second highest of twenty."""
    runs = {"fixed": hand_run(24, N, policy="fixed"), "mine": hand_run(24, N, policy="mine")}
    runs["mine"]["pain_mean"][:] = np.linspace(0.0, 9.5, N, dtype=np.float32)
    primary = Primary(outcome="mean_nrs", text="mean pain")
    task = runs["fixed"].task.model_copy(update={"primary": primary})
    runs = {name: replace(run, task=task) for name, run in runs.items()}
    stories = build_report(summarize(runs, "fixed", 0)).stories
    assert [story.patient for story in stories] == [N - 1, N - 2, N // 2 - 1, 0]


def test_the_best_rule_stands_beside_the_leading_policy(found):
    runs = {name: list(members) for name, members in found.replicates.items()}
    for name, hours in (("good", 9.0), ("best", 19.0), ("crude", 40.0)):
        runs[name] = [controlled(name, np.full(N, hours))]
    introduced(runs["crude"][0], label="Crude", kind="sanity")
    data = build_report(summarize(runs, "fixed", 0))
    assert [list(story.tracks) for story in data.stories] == [["mine", "fixed", "best"]] * 4


def test_tracks_have_figure_units_and_end_with_the_patient(found):
    worst = build_report(found).stories[1].tracks["mine"]
    assert worst["dose24_mg"][0] == pytest.approx(1.5)
    assert worst["programmed_mg_per_d"][0] == pytest.approx(0.5)  # 0.5 mL/d of 1 mg/mL
    assert worst["cap_mg"][0] == pytest.approx(1.0)
    assert np.isnan(worst["pain_mean"][31:]).all()
    assert np.isnan(worst["cap_mg"][31:]).all()
    assert np.isfinite(worst["time_h"]).all()
    assert np.isfinite(worst["pain_mean"][:31]).all()


def test_events_and_limits_have_names_for_people(found):
    data = build_report(found)
    page = render(data)
    repeated = [name for key, name in EVENT_LABELS.items() if key != "death"]
    assert all(f"{name.lower()} (at most" in page for name in repeated)
    assert '<th scope="col">Death<small>patients, share' in page
    assert data.of("mine").events["death"].onsets == 1
    assert data.invariants[int(Invariant.LOCKOUT)][0] == "lockout"
    assert set(data.of("mine").shield.binding) <= set(data.invariants)


def test_nested_provenance_becomes_one_row_a_fact(found):
    data = build_report(found, provenance={"git": {"commit": "abc"}, "seed": 3, "config": {"a": {"b": 1}}})
    assert data.provenance == {"git commit": "abc", "seed": 3, "config": {"a": {"b": 1}}}


def test_the_curve_is_found_beside_the_policy(found, tmp_path):
    (tmp_path / "run" / "policy").mkdir(parents=True)
    (tmp_path / "run" / "curve.json").write_text('{"frames": [1, 2], "return": [0.1, 0.2], "cost": [0.0, 0.0]}')
    for folder in (tmp_path / "run", tmp_path / "run" / "policy"):
        curves = build_report(found, curve=stored_curve(folder)).curves
        assert [curve.label for curve in curves] == ["Reward per decision", "Harm cost per decision"]
    assert stored_curve(tmp_path) is None
    assert build_report(found).curves == []


def test_a_report_comes_back_from_disk_as_it_was(tmp_path):
    data = synthetic_data(n=12, hours=48)
    save_report_data(data, tmp_path)
    again = load_report_data(tmp_path)
    assert drop_time(render(again)) == drop_time(render(load_report_data(tmp_path / FILE)))
    assert to_dict(again.result) == to_dict(data.result)
    assert again.checks == data.checks
    assert again.invariants == data.invariants
    before, after = (one.stories[0].tracks["ppo"]["pain_mean"] for one in (data, again))
    np.testing.assert_allclose(after, before, rtol=1e-6)
    before, after = data.stories[0].tracks["ppo"]["nrs_report"], again.stories[0].tracks["ppo"]["nrs_report"]
    np.testing.assert_array_equal(before, after)
    assert again.curves[1].low is None


def drop_time(page: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", page)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"{}", mtime=0),
        gzip.compress(b"[1]", mtime=0),
        gzip.compress(b"{", mtime=0),
        gzip.compress(b'{"schema": 1}', mtime=0),
    ],
)
def test_damaged_data_are_refused_in_one_sentence(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StoreError, match=f"{FILE}: "):
        load_report_data(tmp_path)


def test_another_file_is_refused_with_what_a_report_needs(found, tmp_path):
    file = save_result(found.result, tmp_path)
    with pytest.raises(StoreError, match=rf"comparison\.json: .*folder of a comparison, or its {re.escape(FILE)}"):
        load_report_data(file)


def test_reports_of_0_1_are_refused_with_the_way_out(tmp_path):
    old = {"title": "CancerMorphine: 7 policies compared", "task": {}, "seed": 0, "policies": ["fixed"]}
    (tmp_path / FILE).write_bytes(gzip.compress(json.dumps(old).encode()))
    with pytest.raises(StoreError, match=r"written by Thecal 0\.1.*run the comparison again"):
        load_report_data(tmp_path)


def test_reports_of_0_2_are_still_read(tmp_path):
    data = synthetic_data(n=6, hours=24)
    values = json.loads(gzip.decompress(save_report_data(data, tmp_path).read_bytes()))
    assert values["schema"] == 2
    values["schema"] = 1
    for name in ("courses", "groups", "signs"):
        del values["report"][name]
    for story in values["report"]["stories"]:
        del story["lanes"], story["notes"]
        for track in story["tracks"].values():
            del track["function"], track["distress"]
    (tmp_path / FILE).write_bytes(gzip.compress(json.dumps(values).encode()))
    page = render(load_report_data(tmp_path))
    assert "No courses over time were kept" in page
    assert "The detectors were not run" in page
    assert 'id="figure-patient-0-ppo"' in page


def test_reports_of_a_newer_version_are_refused(tmp_path):
    (tmp_path / FILE).write_bytes(gzip.compress(json.dumps({"schema": 99, "thecal": "9.9", "report": {}}).encode()))
    with pytest.raises(StoreError, match=r"written by Thecal 9\.9 with schema 99"):
        load_report_data(tmp_path)


def test_equal_reports_are_equal_bytes(tmp_path):
    data = synthetic_data(n=8, hours=24)
    first, second = (save_report_data(data, tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second


def test_a_folder_without_a_report_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        load_report_data(tmp_path)
