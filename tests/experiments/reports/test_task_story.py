"""The course behind a task's picture is the run of the policy alone, with what it saw beside it, and ends with a life."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from thecal.agents.registry import make_policy
from thecal.envs.scenario import Scenario
from thecal.experiments.reports.task_figures import picture
from thecal.experiments.reports.task_story import Story, tell
from thecal.experiments.reports.task_words import binding, commented, dose, goal, span, start
from thecal.experiments.rollouts.rollout import rollout

from support.task_files import written


def _scene(name: str = "CancerDoseFinding", days: float = 2.0):
    return Scenario.of(name, split="tune", horizon_d=days).resolve()


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(_scene(), 3, "guideline")


def test_watching_changes_nothing(story):
    run = rollout(make_policy("guideline"), _scene(), [3])
    for name, column in story.track.items():
        np.testing.assert_array_equal(column, run[name][:, 0])


def test_what_was_seen_stands_beside_every_step(story):
    assert len(story.day) == len(story.seen["poss"]) == 12
    assert story.day[-1] == 2.0
    reported = story.track["nrs_report"][:-1]
    arrived = np.isfinite(reported)
    np.testing.assert_allclose(story.seen["nrs_report"][1:][arrived], reported[arrived], atol=1e-5)


def test_the_goal_follows_the_patients_own_pain(story):
    base = rollout(make_policy("fixed"), _scene(), [3]).start["pain_base"][0]
    assert story.goal == max(3.0, 0.7 * base)


def test_present_names_what_was_there(story):
    track = dict(story.track, life=np.full(12, 1 << 2), life_begun=np.zeros(12, int), faults=np.zeros(12, int))
    ((kind, name, there),) = replace(story, track=track).present()
    assert (kind, name, there.all()) == ("life", "infection", True)


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("CancerDoseFinding", ("Pain", "Dose", "Oxygen saturation", "Sedation", "Nausea")),
        ("MixtureAtRefill", ("Pain", "Dose", "Motor block", "Nausea")),
        ("ZiconotideWindow", ("Pain", "Dose", "Cognitive effect", "Nausea")),
        ("BaclofenSpasticity", ("Spasticity", "Spasms", "Dose", "Sedation", "Motor block")),
    ],
)
def test_a_picture_has_the_panels_of_its_task(name, heads):
    told = tell(_scene(name), 0, "guideline")
    text = picture(told)
    words = {node.text for node in ElementTree.fromstring(text).iter() if node.tag.endswith("}text")}
    assert {*heads, "What the hours count as", "Events, faults, clinic and shield", "time since the start [d]"} <= words
    assert told.mark in text
    assert picture(told) == text


def test_a_life_that_ends_ends_the_course():
    told = tell(_scene(), 3, "guideline")
    alive = np.where(np.arange(12) < 5, told.track["alive_h"], 0.0)
    cut = replace(told, day=told.day[alive > 0], track={k: v[alive > 0] for k, v in told.track.items()})
    assert "<svg" in picture(replace(cut, seen={k: v[alive > 0] for k, v in told.seen.items()}))


def test_numbers_are_told_in_their_usual_units():
    assert [dose(value) for value in (5.52, 150.0, 6840.0)] == ["5.52 µg/d", "150 µg/d", "6.84 mg/d"]
    assert [span(value) for value in (4.0, 24.0, 36.0, 168.0)] == ["4 h", "1 d", "36 h", "7 d"]


def test_words_follow_the_task(tmp_path: Path):
    from thecal.envs.tasks import load_task

    task = load_task("CancerDoseFinding")
    assert goal(task.model_copy(update={"goal_relief": None})) == "felt pain NRS ≤ 3"
    changed = task.start.model_copy(update={"low": 1.0, "high": 1.0, "inherited": False})
    assert start(task.model_copy(update={"start": changed})) == dose(task.start.dose_ug_per_d)
    assert "conversion" in start(load_task("CancerMorphine"))
    assert (
        "ashworth" in goal(load_task(written(tmp_path, "Baclofen")).model_copy(update={"goal": "spasticity"})).lower()
    )
    assert "2.4 µg/d" in binding(load_task("ZiconotideWindow"))
    assert "15 or 30 %" in binding(load_task("BaclofenSpasticity"))
    assert ("start.dose_ug_per_d", "6840.0") in {entry[:2] for entry in commented("CancerDoseFinding")}
