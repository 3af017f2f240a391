"""The recipes that change a kernel, followed together in one copy, because each change compiles everything anew."""

from __future__ import annotations

import pytest
from recipes.conftest import Project
from recipes.test_recipes import recipe

REWARDS, OBSERVATION, ACTIONS = (f"envs/kernel/{name}.py" for name in ("rewards", "observation", "actions"))
FAULT_FILES = {
    "devices/fault_records.py", "devices/faults.py", "devices/monitor_records.py", "devices/data/faults/reference.toml",
}  # fmt: skip


def add_reward_and_cost(project: Project) -> None:
    row = '    Term("calls", -np.inf, 0, "every call of the clinic"),\n'
    project.edit(REWARDS, row, row + '    Term("itch", -1, 0, "itch"),\n')
    project.edit(
        REWARDS, "    terms.calls = -out.calls\n", "    terms.calls = -out.calls\n    terms.itch = -patient.itch\n"
    )
    row = '    Cost("resp", "share of the step", 1, "depressed breathing"),\n'
    project.edit(REWARDS, row, row + '    Cost("itch", "0-1", 1, "itch at the end of the step"),\n')
    project.edit(REWARDS, "    costs.cognition = ", "    costs.itch = out.itch\n    costs.cognition = ")


def add_observation(project: Project) -> None:
    row = '    Field("clinic_on_its_way", "", 0.0, 1.0),\n'
    project.edit(OBSERVATION, row, row + '    Field("step_number", "", 0.0, 1000.0),\n')
    line = "    seen.mixture_ratio = "
    project.edit(OBSERVATION, line, "    seen.step_number = float(episode.step)\n" + line)


def add_action(project: Project) -> None:
    row = '    ActionField("hold", "switch", '
    project.edit(ACTIONS, row, '    ActionField("halve", "switch", "off", "on", "half of the rate in force"),\n' + row)
    line = "    if place.bolus_size >= 0:\n"
    project.edit(
        ACTIONS,
        line,
        "    if place.halve >= 0 and action[place.halve] > _ON:\n        rate = shield.prev_rate // 2\n" + line,
    )


def add_fault(project: Project) -> None:
    project.edit("devices/fault_records.py", "    ALTITUDE = 25\n", "    ALTITUDE = 25\n    DRAINED = 26\n")
    project.edit(
        "devices/monitor_records.py",
        "    Fault.ALTITUDE: 1 << _HIGH,\n",
        "    Fault.ALTITUDE: 1 << _HIGH,\n    Fault.DRAINED: 1 << _HIGH,\n",
    )
    project.edit(
        "devices/faults.py",
        "    if kind == _BATTERY:\n        pump.battery_used = max",
        "    if kind == _DRAINED:\n        pump.true_ml *= 0.5\n    elif kind == _BATTERY:\n        pump.battery_used = max",
    )
    project.edit(
        "devices/faults.py", "_POCKET, _WRONG_CONC = ", "_DRAINED = int(Fault.DRAINED)\n_POCKET, _WRONG_CONC = "
    )
    text = project.read("devices/data/faults/reference.toml")
    hazard = 'unit = "1/hour"\nsource = "engineering choice: a test"\nconfidence = "low"\nkind = "proposed"\n'
    (project.folder / "devices/data/faults/reference.toml").write_text(
        f"{text}\n[drained.hazard]\nvalue = 1e-9\n{hazard}"
    )


TRIAL = """
import numpy as np
from thecal.envs import ThecalEnv
from thecal.envs.tasks import TaskSpec, load_task
spec = load_task("CancerMorphine").model_dump()
spec["weights"] = {"itch": 2.0}
spec["costs"] = ("itch",)
spec["observation"]["fields"] = ("poss", "step_number")
spec["action"]["fields"] = ("relative_rate", "halve")
faults = {"hazards": False, "planned": [{"fault": "drained", "at_h": 1.0}]}
env = ThecalEnv(TaskSpec.model_validate(spec), truth=True, faults=faults)
env.reset(seed=1)
before = None
for k in range(30):
    seen, reward, _, _, info = env.step([0.0, 1.0 if k == 29 else -1.0])
    before = info["allowed_rate"] if k == 28 else before
assert info["r_itch"] == reward == -2.0 * info["itch"] != 0.0
assert info["cost"] == info["cost_itch"] == info["itch"]
assert env.decode(seen)["step_number"].round() == 30
assert info["requested_rate"] == np.floor(before / 96e-6 / 2 + 1e-6) * 96e-6
print(round(info["reservoir_true_ml"]), round(info["reservoir_est_ml"]))
"""


@pytest.mark.slow
def test_kernel_recipes_touch_what_they_name(project: Project) -> None:
    for step in (add_reward_and_cost, add_observation, add_action, add_fault):
        step(project)
    true_ml, believed_ml = project.run(TRIAL).split()
    assert int(true_ml) < 0.6 * int(believed_ml), "the fault did what it does"
    assert project.touched() == {REWARDS, OBSERVATION, ACTIONS, *FAULT_FILES}
    for name in ("reward term", "cost"):
        assert f"`{REWARDS}`" in recipe(name)
    assert f"`{OBSERVATION}`" in recipe("observation field")
    assert f"`{ACTIONS}`" in recipe("action field")
    assert all(f"`{path}`" in recipe("fault") for path in FAULT_FILES)
