"""The decision rule by itself: what is better, what stands in the way, and that unshielded results support no claim."""

from __future__ import annotations

import pytest

from thecal.experiments.analysis.decision import decide

from support.reports import judged


def test_better_is_superior_with_no_harm_left_open():
    decision = decide(judged("superior", {}), "ppo")
    assert decision.superior
    assert decision.better
    assert decision.words == "better"
    assert decision.harms_worse == decision.harms_not_ruled_out == []


@pytest.mark.parametrize("primary", ["inferior", "inconclusive", "non-inferior"])
def test_no_superiority_is_not_shown_better(primary):
    decision = decide(judged(primary, {}), "ppo")
    assert not decision.superior
    assert not decision.better
    assert decision.words == "not shown better"


def test_worse_and_undecided_harms_are_told_apart():
    decision = decide(judged("superior", {"resp_hours": "inferior", "sed_hours": "inconclusive"}), "ppo")
    assert not decision.better
    assert decision.harms_worse == ["resp_hours"]
    assert decision.harms_undecided == ["sed_hours"]
    assert decision.harms_not_ruled_out == ["resp_hours", "sed_hours"]
    assert decision.words == "more effective; no worse harm not shown for resp_hours, sed_hours"


@pytest.mark.parametrize("mode", ["off", "monitor"])
def test_unshielded_results_are_never_better(mode):
    decision = decide(judged("superior", {}, shield_mode=mode), "ppo")
    assert decision.superior
    assert decision.unshielded
    assert not decision.better
    assert decision.words == "no claim: UNSHIELDED"
