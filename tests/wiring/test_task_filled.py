"""The record of a task holds every number of its file, in pump ticks and logarithms where kernels count in those."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.envs import assembly
from thecal.envs.clinician import clinician_parameters
from thecal.envs.kernel.records import WORLD_PAR
from thecal.envs.signs import sign_limits
from thecal.envs.tasks import TaskSpec, load_task

from support.task_files import written


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> TaskSpec:
    return load_task(written(tmp_path_factory.mktemp("filled"), "Everything"))


# Of every field of an action, a term and a cost its place, all different.
ACTION: dict[str, Any] = {
    "max_up": 0.21, "max_down": 0.13, "deadband": 0.07, "target_low": 0.3, "target_high": 2.5, "lockout_low_h": 1.6,
    "lockout_high_h": 9.9,
}  # fmt: skip


def filled(
    task: TaskSpec,
    trigger: str = "patient",
    clinician: str = "none",
    names: tuple[str, ...] = ("poss", "nrs_mean8"),
    more: dict[str, Any] | None = None,
    **action: Any,
) -> Any:
    more = more or {}
    fields = ("hold", "bolus_size", "call_clinic", "target_dose", "lockout")
    spec = task.action.model_copy(update={**ACTION, "fields": fields, "bolus_trigger": trigger, **action})
    solution = task.solution.model_copy(update={"refill_ml": 4.5})
    changes = {
        "action": spec, "solution": solution, "tick_h": 2.5, "horizon_d": 8.75, "start_clock_h": 5.5, "clinic_clock_h": 10.25,
        "weights": {"relief": 1.5, "dose": 0.25}, "costs": ("resp", "withdrawal"), "charge_limits": {"dose": 12.5},
        "visits": task.visits.model_copy(update={"harm_call_h": 5.1}), "goal": "pain", "goal_relief": 0.3, **more,
    }  # fmt: skip
    own: Any = SimpleNamespace(
        task=task.model_copy(update=changes), scenario=SimpleNamespace(clinician=clinician), call_delay_h=5.3,
        rescue_delay_h=0.3, lens=SimpleNamespace(names=names),
    )  # fmt: skip
    row: Any = np.zeros(1, WORLD_PAR)[0]
    assembly._fill_task(row["task"], own, 1_234, 5_678.5, 700.5, 8.0)
    return row["task"]


def test_every_number_of_the_task_is_filled_in(task: TaskSpec) -> None:
    row = filled(task)
    due = {
        "ticks_per_step": 10, "n_steps": 84, "max_up": 0.21, "max_down": 0.13, "deadband": 0.07, "log_low": math.log(0.3),
        "log_high": math.log(2.5), "lockout_low": 7, "lockout_high": 40, "patient_bolus": 1, "start_rate_nl": 1_234,
        "start_clock_h": 5.5, "clinic_clock_h": 10.25, "call_delay": 22, "rescue_delay": 2, "n_mixtures": 4,
        "refill_ml": 4.5, "refill_h": 700.5, "cap_ug": 5_678.5, "harm_call": 21, "goal": 0, "goal_nrs": 5.6, "remembers": 1,
    }  # fmt: skip
    assert {name: row[name] for name in due} == pytest.approx(due)
    assert set(row.dtype.names) == {*due, "action", "clinician", "weight", "charge_limit", "charged", "signs"}
    assert tuple(row["signs"]) == tuple(sign_limits())
    limits = {name: float(row["charge_limit"][name]) for name in row["charge_limit"].dtype.names}
    assert limits == {**dict.fromkeys(limits, math.inf), "dose": 12.5}
    places = {"hold": 0, "bolus_size": 1, "call_clinic": 2, "target_dose": 3, "lockout": 4}
    assert {name: row["action"][name] for name in row["action"].dtype.names} == {
        name: places.get(name, -1) for name in row["action"].dtype.names
    }
    terms = {name: float(row["weight"][name]) for name in row["weight"].dtype.names}
    assert terms == {**dict.fromkeys(terms, 0.0), "relief": 1.5, "dose": 0.25}
    costs = {name: float(row["charged"][name]) for name in row["charged"].dtype.names}
    assert costs == {**dict.fromkeys(costs, 0.0), "resp": 1.0, "withdrawal": 1.0}
    assert min(len(terms), len(costs)) > 3


def test_a_task_that_states_less_has_none_of_it(task: TaskSpec) -> None:
    visits = task.visits.model_copy(update={"harm_call_h": None})
    bare = {"goal": "spasticity", "goal_relief": None, "charge_limits": {}, "visits": visits}
    row = filled(task, names=("poss",), more=bare)
    assert {name: row[name] for name in ("harm_call", "goal", "goal_nrs", "remembers")} == {
        "harm_call": 0, "goal": 1, "goal_nrs": 3.0, "remembers": 0,
    }  # fmt: skip
    assert all(np.isinf(row["charge_limit"][name]) for name in row["charge_limit"].dtype.names)


def test_what_an_action_leaves_out_asks_for_nothing(task: TaskSpec) -> None:
    row = filled(task, "policy", **dict.fromkeys(ACTION) | {"deadband": 0.0})
    for name in (
        "max_up",
        "max_down",
        "deadband",
        "log_low",
        "log_high",
        "lockout_low",
        "lockout_high",
        "patient_bolus",
    ):
        assert row[name] == 0, name


def test_the_clinician_of_the_scenario_is_filled_in(task: TaskSpec) -> None:
    shipped = clinician_parameters()[0]
    for kind, name in enumerate(("none", "model", "caller")):
        row = filled(task, clinician=name)["clinician"]
        assert row["kind"] == kind
        assert all(row[field] == shipped[field] for field in row.dtype.names if field != "kind")
