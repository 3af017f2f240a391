"""Plug flow in the catheter: exact delay, old drug first, order and mass of every portion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.devices.catheter import push
from thecal.devices.records import N_SLUGS
from thecal.devices.reservoir import refill

from support.pumps import MORPHINE_20, ExactPipe, catheter_ug, program, pump, run, step

CONC_10 = np.array([10_000.0, 0.0, 0.0])


def substeps_to_reach(state, par, first_conc: float) -> tuple[int, float]:
    """Substeps that deliver the first concentration only, and the mean concentration of the substep after them."""
    count = 0
    while True:
        basal_ml, _, out = step(state, par)
        if out[0] != pytest.approx(basal_ml * first_conc, rel=1e-12, abs=0.0):
            return count, out[0] / basal_ml
        count += 1


def test_a_new_concentration_arrives_one_dead_volume_later() -> None:
    state, par = pump(rate_nl=2600)
    refill(state, par, 38.6, CONC_10)
    new = (1.4 * 20_000 + 38.6 * 10_000) / 40.0
    per_substep = 2600e-6 / 3
    count, mixed = substeps_to_reach(state, par, 20_000.0)
    assert count == int(0.375 / per_substep) == 432  # 36.06 h at 0.25 mL/d
    old_share = 0.375 / per_substep - count
    assert mixed == pytest.approx(old_share * 20_000 + (1 - old_share) * new, rel=1e-9)
    basal_ml, _, out = step(state, par)
    assert out[0] == pytest.approx(basal_ml * new, rel=1e-12)


def test_old_drug_is_pushed_in_first_at_the_new_rate() -> None:
    state, par = pump(rate_nl=2600)
    refill(state, par, 38.6, CONC_10)
    program(state, par, 10_400)
    basal_ml, _, out = step(state, par)
    assert basal_ml == pytest.approx(10_400e-6 / 3, rel=1e-12)
    assert out[0] == pytest.approx(basal_ml * 20_000, rel=1e-12)
    count, _ = substeps_to_reach(state, par, 20_000.0)
    assert count + 1 == int(0.375 / (10_400e-6 / 3)) == 108


def test_an_unprimed_catheter_first_gives_csf() -> None:
    state, par = pump(rate_nl=2600, primed=False)
    count, mixed = substeps_to_reach(state, par, 0.0)
    assert count == 432
    assert 0.0 < mixed < 20_000.0


def test_more_than_the_dead_volume_passes_straight_through() -> None:
    state, _ = pump(primed=False)
    out = np.full(3, np.nan)
    push(state, 1.0, 1.0, out)
    assert out == pytest.approx([(1.0 - 0.375) * 20_000, 0.0, 0.0], rel=1e-12)
    assert state["n_slugs"] == 1
    assert catheter_ug(state) == pytest.approx([0.375 * 20_000, 0.0, 0.0], rel=1e-12)


def test_equal_fluid_joins_one_slug() -> None:
    state, par = pump()
    refill(state, par, 38.6, np.array([20_000.0, 0.0, 0.0]))
    run(state, par, 10, 0.25, np.zeros(3))
    assert state["n_slugs"] == 1
    assert state["conc"][0] == 20_000.0


def test_fluid_between_two_equal_portions_still_arrives() -> None:
    state, par = pump(conc=MORPHINE_20, rate_nl=26_000)
    given_ug = np.zeros(3)
    for conc in (0.0, 20_000.0):
        state["conc"][0] = conc
        run(state, par, 3, 1 / 12, given_ug)
    assert state["n_slugs"] == 3
    assert given_ug[0] == pytest.approx(6 * 26e-3 / 3 * 20_000, rel=1e-12)
    volume = run(state, par, 60, 1 / 12, given_ug)
    assert given_ug[0] == pytest.approx((volume + 3 * 26e-3 / 3) * 20_000, rel=1e-12)


def test_no_flow_moves_nothing() -> None:
    state, par = pump(rate_nl=0, primed=False)
    before = state["slug_conc"].copy()
    basal_ml, bolus_ml, out = step(state, par)
    assert (basal_ml, bolus_ml, *out) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert np.array_equal(state["slug_conc"], before)


def test_a_full_queue_merges_the_two_slugs_most_alike() -> None:
    state, _ = pump(conc=(10.0, 0.0, 0.0))
    out = np.zeros(3)
    for conc in (20.0, 4000.0, 8000.0, 8080.0, 16_000.0, 32_000.0, 64_000.0):
        state["conc"][0] = conc
        push(state, 0.01, 0.01, out)
    assert state["n_slugs"] == N_SLUGS
    before = catheter_ug(state)[0]
    state["conc"][0] = 128_000.0
    push(state, 0.01, 0.01, out)
    assert state["n_slugs"] == N_SLUGS
    expected = [10, 20, 4000, 8040, 16_000, 32_000, 64_000, 128_000]
    assert state["slug_conc"][:, 0] == pytest.approx(expected, rel=1e-12)
    assert state["slug_ml"][1:] == pytest.approx([0.01, 0.01, 0.02, 0.01, 0.01, 0.01, 0.01], rel=1e-12)
    assert catheter_ug(state)[0] == pytest.approx(before + 0.01 * 128_000 - out[0], rel=1e-12)
    assert state["slug_ml"].sum() == pytest.approx(0.375, rel=1e-12)


def test_of_equally_unlike_slugs_the_oldest_merge() -> None:
    state, _ = pump(conc=(1000.0, 0.0, 0.0))
    out = np.zeros(3)
    for power in range(1, N_SLUGS + 1):
        state["conc"][0] = 1000.0 * 2.0**power
        push(state, 0.01, 0.01, out)
    share = (0.375 - 0.07) / (0.375 - 0.07 + 0.01)
    assert state["slug_conc"][0, 0] == pytest.approx(share * 1000 + (1 - share) * 2000, rel=1e-12)
    assert state["slug_conc"][1:, 0] == pytest.approx([4000 * 2.0**k for k in range(7)], rel=1e-12)


volumes = st.one_of(st.floats(1e-6, 0.08), st.floats(0.08, 0.9))
fluids = st.tuples(*[st.sampled_from([0.0, 250.0, 1000.0, 20_000.0])] * 3)


@settings(max_examples=150, deadline=None)
@given(start=fluids, pushes=st.lists(st.tuples(volumes, fluids), min_size=1, max_size=N_SLUGS - 1))
def test_plug_flow_agrees_with_exact_fractions(start, pushes) -> None:
    state, par = pump(conc=start)
    pipe = ExactPipe(float(par["dead_ml"]), start)
    out = np.zeros(3)
    for volume, fluid in pushes:
        state["conc"] = fluid
        push(state, volume, volume, out)
        assert out == pytest.approx(pipe.push(volume, fluid), rel=1e-9, abs=1e-9)
        used = int(state["n_slugs"])
        assert state["slug_ml"][:used].sum() == pytest.approx(0.375, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    start=fluids, pushes=st.lists(st.tuples(volumes, st.tuples(*[st.floats(0.0, 5e4)] * 3)), min_size=9, max_size=40)
)
def test_mass_and_volume_are_kept_when_the_queue_overflows(start, pushes) -> None:
    state, _ = pump(conc=start)
    out, balance, entered = np.zeros(3), catheter_ug(state), catheter_ug(state)
    for volume, fluid in pushes:
        state["conc"] = fluid
        push(state, volume, volume, out)
        balance += volume * np.array(fluid) - out
        entered += volume * np.array(fluid)
        used = int(state["n_slugs"])
        assert 1 <= used <= N_SLUGS
        assert (state["slug_ml"][:used] >= 0.0).all()
        assert (out >= 0.0).all()
        assert catheter_ug(state) == pytest.approx(balance, rel=1e-9, abs=1e-9 * max(1.0, entered.max()))
        assert state["slug_ml"][:used].sum() == pytest.approx(0.375, rel=1e-12)
