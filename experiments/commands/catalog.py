"""``thecal tasks`` and ``thecal list``: what is shipped, by name."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from thecal.experiments.commands.common import Json, emit, left_out, output, plain_table

if TYPE_CHECKING:
    from thecal.physiology.covariates import Covariate

_ORIGIN = "added by"
_JSON_ONLY = ("id", "cohort", "profile")  # the table stays within a narrow terminal
_SIDES = {1: "more", -1: "less", 0: ""}  # which is better for the patient


class Kind(StrEnum):
    """What can be listed."""

    tasks = "tasks"
    ids = "ids"
    drugs = "drugs"
    pumps = "pumps"
    faults = "faults"
    cohorts = "cohorts"
    covariates = "covariates"
    profiles = "profiles"
    policies = "policies"
    algorithms = "algorithms"
    outcomes = "outcomes"
    rewards = "rewards"
    costs = "costs"
    observations = "observations"
    actions = "actions"
    targets = "targets"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("tasks", rich_help_panel="Look around")(tasks)
    app.command("list", rich_help_panel="Look around")(list_kind)


def tasks(as_json: Json = False) -> None:
    """The tasks: what is treated, with what, for how long, and what counts.

    Example: `thecal tasks`
    """
    _show(Kind.tasks, as_json)


def list_kind(
    kind: Annotated[Kind, typer.Argument(help="What to list.", show_default=False)], as_json: Json = False
) -> None:
    """Names of what is shipped or added by other packages: tasks, drugs, pumps, policies, and what tasks pick from.

    Example: `thecal list profiles`
    """
    _show(kind, as_json)


def _show(kind: Kind, as_json: bool) -> None:
    rows = _READERS[kind]()
    if as_json:
        emit(rows)
        return
    # Where something comes from is worth a column only where another package adds something.
    shown = [
        column
        for column in rows[0]
        if column not in _JSON_ONLY and (column != _ORIGIN or any(row[_ORIGIN] for row in rows))
    ]
    table = plain_table(kind.value, shown)
    for row in rows:
        table.add_row(*(str(row[column]) for column in shown))
    output().print(table)


def _tasks() -> list[dict[str, object]]:
    from thecal.core.plugins import TASKS, origin, sound
    from thecal.envs.tasks import load_task, task_names

    return [
        {
            "name": spec.name,
            "id": spec.id,
            "title": spec.title,
            "drugs": " + ".join(spec.drugs),
            "horizon": f"{spec.horizon_d:g} d, every {spec.tick_h:g} h",
            "cohort": spec.cohort,
            "profile": spec.profile,
            "primary outcome": spec.primary.text,
            _ORIGIN: origin(TASKS, name),
        }
        for name, spec in sound(TASKS, task_names(), load_task, left_out).items()
    ]


def _ids() -> list[dict[str, object]]:
    from thecal.envs.variants import entries

    return [{"gymnasium id": entry.id, "what it is": entry.variant.text} for entry in entries()]


def _drugs() -> list[dict[str, object]]:
    from thecal.physiology.population import drug_names, receptor_of, shipped

    rows: list[dict[str, object]] = []
    for name in drug_names():
        file = shipped(f"drugs/{name}")
        weak = sum(quantity.confidence == "low" for quantity in file.values())
        rows.append({"name": name, "receptor": receptor_of(name), "numbers": len(file), "of low confidence": weak})
    return rows


def _covariates() -> list[dict[str, object]]:
    from thecal.physiology.covariates import COVARIATES

    return [
        {"name": item.name, "what it is": item.text, "values": _values(item), "needed": "yes" if item.required else ""}
        for item in COVARIATES.values()
    ]


def _values(item: Covariate) -> str:
    if item.kind == "flag":
        return "true or false"
    if item.kind == "choice":
        return ", ".join(item.choices) if len(item.choices) < 12 else f"{item.choices[0]} to {item.choices[-1]}"
    return f"{item.low:g} to {item.high:g} {item.unit}".strip()


def _pumps() -> list[dict[str, object]]:
    from thecal.devices.specs import load_pump, pump_names

    specs = [load_pump(name) for name in pump_names()]
    return [
        {
            "name": spec.name,
            "title": spec.title,
            "kind": spec.kind,
            "mechanism": spec.mechanism,
            "capacity": f"{spec.capacity_ml:g} mL",
        }
        for spec in specs
    ]


def _faults() -> list[dict[str, object]]:
    from thecal.devices.fault_presets import fault_parameters, load_faults
    from thecal.devices.fault_records import FAULT_NAMES

    par = fault_parameters(load_faults("reference"))
    return [
        {
            "name": name,
            "per patient-year": f"{par['hazard_per_h'][k] * 8766:.2g}" if par["hazard_per_h"][k] > 0 else "",
            "per refill": f"{par['chance'][k]:.2g}" if par["chance"][k] > 0 else "",
        }
        for k, name in enumerate(FAULT_NAMES)
    ]


def _cohorts() -> list[dict[str, object]]:
    from thecal.core.plugins import COHORTS, origin, sound
    from thecal.physiology.cohort_spec import cohort_names, load_cohort_spec

    found = sound(COHORTS, cohort_names(), load_cohort_spec, left_out)
    return [{"name": name, "title": spec.title, _ORIGIN: origin(COHORTS, name)} for name, spec in found.items()]


def _profiles() -> list[dict[str, object]]:
    from thecal.core.plugins import PROFILES, origin, sound
    from thecal.safety.profiles import load_profile, profile_names

    found = sound(PROFILES, profile_names(), load_profile, left_out)
    return [{"name": name, "title": profile.title, _ORIGIN: origin(PROFILES, name)} for name, profile in found.items()]


def _policies() -> list[dict[str, object]]:
    from thecal.agents.registry import policy_info, policy_names
    from thecal.core.plugins import POLICIES, origin, sound

    found = sound(POLICIES, policy_names(), policy_info, left_out)
    return [
        {"name": name, "kind": info.kind, "what it does": info.text, _ORIGIN: origin(POLICIES, name)}
        for name, info in found.items()
    ]


def _outcomes() -> list[dict[str, object]]:
    from thecal.envs.outcomes import CATALOG

    return [
        {"name": entry.key, "what it is": entry.text, "unit": entry.unit, "better": _SIDES[entry.better],
         "margin of harm": "" if entry.margin is None else f"{entry.margin:g}"}
        for entry in CATALOG.values()
    ]  # fmt: skip


def _rewards() -> list[dict[str, object]]:
    from thecal.envs.kernel.rewards import TERMS

    return [
        {"name": term.name, "range": f"{term.low:g} to {term.high:g}", "what it pays for": term.text} for term in TERMS
    ]


def _costs() -> list[dict[str, object]]:
    from thecal.envs.kernel.rewards import COSTS

    return [{"name": cost.name, "unit": cost.unit, "what it counts": cost.text} for cost in COSTS]


def _observations() -> list[dict[str, object]]:
    from thecal.envs.kernel.observation import FIELDS

    return [
        {
            "name": field.name,
            "unit": field.unit,
            "bounds": f"{field.low:g} to {field.high:g}",
            "better": _SIDES[field.better],
        }
        for field in FIELDS
    ]


def _actions() -> list[dict[str, object]]:
    from thecal.envs.kernel.actions import ACTIONS

    return [
        {"name": field.name, "unit": field.unit, "at -1": field.low, "at 1": field.high, "what it asks": field.text}
        for field in ACTIONS
    ]


def _first_line(thing: type) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


def _algorithms() -> list[dict[str, object]]:
    from thecal.agents.backends.registry import algorithm_names, backend

    return [{"name": name, "what it is": _first_line(backend(name).settings)} for name in algorithm_names()]


def _targets() -> list[dict[str, object]]:
    from thecal.experiments.validation.validate import load_targets

    return [
        {"name": target.key, "title": target.title, "role": target.role, "source": target.source}
        for target in load_targets()
    ]


_READERS = {
    Kind.tasks: _tasks,
    Kind.ids: _ids,
    Kind.drugs: _drugs,
    Kind.pumps: _pumps,
    Kind.faults: _faults,
    Kind.cohorts: _cohorts,
    Kind.covariates: _covariates,
    Kind.profiles: _profiles,
    Kind.policies: _policies,
    Kind.algorithms: _algorithms,
    Kind.outcomes: _outcomes,
    Kind.rewards: _rewards,
    Kind.costs: _costs,
    Kind.observations: _observations,
    Kind.actions: _actions,
    Kind.targets: _targets,
}
