"""The Bayesian policy: effective sizes stay in bounds, reports move weights, resampled models live on, predictions cover."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from thecal.agents import make_policy
from thecal.experiments.rollouts.rollout import rollout

from support.planners import scene_of, small, started, target_task


def test_effective_sizes_stay_between_the_floor_and_all():
    policy = small("bayes", renew=0.0, power=1.0)
    env, seen = started(policy, scene_of(target_task(2.0)), [2, 6, 8])
    for _ in range(12):
        seen = env.step(policy.act(seen))[0]
        assert (policy.size >= 2.0 - 1e-6).all()
        assert (policy.size <= 4.0 + 1e-9).all()
    assert (policy.size < 4.0).any()
    assert (policy.log_weights < 0.0).any()


def test_resampling_begins_even_weights_and_parts_copies():
    policy = small("bayes", each=6.0, pool=6.0, renew=1.0, power=1.0)
    env, seen = started(policy, scene_of(target_task(2.0)), [2, 6])
    doses = []
    for _ in range(8):
        seen = env.step(policy.act(seen))[0]
        doses.append(policy.models.scale.copy())
    assert any((a != b).any() for a, b in pairwise(doses))
    world = policy.models.simulator.batch
    who = world.patients.reshape(2, 6)
    assert any(len(set(row.tolist())) < 6 for row in who)  # some were copied, and go apart by their potency
    assert all(len(set(row.tolist())) == 6 for row in policy.models.scale)


def test_nothing_heard_moves_no_weight():
    policy = small("bayes", noise_poss=1e9, noise_rr=1e9, noise_spo2=1e9, noise_nausea=1e9, renew=0.0)
    env, seen = started(policy, scene_of(target_task()), [2])
    place = list(policy.view.names).index("nrs_valid")
    for _ in range(4):
        silent = seen.copy()
        silent[:, place] = -1.0
        seen = env.step(policy.act(silent))[0]
    np.testing.assert_allclose(policy.log_weights, 0.0, atol=1e-9)
    assert policy.ranks.counts.sum() == 0


def test_predictions_cover_what_is_reported():
    """A smoke test: a filter that is blind, or sure of itself, falls out of these bounds."""
    policy = make_policy("bayes", each=12.0, tried=2.0, pool=24.0, horizon=12.0, doses=2.0)
    rollout(policy, target_task(6.0), range(12), seed=2, split="tune")
    assert policy.ranks.counts.sum() > 100
    assert policy.ranks.coverage(0.5) == pytest.approx(0.5, abs=0.25)
    assert policy.ranks.coverage(0.9) > 0.75
