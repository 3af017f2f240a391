"""What tasks pick from: names that are unique, fields that are all written, terms and costs that keep their stated range."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from thecal.envs.batch import Batch
from thecal.envs.kernel.actions import ACTIONS, RATE_FIELDS
from thecal.envs.kernel.observation import FIELD_NAMES, FIELDS, MASKS, SEEN, STANDARD_FIELDS
from thecal.envs.kernel.records import PUBLIC_NAMES, STEP_OUT, TICK_OUT, TRUTH_NAMES
from thecal.envs.kernel.rewards import COST_NAMES, COSTS, TERM_NAMES, TERMS
from thecal.envs.kernel.start import observe_rows
from thecal.envs.kernel.well import LOSSES
from thecal.envs.outcomes import CATALOG
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec, load_task, task_names

from support.structures import GOOD, put_record
from support.task_files import FILES, written

N = 12
SENTINEL = -987_654.25
STEPS = 60


def begun(task: TaskSpec, n: int = N, **options) -> Batch:
    batch = Batch(Scenario.of(task, split="test", **options), n)
    batch.restart(np.arange(n), np.arange(n), np.arange(n, dtype=np.uint64))
    return batch


@pytest.mark.parametrize("catalog", [ACTIONS, FIELDS, TERMS, COSTS])
def test_names_are_unique_and_can_be_written_in_a_file(catalog):
    names = [entry.name for entry in catalog]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name == name.lower() for name in names)


def test_what_a_catalog_says_of_its_entries_is_whole():
    assert len({entry.label for entry in CATALOG.values()}) == len(CATALOG)
    assert set(RATE_FIELDS) <= {field.name for field in ACTIONS}
    assert set(STANDARD_FIELDS) | set(MASKS) | set(MASKS.values()) <= set(FIELD_NAMES)
    assert all(field.low < field.high and field.better in (-1, 0, 1) for field in FIELDS)
    assert all(term.low < term.high and term.text for term in TERMS)
    assert all(cost.high > 0 and cost.text for cost in COSTS)


def test_both_readings_of_a_step_are_one_memory():
    assert STEP_OUT.itemsize == TICK_OUT.itemsize
    assert TICK_OUT.names == PUBLIC_NAMES + TRUTH_NAMES
    records = (("r", "r_", TERM_NAMES), ("costs", "cost_", COST_NAMES), ("lost", "lost_", LOSSES))
    for record, prefix, names in records:
        kind, begin = STEP_OUT.fields[record]
        for name in names:
            assert TICK_OUT.fields[prefix + name][1] == begin + kind.fields[name][1], name
    for name in STEP_OUT.names:
        if name not in [record for record, _, _ in records]:
            assert STEP_OUT.fields[name] == TICK_OUT.fields[name], name


@pytest.mark.parametrize("name", [*task_names(), *FILES])
def test_every_field_of_the_observation_is_written(tmp_path, name):
    batch = begun(load_task(written(tmp_path, name) if name in FILES else name))
    for _ in range(3):
        batch._values[:] = SENTINEL
        batch.advance(np.zeros((N, batch.spec.n_actions)))
        untouched = [field for k, field in enumerate(FIELD_NAMES) if (batch._values[:, k] == SENTINEL).any()]
        assert untouched == []
    batch._values[:] = SENTINEL
    batch._stand(observe_rows, np.arange(N))
    assert not (batch._values == SENTINEL).any()
    assert SEEN.itemsize == 8 * len(FIELD_NAMES)


@pytest.mark.parametrize(
    ("name", "difficulty", "mode"),
    [
        *product(task_names(), ("easy", "real", "shift", "swap"), ("project",)),
        *((name, "real", mode) for name in FILES for mode in ("project", "off")),
        ("CancerMorphine", "real", "off"),
    ],
)
def test_terms_and_costs_keep_their_range(tmp_path, monkeypatch, name, difficulty, mode):
    put_record(monkeypatch, tmp_path, GOOD)
    batch = begun(
        load_task(written(tmp_path, name) if name in FILES else name),
        difficulty=difficulty,
        shield_mode=mode,
        faults="stress",
    )
    for term in TERM_NAMES:
        batch._par["task"]["weight"][term] = 1.0
    rng = np.random.default_rng(1)
    slack = 1e-12
    for k in range(min(STEPS, batch.spec.n_steps)):
        actions = rng.uniform(-1.0, 1.0, (N, batch.spec.n_actions))
        batch.advance(np.ones_like(actions) if k % 20 > 14 else actions)
        for term in TERMS:
            values = batch.out[f"r_{term.name}"]
            assert (values >= term.low - slack).all(), (term.name, values.min())
            assert (values <= term.high + slack).all(), (term.name, values.max())
        for cost in COSTS:
            values = batch.out[f"cost_{cost.name}"]
            assert (values >= 0.0).all(), cost.name
            assert (values <= cost.high + slack).all(), (cost.name, values.max())
    assert (batch.out["terminated"] == 0).any() or mode == "off"


def test_the_cost_adds_up_the_channels_that_the_task_names(tmp_path):
    batch = begun(load_task(written(tmp_path, "Baclofen")), shield_mode="off")
    for _ in range(12):
        batch.advance(np.tile([1.0, 0.0], (N, 1)))
    out = batch.out
    assert out["cost"].any()
    np.testing.assert_array_equal(out["cost"], out["cost_sedation"] + out["cost_weakness"])


def test_a_term_that_is_not_named_earns_nothing(tmp_path):
    batch = begun(load_task(written(tmp_path, "Baclofen")))
    batch.advance(np.zeros((N, 2)))
    named = set(batch.spec.weights)
    for term in TERM_NAMES:
        assert term in named or not batch.out[f"r_{term}"].any()
    assert (batch.out["r_spasticity"] > 0.0).all()


def closed_formula(batch: Batch, before: np.ndarray) -> np.ndarray:
    """The reward of the tasks of version 0, from the parts of the step's report."""
    out, spec, step_h = batch.out, batch.spec, batch.spec.tick_h
    first = batch.trail[:, 0]
    w = spec.weights
    alive, rousable = out["alive_h"] / step_h, np.maximum(0.0, 1.0 - out["unrousable_h"] / step_h)
    comfort = 0.5 * out["controlled_h"] / step_h + 0.5 * (1.0 - out["pain_mean"] / 10.0) * np.minimum(alive, rousable)
    change = np.abs(batch.world["shield"]["allowed_rate"] - before) / np.maximum(1.0, before)
    withheld = np.abs(first["request"] - first["rate"]) / np.maximum(1.0, spec.action.max_up * before)
    left = spec.n_steps - batch.world["episode"]["step"]
    return (
        w["relief"] * comfort
        - w["sedation"] * out["sed_h"] / step_h
        - w["adverse"] * 0.5 * (out["nausea"] / 10.0 + out["withdrawal"])
        - w["resp"] * out["resp_h"] / step_h
        - w["dose"] * np.minimum(1.0, out["dose24_ug"][:, 0] / batch.par["task"]["cap_ug"])
        - w["oih"] * out["oih"]
        - w["change"] * change
        - w["shield"] * np.minimum(1.0, withheld)
        - w["terminal"] * np.where(out["terminated"] == 1, left, 0)
    )


@pytest.mark.parametrize("name", ["CancerMorphine", "NonCancerMix", "NonCancerMorphine"])
@pytest.mark.parametrize("mode", ["project", "off"])
def test_the_reward_of_version_0_is_its_formula(name, mode):
    batch = Batch(Scenario.of(name, split="test", shield_mode=mode), N, trail=True)
    batch.restart(np.arange(N), np.arange(N), np.arange(N, dtype=np.uint64))
    rng = np.random.default_rng(2)
    withheld = 0
    for k in range(72):
        before = batch.world["shield"]["prev_rate"].copy()
        alive = batch.world["patient"]["dead"] == 0
        batch.advance(np.ones((N, 2)) if mode == "off" else rng.uniform(-1.0, 1.0, (N, 2)))
        np.testing.assert_allclose(
            batch.out["reward"][alive], closed_formula(batch, before)[alive], rtol=1e-12, atol=1e-12
        )
        withheld += int((batch.out["r_shield"] < 0.0).sum())
        assert k > 0 or alive.all()
    assert withheld > 0 or mode == "off"
