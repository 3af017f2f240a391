"""Commands to the pump: rounding down, modes, boluses, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.devices.program import cancel_bolus, programmable_rate
from thecal.devices.records import CONTINUOUS, MIN_RATE, STOPPED

from support.pumps import program, pump, run, step


@pytest.mark.parametrize(
    ("asked", "programmed", "mode"),
    [
        (0, 0, STOPPED),
        (59, 0, STOPPED),
        (60, 60, MIN_RATE),
        (63, 60, MIN_RATE),
        (499, 60, MIN_RATE),
        (500, 500, CONTINUOUS),
        (509, 500, CONTINUOUS),
        (2609, 2600, CONTINUOUS),
        (249_999, 249_990, CONTINUOUS),
        (250_000, 250_000, CONTINUOUS),
        (10**15, 250_000, CONTINUOUS),
        (1e300, 250_000, CONTINUOUS),
        (2609.99, 2600, CONTINUOUS),
    ],
)
def test_the_rate_is_rounded_down_to_what_the_pump_can_run(asked, programmed, mode) -> None:
    state, par = pump(rate_nl=1000)
    assert program(state, par, asked) == (programmed, 0)
    assert (state["rate_nl"], state["mode"]) == (programmed, mode)


@given(st.integers(0, 400_000), st.integers(0, 400_000))
def test_rounding_never_raises_is_idempotent_and_monotone(one: int, other: int) -> None:
    def rounded(rate: int) -> int:
        return programmable_rate(rate, 10, 60, 500, 250_000)

    low, high = sorted((one, other))
    assert rounded(low) <= low
    assert rounded(rounded(low)) == rounded(low)
    assert rounded(low) <= rounded(high)
    assert rounded(low) in (0, 60) or (rounded(low) % 10 == 0 and 500 <= rounded(low) <= 250_000)


@pytest.mark.parametrize(("asked", "accepted"), [(0, 0), (99, 0), (100, 100), (12_399, 12_300), (12_399.9, 12_300)])
def test_a_bolus_is_rounded_down_to_its_step(asked, accepted) -> None:
    state, par = pump()
    assert program(state, par, 2600, asked) == (2600, accepted)
    assert state["bolus_left_nl"] == accepted


def test_a_bolus_cannot_exceed_the_reservoir() -> None:
    state, par = pump()
    assert program(state, par, 2600, 1e300) == (2600, 40_000_000)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), -1, -0.5])
def test_an_impossible_number_leaves_the_program_as_it_was(bad) -> None:
    state, par = pump(rate_nl=2600)
    program(state, par, 2600, 5000)
    assert program(state, par, bad, 100) == (2600, 0)
    assert program(state, par, 3000, bad) == (2600, 0)
    assert (state["rate_nl"], state["mode"], state["bolus_left_nl"]) == (2600, CONTINUOUS, 5000)


def test_a_constant_flow_pump_takes_no_command() -> None:
    state, par = pump(rate_nl=5200, rate_adjustable=0, max_rate_nl=5200)
    assert program(state, par, 0, 1000) == (5200, 0)
    assert (state["rate_nl"], state["bolus_left_nl"]) == (5200, 0.0)


@pytest.mark.parametrize("rate_nl", [0, 60])
def test_stop_and_minimum_rate_cancel_and_refuse_boluses(rate_nl: int) -> None:
    state, par = pump()
    program(state, par, 2600, 100_000)
    step(state, par)
    assert state["bolus_left_nl"] > 0
    assert program(state, par, rate_nl, 5000) == (rate_nl, 0)
    basal_ml, bolus_ml, _ = step(state, par)
    assert bolus_ml == 0.0
    assert basal_ml == pytest.approx(rate_nl * 1e-6 / 3, rel=1e-12)


def test_cancel_returns_what_will_not_be_infused() -> None:
    state, par = pump()
    program(state, par, 2600, 100_000)
    _, bolus_ml, _ = step(state, par)
    assert cancel_bolus(state) == pytest.approx(100_000 - bolus_ml * 1e6, rel=1e-12)
    assert step(state, par)[1] == 0.0


def test_a_bolus_runs_at_the_flow_left_under_the_largest_flow() -> None:
    state, par = pump(rate_nl=25_000)
    program(state, par, 25_000, 200_000)
    flows = [step(state, par) for _ in range(4)]
    room = (250_000 - 25_000) * 1e-6 / 3
    assert [bolus for _, bolus, _ in flows] == pytest.approx([room, room, 0.2 - 2 * room, 0.0], rel=1e-9)
    assert [basal for basal, _, _ in flows] == pytest.approx([25_000e-6 / 3] * 4, rel=1e-12)
    assert state["bolus_left_nl"] == 0.0


def test_boluses_join_and_wait_while_the_rate_takes_all_flow() -> None:
    state, par = pump()
    program(state, par, 2600, 1000)
    program(state, par, 250_000, 2000)
    assert step(state, par)[1] == 0.0
    assert state["bolus_left_nl"] == 3000
    program(state, par, 2600)
    assert step(state, par)[1] == pytest.approx(0.003, rel=1e-12)


def test_delivery_does_not_depend_on_the_substep() -> None:
    volumes, doses = [], []
    for per_tick in (1, 3, 12):
        state, par = pump(primed=False, flow_bias=1.03)
        program(state, par, 26_000, 150_000)
        given_ug = np.zeros(3)
        volumes.append(run(state, par, 200 * per_tick, 0.25 / per_tick, given_ug))
        doses.append(given_ug[0])
    assert volumes == pytest.approx([volumes[0]] * 3, rel=1e-12)
    assert doses == pytest.approx([doses[0]] * 3, rel=1e-12)


def test_every_drug_of_an_admixture_moves_at_one_flow() -> None:
    state, par = pump(conc=(10_000.0, 5_000.0, 300.0))
    basal_ml, _, out = step(state, par)
    assert out == pytest.approx([basal_ml * 10_000, basal_ml * 5_000, basal_ml * 300], rel=1e-12)


def test_a_snapshot_continues_bit_for_bit() -> None:
    state, par = pump(primed=False, flow_bias=0.97)
    program(state, par, 3000, 20_000)
    run(state, par, 7, 1 / 12, np.zeros(3))
    twin = state.copy()
    for one in (state, twin):
        run(one, par, 500, 1 / 12, np.zeros(3))
    assert state.tobytes() == twin.tobytes()
