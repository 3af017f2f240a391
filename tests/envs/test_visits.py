"""Visits: no refill without its checks, and another mixture only at a refill and only as far as every limit allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.core.errors import ConfigError
from thecal.core.layout import TICKS_PER_DAY
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.envs.visits import can_hold
from thecal.safety.orders import OrderFault
from thecal.safety.profiles import load_profile
from thecal.safety.records import DAYS_BACK, SHIELD_PAR, SHIELD_STATE, WINDOW

from support.task_files import written

N = 8
MONTH = DAYS_BACK * TICKS_PER_DAY
LEAST, FIRST, SOME, MOST = range(4)  # the file's mixtures: half, as much, a fifth more, three times as much bupivacaine
MIXTURE = {LEAST: -1.0, FIRST: -0.4, SOME: 0.3, MOST: 1.0}
HOLD = 1.0


def begun(folder: Path, *, n: int = N, **options: Any) -> Batch:
    batch = Batch(Scenario.of(written(folder, "Everything"), split="test", **options), n)
    batch.restart(np.arange(n), np.arange(n), np.arange(n, dtype=np.uint64))
    return batch


def step(batch: Batch, mixture: float = 0.0) -> np.ndarray:
    """One step in which the rate is held and a mixture may be asked for."""
    batch.advance(np.tile([0.0, 0.0, 0.0, mixture, 0.0, HOLD], (batch.n, 1)))
    return batch.out


def empty(batch: Batch) -> None:
    """Make a refill due."""
    batch._world["pump"]["true_ml"] = batch._world["pump"]["estimated_ml"] = batch._par["task"]["refill_ml"] - 0.5


def a_month_later(batch: Batch) -> None:
    """Long enough after the last change of the mixture."""
    batch._world["episode"]["since_mixture"] = MONTH


def test_a_refill_is_a_visit_and_fills_what_was_ordered(tmp_path):
    batch = begun(tmp_path)
    assert not step(batch)["visits"].any()
    empty(batch)
    out = step(batch)
    assert (out["visits"] == 1.0).all()
    assert not out["order_faults"].any()
    assert (batch.world["pump"]["refills"] == 1).all()
    assert (out["reservoir_true_ml"] > 30.0).all()
    np.testing.assert_array_equal(batch.world["pump"]["label_conc"], batch.par["ordered_conc"])


BROKEN = {
    "too strong": (lambda batch: batch._par["most_conc"].__imul__(0.01), OrderFault.CONCENTRATION),
    "another drug": (lambda batch: batch._world["pump"]["label_conc"][:, 1].fill(0.0), OrderFault.PROGRAMMED_DRUGS),
    "another strength": (lambda batch: batch._world["pump"]["label_conc"].__imul__(1.3), OrderFault.PROGRAMMED_AMOUNT),
    "a unit error": (lambda batch: batch._world["pump"]["label_conc"].__imul__(10.0), OrderFault.PROGRAMMED_UNIT),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_an_order_that_fails_its_check_fills_nothing(tmp_path, kind):
    batch = begun(tmp_path)
    spoil, fault = BROKEN[kind]
    spoil(batch)
    empty(batch)
    out = step(batch)
    assert (out["order_faults"] & fault == fault).all()
    assert not out["visits"].any()
    assert not batch.world["pump"]["refills"].any()
    assert (out["reservoir_true_ml"] < 8.0).all()


def test_a_first_fill_above_a_limit_is_refused_before_any_run(tmp_path):
    path = written(tmp_path, "Baclofen", ("[0.5, 1.0, 2.0]", "[5.0]"))
    with pytest.raises(ConfigError):
        Batch(path, 1).preload([0])


def test_another_mixture_waits_for_a_refill(tmp_path):
    batch = begun(tmp_path)
    a_month_later(batch)
    before = batch.par["shield"].copy()
    for _ in range(3):
        out = step(batch, MIXTURE[SOME])
        assert (out["mixture"] == FIRST).all()
    np.testing.assert_array_equal(batch.par["shield"]["conc"], before["conc"])
    empty(batch)
    out = step(batch)
    assert (out["mixture"] == SOME).all()
    assert (out["visits"] == 1.0).all()
    assert not out["order_faults"].any()
    np.testing.assert_allclose(batch.lens.decode(batch.observations)["mixture_ratio"], 1.2, atol=1e-6)
    np.testing.assert_allclose(batch.world["pump"]["label_conc"][:, 1], 1.2 * batch.par["ordered_conc"][:, 0])
    np.testing.assert_array_equal(batch.par["shield"]["conc"][:, 1], np.ceil(batch.par["ordered_conc"][:, 1]))


def test_a_mixture_is_kept_for_a_month(tmp_path):
    batch = begun(tmp_path)
    batch._world["episode"]["since_mixture"] = MONTH - 10
    empty(batch)
    assert (step(batch, MIXTURE[SOME])["mixture"] == FIRST).all(), "four ticks too early"
    a_month_later(batch)
    empty(batch)
    assert (step(batch)["mixture"] == SOME).all()
    empty(batch)
    assert (step(batch, MIXTURE[LEAST])["mixture"] == SOME).all(), "the month begins anew"


@pytest.mark.parametrize(("asked", "changes"), [(LEAST, True), (SOME, True), (MOST, False)])
def test_no_drug_rises_by_more_than_the_profile_allows(tmp_path, asked, changes):
    batch = begun(tmp_path)
    a_month_later(batch)
    empty(batch)
    rate, before = batch.world["shield"]["prev_rate"].copy(), batch.par["ordered_conc"].copy()
    out = step(batch, MIXTURE[asked])
    assert (out["visits"] == 1.0).all(), "the refill itself is made either way"
    assert ((out["mixture"] == asked) == changes).all()
    np.testing.assert_array_equal(batch.world["shield"]["prev_rate"], rate)
    now = batch.par["ordered_conc"]
    rise = load_profile("seed_2025").limit("noncancer.rise_28d")
    assert (now[:, :2] <= before[:, :2] * (1.0 + rise)).all()


def test_a_mixture_that_would_pass_a_cap_is_not_filled(tmp_path):
    batch = begun(tmp_path)
    a_month_later(batch)
    cap = 97 * batch.world["shield"]["prev_rate"] * batch.par["shield"]["conc"][:, 1]
    for par in (batch._par["shield"], *(batch._par["mixture"]["shield"][:, k] for k in range(4))):
        par["cap_pg"][:, 1] = cap * 11 // 10  # enough for what runs, too little for a fifth more
    empty(batch)
    assert (step(batch, MIXTURE[SOME])["mixture"] == FIRST).all()
    batch._par["mixture"]["shield"]["cap_pg"][:, SOME, 1] = cap * 13 // 10
    empty(batch)
    assert (step(batch)["mixture"] == SOME).all()


def test_after_a_change_every_cap_is_kept(tmp_path):
    batch = begun(tmp_path)
    for k in range(200):
        if k % 40 == 39:
            a_month_later(batch)
            empty(batch)
        batch.advance(np.tile([1.0, 1.0, -1.0, MIXTURE[(SOME, LEAST, FIRST, MOST)[k // 40 % 4]], 0.0, 0.0], (N, 1)))
        assert (batch.world["shield"]["dose24"][:, :2] <= batch.par["shield"]["cap_pg"][:, :2]).all()
    assert (batch.world["pump"]["refills"] >= 3).all()


def test_the_oldest_tick_of_the_ledger_has_left_the_last_day(tmp_path):
    batch = begun(tmp_path)
    for _ in range(30):
        step(batch)
    ledger = batch.world["shield"]["ledger"]
    assert ledger.shape[-1] == WINDOW
    np.testing.assert_array_equal(batch.world["shield"]["dose24"][:, :2], ledger[:, :2, 1:].sum(axis=-1))


def brute_force(state: Any, now: Any, then: Any) -> bool:
    """Every window of 97 ticks that holds some ticks of the past and then only of the new mixture, added up anew."""
    for d in range(int(then["n_caps"])):
        past = [int(mass) for mass in state["ledger"][d]]
        coming = [int(state["prev_rate"]) * int(then["conc"][d])] * WINDOW
        course = past + coming
        if any(sum(course[k : k + WINDOW]) > int(then["cap_pg"][d]) for k in range(1, WINDOW + 1)):
            return False
    drugs = range(int(then["n_drugs"]))
    return all(1000 * int(then["conc"][d]) <= (1000 + int(then["rise_permille"])) * int(now["conc"][d]) for d in drugs)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """A shield's memory with limits before and after, most of them near a cap or at the limit of the rise."""
    state, now, then = (np.zeros(1, kind)[0] for kind in (SHIELD_STATE, SHIELD_PAR, SHIELD_PAR))
    n_drugs = draw(st.integers(1, 3))
    n_caps = n_drugs + draw(st.integers(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rate = draw(st.integers(0, 3_000))
    state["prev_rate"], then["n_drugs"], then["n_caps"] = rate, n_drugs, n_caps
    then["rise_permille"] = rise = draw(st.sampled_from([0, 500, 4_000]))
    for d in range(n_caps):
        old = draw(st.integers(1, 20_000))
        most = old * (1000 + rise) // 1000
        new = draw(st.one_of(st.integers(1, 30_000), st.just(most), st.just(most + 1), st.just(old)))
        ledger = rng.integers(0, 2 * rate + 2, WINDOW) * old
        state["ledger"][d] = ledger
        state["dose24"][d] = ledger[1:].sum()
        now["conc"][d], then["conc"][d] = old, new
        k = draw(st.integers(1, WINDOW))
        window = int(ledger[k:].sum()) + k * rate * new
        largest = max(int(ledger[j:].sum()) + j * rate * new for j in range(1, WINDOW + 1))
        cap = draw(st.sampled_from([window, largest, largest - 1, largest + 1, 2 * largest]))
        then["cap_pg"][d] = max(0, cap)
    return state, now, then


@given(change=changes())
def test_a_change_is_held_as_adding_up_every_window_says(change):
    assert bool(can_hold(*change)) == brute_force(*change)
