"""The virtual patients against published observations: small cohorts draw by draw as they were recorded, and the whole score.

The short form compares today's patients with those of the stored scorecard on the same seeds. After a change that is meant,
record the scorecard anew: ``thecal validate --full --record .``
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from thecal.core.executor import local
from thecal.experiments.validation.scores import PRECISE, Score, by_structure, of_structure
from thecal.experiments.validation.scoring import BRIEF, FULL, reproduce, score, theme_jobs
from thecal.experiments.validation.stored import load
from thecal.experiments.validation.targets import Target, load_targets
from thecal.physiology.structures import read_record

DOCS = Path(__file__).resolve().parents[2] / "docs"
RECORD = "a change that is meant needs `thecal validate --full --record .`"
TARGETS = {target.key: target for target in load_targets()}
# Of the interval: by how much a value may move on the same patients before it counts as another model, and how much more the
# value of a few small cohorts may differ from the recorded one, in standard errors of both.
SAME, FAR = 0.1, 6.0


@pytest.fixture(scope="module")
def saved():
    return load(DOCS)


def jobs():
    """Every theme; of the seeds the first, the others in the slow command."""
    marks = dict.fromkeys(BRIEF.seeds[1:], pytest.mark.slow)
    found = theme_jobs(list(TARGETS.values()), BRIEF)
    return [pytest.param(job, marks=marks.get(job.who.seed, ()), id=f"{job.theme}-{job.who.seed}") for job in found]


@pytest.mark.parametrize("job", jobs())
def test_patients_are_those_of_the_record(job, saved):
    recorded = {one.target.key: one for one in saved.short}
    place = BRIEF.seeds.index(job.who.seed)
    moved = {}
    for key, value in reproduce(job).items():
        assert key in recorded, f"{key}: {RECORD}"
        before = recorded[key].values[place]
        if not same(TARGETS[key], before, value):
            moved[key] = (before, value)
    assert not moved, f"{moved}: {RECORD}"


def same(target: Target, before: float, now: float) -> bool:
    """Whether a value moved by less than a tenth of its interval, or is as missing as it was."""
    if not math.isfinite(before) or not math.isfinite(now):
        return not math.isfinite(before) and not math.isfinite(now)
    if target.scale == "log" and min(before, now) > 0:
        return abs(math.log(now / before)) <= SAME * target.width
    return abs(now - before) <= SAME * target.linear_width


def test_small_cohorts_agree_with_the_whole_score(saved):
    whole = {one.target.key: one for one in of_structure(saved.scores, "axial")}
    far = {
        one.target.key: (one.shown, whole[one.target.key].shown)
        for one in saved.short
        if abs(one.simulated - whole[one.target.key].simulated) > bound(one, whole[one.target.key])
    }
    assert not far, f"{far}: {RECORD}"


def bound(brief: Score, whole: Score) -> float:
    """How far the mean of a few small cohorts may lie from the recorded value: its Monte-Carlo error, and some bias of size."""
    one_cohort = whole.error * math.sqrt(len(whole.values) * whole.scale / BRIEF.scale)
    width = whole.target.linear_width
    return FAR * math.hypot(whole.error, one_cohort / math.sqrt(len(brief.values))) + 0.5 * width


def test_the_record_speaks_of_these_targets_and_this_model(saved):
    scored = {one.target.key for one in saved.scores}
    assert scored == set(TARGETS), RECORD
    assert saved.origin.model, RECORD
    record = read_record()
    assert record is not None, RECORD
    assert record.model == saved.origin.model, RECORD
    assert not record.stale, RECORD


def test_the_recorded_errors_are_small(saved):
    rough = [one.target.key for one in saved.scores if one.scale < FULL.most_scale and one.error_share > 1.5 * PRECISE]
    assert rough == []


@pytest.mark.slow
def test_the_whole_score_is_the_recorded_one(saved):
    found = {(one.target.key, one.structure): one for one in score(list(TARGETS.values()), FULL, local())}
    for structure, scores in by_structure(saved.scores).items():
        for before in scores:
            now = found[before.target.key, structure]
            apart = math.hypot(before.error, now.error)
            close = abs(now.simulated - before.simulated) <= 4.0 * apart + SAME * before.target.linear_width
            assert close or not math.isfinite(before.simulated), f"{before.target.key}: {RECORD}"
