"""How policies read observations and write actions: by name, in physical units, for any list of action components."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.agents import make_policy
from thecal.agents.view import ActionScale
from thecal.core.errors import ConfigError

from support.agent_toys import FIELDS, SCALE, TARGETS, change, make_context, make_view, observe

TARGET_TASK = {"action_names": ("target_dose", "bolus_size"), "actions": TARGETS}
RULES = ("fixed", "fixed_ptm", "guideline", "guideline_ptm", "pid", "pid_guarded", "fault_response", "day_night")


@given(st.floats(-0.2, 0.2))
def test_rate_is_the_inverse_of_the_environments_reading(wanted: float) -> None:
    assert change(float(SCALE.rate(wanted))) == pytest.approx(wanted, abs=1e-12)
    assert float(SCALE.change(SCALE.rate(wanted))) == pytest.approx(wanted, abs=1e-12)


@given(st.floats(-1.0, 1.0))
def test_change_reads_a_rate_as_the_environment_does(action: float) -> None:
    assert float(SCALE.change(action)) == pytest.approx(change(action), abs=1e-12)


def test_rate_is_capped_and_each_way_has_its_own_step() -> None:
    assert SCALE.rate([5.0, -5.0]).tolist() == [1.0, -1.0]
    uneven = ActionScale(max_up=0.1, max_down=0.4, deadband=0.2, largest_bolus_mg=0.0, largest_bolus_share=0.0)
    assert uneven.rate([0.05, -0.05]).tolist() == pytest.approx([0.6, -0.3])
    assert uneven.bolus(0.1, [2.0]).tolist() == [0.0]


def test_bolus_is_a_share_of_the_day_within_the_limits() -> None:
    # 10 % of 2 mg is half of the largest, 20 % of the day; of 10 mg it is 1 mg, over the absolute limit of 0.5 mg.
    assert SCALE.bolus(0.1, [2.0, 10.0, 0.0, np.nan]).tolist() == pytest.approx([0.5, 1.0, 0.0, 0.0])


def test_target_is_linear_in_the_logarithm_and_clipped() -> None:
    assert TARGETS.target([0.25, 0.5, 1.0, 2.0, 4.0, 100.0, 0.0]) == pytest.approx([-1, -0.5, 0, 0.5, 1, 1, -1])
    with pytest.raises(ConfigError, match="no bounds"):
        SCALE.target(1.0)


def test_components_stand_in_the_tasks_order() -> None:
    view = make_view(action_names=("hold", "bolus_size", "relative_rate"))
    written = view.action(2, relative_rate=[0.5, -0.5], bolus_size=0.25)
    assert written.dtype == np.float32
    assert written.tolist() == [[0.0, 0.25, 0.5], [0.0, 0.25, -0.5]]


def test_a_task_without_bolus_is_given_none() -> None:
    assert make_view(action_names=("relative_rate",)).action(1, relative_rate=0.5, bolus_size=1.0).tolist() == [[0.5]]


def test_a_component_that_the_task_lacks_is_refused() -> None:
    view = make_view(action_names=("bolus_size",))
    with pytest.raises(ConfigError, match="no action 'relative_rate'; it takes bolus_size"):
        view.action(2, relative_rate=[0.0, 0.1])
    assert view.action(2, relative_rate=0.0, bolus_size=1.0).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(("asked", "ratio"), [(0.0, 1.0), (0.2, 1.5), (-0.2, 1.5), (0.2, 3.9), (-0.1, 0.26)])
def test_a_change_becomes_the_target_it_leads_to(asked: float, ratio: float) -> None:
    view = make_view(**TARGET_TASK)
    action = view.action(1, ratio, relative_rate=SCALE.rate(asked))[0, 0]
    reached = np.exp(np.log(0.25) + (action + 1.0) / 2.0 * np.log(16.0))
    assert reached == pytest.approx(np.clip(ratio * (1.0 + asked), 0.25, 4.0), rel=1e-6)


def test_a_target_needs_the_running_rate() -> None:
    with pytest.raises(ConfigError, match="rate_ratio_start"):
        make_view(**TARGET_TASK).action(1, relative_rate=0.0)
    assert make_view(**TARGET_TASK).action(1, np.nan, relative_rate=0.0).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_asks_for_the_same_by_target_dose(name: str) -> None:
    """Over days in pain, the target is the running rate changed as the relative task would change it."""
    relative, target = make_policy(name), make_policy(name)
    relative.reset(make_context())
    target.reset(make_context(**TARGET_TASK))
    for hour in range(60):
        seen = observe(nrs_report=8.0, rate_ratio_start=0.8 if hour < 30 else 1.2)
        one, other = relative.act(seen)[0], target.act(seen)[0]
        running = 0.8 if hour < 30 else 1.2
        wanted = TARGETS.target(running * (1.0 + change(float(one[0]))))
        assert other[0] == pytest.approx(float(wanted), abs=1e-5)
        assert other[1] == one[1]


def test_decoding_and_wrong_shapes() -> None:
    view = make_view()
    fields = view.decode(observe(2, nrs_report=[3.0, 8.0], rr_valid=[1.0, 0.0]))
    assert fields["nrs_report"] == pytest.approx([3.0, 8.0], abs=1e-5)
    assert np.isnan(fields["rr"]).tolist() == [False, True]
    with pytest.raises(ConfigError, match=rf"expected \[n, {len(FIELDS)}\]"):
        view.decode(np.zeros((2, 5), np.float32))
