"""Sentences about decisions, against tables written by hand whose every number is known."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.dashboard.decisions import decisions
from thecal.dashboard.reasons import Limits, span
from thecal.dashboard.tables import Shelf
from thecal.envs.clinician import CLEARED, DECLINED, SEDATED
from thecal.experiments.rollouts.parquet import save_trajectories
from thecal.safety.invariants import TITLES, Fallback, Invariant

from support.runs import hand_run

LIMITS = Limits(profile="strict", step=0.2, rise_28d=1.0, interval_h=168.0, fall=0.2, lockout_h=4.0, boluses=6.0)


def told(tmp_path, limits=LIMITS, patient=1, shield_mode="project", **columns):
    """The decisions of the second of two patients, and their sentences; rates are [steps]."""
    columns.setdefault("delivered_rate", columns["allowed_rate"])
    wide = {name: np.stack([np.zeros(len(values)), values], axis=1) for name, values in columns.items()}
    steps = len(next(iter(columns.values())))
    run = hand_run(steps, tick_h=24.0, shield_mode=shield_mode, **wide)
    run.start.update(rate_ml_per_d=np.array([1.0, 1.0]), cap_ug=np.array([1000.0, 15000.0]))
    shelf = Shelf()
    found = decisions(shelf, shelf.table(save_trajectories(run, tmp_path / "trajectories.parquet")), patient)
    return found, [found.text(k, limits) for k in range(len(found.day))]


def bits(steps, *at, which):
    return [1 << which if k in at else 0 for k in range(steps)]


def test_a_rise_too_soon_names_both_times(tmp_path):
    found, texts = told(
        tmp_path,
        requested_rate=[1.2, 1.2, 1.2, 1.44],
        allowed_rate=[1.2, 1.2, 1.2, 1.2],
        binding=bits(4, 3, which=Invariant.INTERVAL),
    )
    assert texts[0] == "Day 0, 08:00: asked +20 %, given +20 %."
    assert texts[1] == "Day 1, 08:00: asked no change and got none (1.2 mL/d)."
    assert texts[3] == "Day 3, 08:00: asked +20 %, given 0: last rise 3 days ago, strict asks for 7 days between rises."
    assert found.refused.tolist() == [False, False, False, True]
    assert found.changes.tolist() == [True, False, False, True]
    assert found.day.tolist() == [0, 1, 2, 3]


def test_before_the_first_rise_the_start_counts(tmp_path):
    _, texts = told(
        tmp_path, requested_rate=[1.2, 1.2], allowed_rate=[1.0, 1.0], binding=bits(2, 0, 1, which=Invariant.INTERVAL)
    )
    assert texts[0].endswith("asked +20 %, given 0: therapy begins, and strict asks for 7 days between rises.")
    assert texts[1].endswith("given 0: therapy began 24 hours ago, and strict asks for 7 days between rises.")


@pytest.mark.parametrize(
    ("which", "requested", "words"),
    [
        (Invariant.STEP_UP, 2.0, "strict allows at most +20 % at once"),
        (Invariant.RISE_28D, 2.0, "strict allows at most +100 % over 28 days"),
        (Invariant.CAP_24H, 2.0, "24 h may hold 15 mg and held 0 µg (past and committed count)"),
        (Invariant.FLOOR, 0.1, "after exposure the rate may fall by 20 % a day, not faster"),
        (Invariant.ENVELOPE, 0.1, "the pump runs no lower rate"),
        (Invariant.RESPIRATORY_LOCK, 2.0, TITLES[Invariant.RESPIRATORY_LOCK]),
    ],
)
def test_each_limit_has_its_clause(tmp_path, which, requested, words):
    _, texts = told(tmp_path, requested_rate=[requested], allowed_rate=[1.0], binding=bits(1, 0, which=which))
    assert texts[0].endswith(f": {words}.")
    _, bare = told(tmp_path, None, requested_rate=[requested], allowed_rate=[1.0], binding=bits(1, 0, which=which))
    assert bare[0].endswith(f": {TITLES[which]}.")


def test_a_grid_step_is_no_refusal(tmp_path):
    found, texts = told(tmp_path, requested_rate=[1.008, 1.0], allowed_rate=[1.0, 0.997], binding=[0, 1 << 13])
    assert texts[0].endswith("asked +0.8 %, given 0 (as far as the pump's grid goes).")
    assert not found.refused.any()


def test_boluses_fallbacks_clinicians_and_stopped_pumps(tmp_path):
    _, texts = told(
        tmp_path,
        requested_rate=[1.0, 1.0, 1.5, 1.0],
        allowed_rate=[1.0, 0.5, 0.5, 0.0],
        delivered_rate=[1.0, 0.5, 0.0, 0.0],
        binding=[1 << Invariant.LOCKOUT, 1 << Invariant.STALE, 1 << Invariant.AUTHORITY, 0],
        requested_bolus_ul=[40.0, 0.0, 0.0, 0.0],
        fallback=[0, int(Fallback.SAFE_BASAL), 0, 0],
        clinician=[CLEARED, 0, DECLINED | SEDATED, 0],
    )
    assert texts[0].endswith("; a bolus of 40 µL was asked for, none allowed: strict asks for 4 hours between boluses.")
    assert texts[1].endswith(f"given −50 %: {TITLES[Invariant.STALE]}; the shield fell back to safe basal.")
    assert texts[2].endswith("; the clinician declined the rise: the patient is sedated; the pump delivered nothing.")
    assert "clinician" not in texts[0]


def test_without_a_shield_the_broken_limits_are_named(tmp_path):
    given = {
        "requested_rate": [3.0],
        "allowed_rate": [3.0],
        "violations": [1 << Invariant.CAP_24H | 1 << Invariant.STEP_UP],
    }
    assert told(tmp_path, **given)[1] == ["Day 0, 08:00: asked +200 %, given +200 %."]
    _, (text,) = told(tmp_path, shield_mode="off", **given)
    assert text == "Day 0, 08:00: asked +200 %, given +200 %; nothing bound it; it broke cap 24h, step up."


def test_a_start_from_a_stopped_pump_has_no_percent(tmp_path):
    _, texts = told(tmp_path, requested_rate=[0.0, 0.5], allowed_rate=[0.0, 0.25], binding=[0, 1 << Invariant.RESTART])
    assert "asked 0.5 mL/d from a stopped pump, given 0.25 mL/d" in texts[1]


def test_nothing_is_decided_for_the_dead(tmp_path):
    found, texts = told(
        tmp_path, requested_rate=[1.0, 1.0, 0.0], allowed_rate=[1.0, 1.0, 0.0], alive_h=[24.0, 3.0, 0.0]
    )
    assert len(texts) == len(found.day) == 2


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.25, "15 minutes"),
        (1.0, "1 hour"),
        (6.0, "6 hours"),
        (36.0, "36 hours"),
        (48.0, "2 days"),
        (156.0, "6.5 days"),
    ],
)
def test_times_in_words(hours, words):
    assert span(hours) == words
