"""Every shipped policy keeps the protocol: what it says of itself, what it gives back, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents import make_policy, policy_info, policy_names
from thecal.agents.base import BatchPolicy, HasDensity, Policy, PolicyContext, Restarts, Saves
from thecal.core.errors import ConfigError

from support.agent_toys import make_context, make_view, observe

LABELS = {
    "fixed": "Fixed rate",
    "fixed_ptm": "Fixed rate + demand bolus",
    "guideline": "Guideline titration",
    "guideline_ptm": "Guideline + demand bolus",
    "pid": "PID control",
    "pid_guarded": "Guarded PID",
    "fault_response": "Guarded PID + fault response",
    "day_night": "Day and night schedule",
    "random": "Random requests",
    "max_request": "Maximal requests",
}

# Those that plan keep the same promises with a simulator behind them, see tests/agents/mpc/test_planners.py.
REACTIVE = tuple(name for name in policy_names() if policy_info(name).kind != "model-based")


@pytest.mark.parametrize("name", LABELS)
def test_shipped_policies_describe_themselves(name: str) -> None:
    info = policy_info(name)
    assert (info.name, info.label) == (name, LABELS[name])
    assert info.kind == ("sanity" if name in ("random", "max_request") else "rule")
    assert info.text.endswith(".")
    assert (info.training_seeds, info.tasks, info.privileged) == ((), (), False)


def test_parameters_are_the_numbers_in_use() -> None:
    assert policy_info("fixed").parameters == {}
    assert policy_info("fixed_ptm").parameters == {"share_of_day": 0.1}
    assert make_policy("pid", gain=0.3).info.parameters["gain"] == 0.3
    both = make_policy("guideline_ptm", share_of_day=0.2, raise_small=0.05).info.parameters
    assert (both["share_of_day"], both["raise_small"]) == (0.2, 0.05)
    assert make_policy("random", seed=4).info.parameters == {"seed": 4}


@pytest.mark.parametrize("name", REACTIVE)
def test_shipped_policies_keep_the_protocol(name: str) -> None:
    policy = make_policy(name)
    assert isinstance(policy, Policy)
    assert isinstance(policy, Restarts)
    assert not isinstance(policy, Saves)
    assert isinstance(policy, HasDensity) == (name == "random")
    policy.reset(make_context(3))
    for _ in range(30):
        actions = policy.act(observe(3, nrs_report=8.0))
        assert actions.dtype == np.float32
        assert actions.shape == (3, 2)
        assert np.abs(actions).max() <= 1.0


@pytest.mark.parametrize("name", REACTIVE)
def test_a_reset_forgets_everything(name: str) -> None:
    policy = make_policy(name)
    runs = []
    for _ in range(2):
        policy.reset(make_context(2))
        runs.append(np.stack([policy.act(observe(2, nrs_report=8.0)) for _ in range(50)]))
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("name", REACTIVE)
def test_a_patient_is_treated_the_same_in_any_company(name: str) -> None:
    alone, among = make_policy(name), make_policy(name)
    alone.reset(make_context(1, [7]))
    among.reset(make_context(3, [1, 7, 9]))
    for hour in range(50):
        one = alone.act(observe(nrs_report=8.0, rr=9.0 if hour > 30 else 14.0))
        three = among.act(observe(3, nrs_report=[2.0, 8.0, 5.0], rr=[14.0, 9.0 if hour > 30 else 14.0, 8.0]))
        np.testing.assert_array_equal(one[0], three[1])


def test_a_policy_states_no_more_than_it_decides() -> None:
    class Idle(BatchPolicy):
        info = policy_info("fixed").model_copy(update={"name": "idle"})

    policy = Idle()
    policy.reset(make_context(2, action_names=("relative_rate", "bolus_size", "hold")))
    assert policy.act(observe(2)).tolist() == [[0.0] * 3] * 2
    assert policy.steps.tolist() == [1, 1]


def test_wrong_use_is_named() -> None:
    policy = make_policy("pid")
    with pytest.raises(ConfigError, match="before reset"):
        policy.act(observe())
    policy.reset(make_context(2))
    with pytest.raises(ConfigError, match="reset for 2 patients"):
        policy.act(observe(3))
    with pytest.raises(ConfigError, match=r"flags have shape \(3,\)"):
        policy.reset_where(np.ones(3, np.bool_))  # type: ignore[attr-defined]
    narrow = make_view()
    narrow.names = narrow.names[:1]
    with pytest.raises(ConfigError, match="nrs_age_h"):
        make_policy("guideline").reset(PolicyContext(narrow, 1, np.arange(1), 0))


def test_a_context_names_each_patient() -> None:
    with pytest.raises(ConfigError, match=r"shape \(2,\), expected \(3,\)"):
        PolicyContext(make_view(), 3, np.arange(2), 0)


def test_a_simulator_is_made_on_request_or_refused() -> None:
    with pytest.raises(ConfigError, match="no simulator is offered"):
        make_context().simulate()
    made = PolicyContext(make_view(), 3, np.arange(3), 0, simulator=lambda rows: f"{rows} rows")  # type: ignore[arg-type, return-value]
    assert (made.simulate(), made.simulate(12)) == ("3 rows", "12 rows")
