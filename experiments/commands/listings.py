"""What ``thecal list`` shows: one function a kind, each giving one row a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from thecal.core.errors import UnknownNameError
from thecal.experiments.commands.common import left_out
from thecal.experiments.commands.limits import limits
from thecal.experiments.commands.lives import lives

if TYPE_CHECKING:
    from thecal.core.parameters import Quantity
    from thecal.physiology.covariates import Covariate

Row = dict[str, object]
ORIGIN = "added by"
_SIDES = {1: "more", -1: "less", 0: ""}  # which is better for the patient


def tasks() -> list[Row]:
    """What is treated, with what, for how long, and what counts."""
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
            ORIGIN: origin(TASKS, name),
        }
        for name, spec in sound(TASKS, task_names(), load_task, left_out).items()
    ]


def ids() -> list[Row]:
    """By which Gymnasium makes a task, plain or in a variant."""
    from thecal.envs.variants import entries

    return [{"gymnasium id": entry.id, "what it is": entry.variant.text} for entry in entries()]


def drugs() -> list[Row]:
    """How a drug is begun, and the most in 24 h under each limit profile."""
    from thecal.core.plugins import PROFILES, sound
    from thecal.physiology.population import drug_names, receptor_of, shipped
    from thecal.safety.profiles import load_profile, profile_names

    profiles = sound(PROFILES, profile_names(), load_profile, left_out)
    rows: list[Row] = []
    for name in drug_names():
        file = shipped(f"drugs/{name}")
        caps = {key: profile.file[f"{name}.cap"] for key, profile in profiles.items() if name in profile.drugs}
        start, low, high = (
            file[key] if (key := f"start.{edge}") in file else None for edge in ("usual", "lowest", "highest")
        )
        rows.append(
            {
                "name": name,
                "receptor": receptor_of(name),
                "usual start": _dose(start) if start else "from the oral dose, by the cohort",
                "range of starts": f"{low.value:g} to {_dose(high)}" if low and high else "",
                "cap in 24 h": _caps(caps),
                "start from": start.source if start else "",
                "caps": {key: cap.model_dump(include={"value", "unit", "source"}) for key, cap in caps.items()},
            }
        )
    return rows


def _dose(quantity: Quantity) -> str:
    return f"{quantity.value:g} {quantity.unit}".replace("ug", "µg")


def _caps(caps: dict[str, Quantity]) -> str:
    """Each cap once, with the profiles that have it."""
    by_dose: dict[str, list[str]] = {}
    for name, cap in sorted(caps.items(), key=lambda item: item[1].value):
        by_dose.setdefault(_dose(cap), []).append(name)
    return "; ".join(f"{dose} ({', '.join(names)})" for dose, names in by_dose.items()) or "in no profile"


def covariates() -> list[Row]:
    """What a chart says of a patient."""
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


def pumps() -> list[Row]:
    """The models of pump."""
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


def faults() -> list[Row]:
    """What can fail, and how often."""
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


def cohorts() -> list[Row]:
    """Who the patients are."""
    from thecal.core.plugins import COHORTS, origin, sound
    from thecal.physiology.cohort_spec import cohort_names, load_cohort_spec

    found = sound(COHORTS, cohort_names(), load_cohort_spec, left_out)
    return [{"name": name, "title": spec.title, ORIGIN: origin(COHORTS, name)} for name, spec in found.items()]


def profiles() -> list[Row]:
    """The limits that the shield can hold."""
    from thecal.core.plugins import PROFILES, origin, sound
    from thecal.safety.profiles import load_profile, profile_names

    found = sound(PROFILES, profile_names(), load_profile, left_out)
    return [{"name": name, "title": profile.title, ORIGIN: origin(PROFILES, name)} for name, profile in found.items()]


def policies() -> list[Row]:
    """The policies that need no training."""
    from thecal.agents.registry import policy_info, policy_names
    from thecal.core.plugins import POLICIES, origin, sound

    found = sound(POLICIES, policy_names(), policy_info, left_out)
    return [
        {"name": name, "kind": info.marked_kind, "what it does": info.text, ORIGIN: origin(POLICIES, name)}
        for name, info in found.items()
    ]


def outcomes() -> list[Row]:
    """What can be measured."""
    from thecal.envs.outcomes import CATALOG

    return [
        {"name": entry.key, "what it is": entry.text, "unit": entry.unit, "better": _SIDES[entry.better],
         "margin of harm": "" if entry.margin is None else f"{entry.margin:g}"}
        for entry in CATALOG.values()
    ]  # fmt: skip


def rewards() -> list[Row]:
    """What a reward can be made of."""
    from thecal.envs.kernel.rewards import TERMS

    return [
        {"name": term.name, "range": f"{term.low:g} to {term.high:g}", "what it pays for": term.text} for term in TERMS
    ]


def costs() -> list[Row]:
    """What a cost can count."""
    from thecal.envs.kernel.rewards import COSTS

    return [{"name": cost.name, "unit": cost.unit, "what it counts": cost.text} for cost in COSTS]


def observations() -> list[Row]:
    """What a policy can see."""
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


def actions() -> list[Row]:
    """What a policy can ask for."""
    from thecal.envs.kernel.actions import ACTIONS

    return [
        {"name": field.name, "unit": field.unit, "at -1": field.low, "at 1": field.high, "what it asks": field.text}
        for field in ACTIONS
    ]


def _first_line(thing: type) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


def algorithms() -> list[Row]:
    """What can learn a policy."""
    from thecal.agents.backends.registry import algorithm_names, backend

    return [{"name": name, "what it is": _first_line(backend(name).settings)} for name in algorithm_names()]


def targets() -> list[Row]:
    """What the virtual patients are held against."""
    from thecal.experiments.validation.validate import load_targets

    return [
        {"name": target.key, "title": target.title, "role": target.role, "source": target.source}
        for target in load_targets()
    ]


def studies() -> list[Row]:
    """What can be fitted to what by `thecal calibrate`."""
    from thecal.experiments.validation.calibration.study import load_study, study_names

    found = {name: load_study(name) for name in study_names()}
    return [
        {
            "name": name,
            "title": one.title,
            "structure": one.structure,
            "numbers": len(one.free),
            "targets": len(one.target),
        }
        for name, one in found.items()
    ]


def terms() -> list[Row]:
    """The words that need explaining."""
    from thecal.core.glossary import TERMS

    return [{"term": name, "meaning": text} for name, text in TERMS.items()]


KINDS: dict[str, Callable[[], list[Row]]] = {
    kind.__name__: kind
    for kind in (
        tasks, ids, drugs, pumps, faults, lives, cohorts, covariates, profiles, limits, policies, algorithms, outcomes, rewards,
        costs, observations, actions, targets, studies, terms,
    )
}  # fmt: skip


def kinds() -> list[Row]:
    """What can be listed."""
    return [{"kind": name, "what it is": (reader.__doc__ or "").partition("\n")[0]} for name, reader in KINDS.items()]


def listed(kind: str) -> list[Row]:
    """The rows of a kind.

    Raises:
        UnknownNameError: there is no such kind.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    return KINDS[kind]()
