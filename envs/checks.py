"""What a scenario is refused for because its parts do not fit each other: difficulty, start, earlier drugs, planned faults."""

from __future__ import annotations

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.layout import AXIAL, COMPARTMENT
from thecal.devices.fault_presets import FaultSpec
from thecal.envs.task_parts import STRUCTURE
from thecal.envs.tasks import TaskSpec
from thecal.physiology.population import receptor_of
from thecal.physiology.structures import second_offered, why_not
from thecal.safety.profiles import LimitProfile


def check_difficulty(task: TaskSpec, name: str) -> None:
    """The task names it; and one of the second structural model is offered while that is believable itself."""
    second = {title for title, table in task.difficulty.items() if table.get(STRUCTURE, AXIAL) == COMPARTMENT}
    kept = set() if second_offered() else second
    if name in kept:
        raise ConfigError(f"difficulty {name!r}: {why_not()}")
    if name not in task.difficulty:
        raise UnknownNameError("difficulty", name, set(task.difficulty) - kept)


def check_start(task: TaskSpec, profile: LimitProfile) -> None:
    """A start that the shield would cut at once is not the one that the task states."""
    start, drug = task.start, task.drugs[0]
    highest, cap = (start.dose_ug_per_d or 0.0) * start.high, profile.cap_ug(drug)
    if start.rule == "fixed" and highest > cap:
        what = f"starting doses up to {highest:g} ug/d of {drug} are above the cap of {cap:g}"
        raise ConfigError(f"task {task.name}: {what} in profile {profile.name}")


def check_history(task: TaskSpec, profile: LimitProfile) -> None:
    """A drug that is given only after others have been tried needs patients who had them."""
    for drug in task.drugs:
        needed = int(profile.option(drug, "classes_before"))
        had = {receptor_of(name) for name in task.earlier} - {receptor_of(drug)}
        if len(had) < needed:
            before = ", ".join(task.earlier) or "none"
            raise ConfigError(
                f"task {task.name}: {drug} is given only after {needed} other classes of intrathecal drugs "
                f"({drug}.classes_before of profile {profile.name}), and the patients had {before}; a task states what they "
                "had as earlier"
            )


def check_faults(task: TaskSpec, faults: FaultSpec | None) -> None:
    """A planned fault that lies past the last step would never be seen."""
    if faults is not None:
        try:
            faults.check_times(task.horizon_d * 24.0)
        except ValueError as error:
            raise ConfigError(f"task {task.name}: faults: {error}") from error
