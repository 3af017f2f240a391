"""The kinetics of one patient as an SBML model (level 3), for other programs, and their run of it in libRoadRunner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ThecalError
from thecal.core.extras import importing
from thecal.core.files import write_whole
from thecal.experiments.fitting.linear import Feed, Linear

Floats = NDArray[np.float64]
_LEVEL, _VERSION = 3, 2
_RELATIVE, _ABSOLUTE = 1e-11, 1e-14  # tolerances of the run
_LEAST = 1e-12  # relative: a rate below it is rounding, not a path


def document(system: Linear, feeds: list[Feed], title: str) -> str:
    """An SBML document: amounts in ug as species, first-order reactions between them, feeds as events.

    Raises:
        MissingExtraError: python-libsbml is not installed.
        ThecalError: libSBML finds the document inconsistent.
    """
    with importing("SBML", "exchange"):
        import libsbml
    whole = libsbml.SBMLDocument(_LEVEL, _VERSION)
    model = whole.createModel()
    model.setId("thecal_kinetics")
    model.setName(f"{title} (research simulation only)")
    _units(model, libsbml)
    space = model.createCompartment()
    space.setId("body")
    space.setConstant(True)
    space.setSize(1.0)
    space.setUnits("dimensionless")
    for name in (*system.names, "gone"):
        species = model.createSpecies()
        species.setId(name)
        species.setCompartment("body")
        species.setInitialAmount(0.0)
        species.setSubstanceUnits("ug")
        species.setHasOnlySubstanceUnits(True)
        species.setBoundaryCondition(False)
        species.setConstant(False)
    for name in ("infusion", "injection"):
        _parameter(model, name, 0.0, "ug_per_h", constant=False)
    _flows(model, system)
    _inputs(model, system)
    _outputs(model, system)
    _events(model, feeds, libsbml)
    problems = whole.checkConsistency()
    errors = [whole.getError(i) for i in range(problems)]
    serious = [one.getMessage().strip() for one in errors if one.getSeverity() >= libsbml.LIBSBML_SEV_ERROR]
    if serious:
        raise ThecalError(f"libSBML finds the model inconsistent ({serious[0].splitlines()[0]}); please report it")
    return str(libsbml.writeSBMLToString(whole))


def _units(model: Any, libsbml: Any) -> None:
    for name, parts in {
        "ug": [(libsbml.UNIT_KIND_GRAM, 1, 1e-6)],
        "h": [(libsbml.UNIT_KIND_SECOND, 1, 3600.0)],
        "per_h": [(libsbml.UNIT_KIND_SECOND, -1, 3600.0)],
        "ml": [(libsbml.UNIT_KIND_LITRE, 1, 1e-3)],
        "ug_per_h": [(libsbml.UNIT_KIND_GRAM, 1, 1e-6), (libsbml.UNIT_KIND_SECOND, -1, 3600.0)],
        "ug_per_ml": [(libsbml.UNIT_KIND_GRAM, 1, 1e-6), (libsbml.UNIT_KIND_LITRE, -1, 1e-3)],
    }.items():
        definition = model.createUnitDefinition()
        definition.setId(name)
        for kind, power, multiplier in parts:
            unit = definition.createUnit()
            unit.setKind(kind)
            unit.setExponent(power)
            unit.setScale(0)
            unit.setMultiplier(multiplier)
    model.setTimeUnits("h")
    model.setSubstanceUnits("ug")
    model.setExtentUnits("ug")


def _parameter(model: Any, name: str, value: float, unit: str, *, constant: bool = True) -> None:
    parameter = model.createParameter()
    parameter.setId(name)
    parameter.setValue(value)
    parameter.setUnits(unit)
    parameter.setConstant(constant)


def _reaction(model: Any, name: str, formula: str, source: str | None, target: str | None) -> None:
    import libsbml

    reaction = model.createReaction()
    reaction.setId(name)
    reaction.setReversible(False)
    for place, make in ((source, reaction.createReactant), (target, reaction.createProduct)):
        if place is not None:
            reference = make()
            reference.setSpecies(place)
            reference.setStoichiometry(1.0)
            reference.setConstant(True)
    reaction.createKineticLaw().setMath(libsbml.parseL3Formula(formula))


def _flows(model: Any, system: Linear) -> None:
    """A reaction for every path between two states, and one out of the body where more leaves a state than arrives."""
    matrix, names = system.matrix, system.names
    for k, source in enumerate(names):
        scale = abs(matrix[k, k])
        for j, target in enumerate(names):
            if j != k and matrix[j, k] > _LEAST * scale:
                rate = f"k_{source}_{target}"
                _parameter(model, rate, float(matrix[j, k]), "per_h")
                _reaction(model, f"{source}_to_{target}", f"{rate} * {source}", source, target)
        lost = -float(matrix[:, k].sum())
        if lost > _LEAST * scale:
            _parameter(model, f"k_{source}_gone", lost, "per_h")
            _reaction(model, f"{source}_to_gone", f"k_{source}_gone * {source}", source, "gone")


def _inputs(model: Any, system: Linear) -> None:
    for what, shares in (("infusion", system.infused), ("injection", system.injected)):
        for name, share in zip(system.names, shares, strict=True):
            if share > 0.0:
                _parameter(model, f"share_{what}_{name}", float(share), "dimensionless")
                _reaction(model, f"{what}_into_{name}", f"share_{what}_{name} * {what}", None, name)


def _outputs(model: Any, system: Linear) -> None:
    """Concentrations, as variables that follow the amounts."""
    import libsbml

    for name, volume in system.volumes.items():
        _parameter(model, f"volume_{name}", volume, "ml")
        _parameter(model, f"conc_{name}", 0.0, "ug_per_ml", constant=False)
        rule = model.createAssignmentRule()
        rule.setVariable(f"conc_{name}")
        rule.setMath(libsbml.parseL3Formula(f"{name} / volume_{name}"))


def _events(model: Any, feeds: list[Feed], libsbml: Any) -> None:
    """Feeds that begin later change by events; the first stands as initial value."""
    for number, feed in enumerate(feeds):
        values = {
            "infusion": 0.0 if feed.bolus else feed.rate_ug_per_h,
            "injection": feed.rate_ug_per_h if feed.bolus else 0.0,
        }
        if feed.start_h <= 0.0:
            for name, value in values.items():
                model.getParameter(name).setValue(value)
            continue
        event = model.createEvent()
        event.setId(f"feed_{number}")
        event.setUseValuesFromTriggerTime(True)
        trigger = event.createTrigger()
        trigger.setInitialValue(False)
        trigger.setPersistent(True)
        _parameter(model, f"begins_{number}", feed.start_h, "h")
        trigger.setMath(libsbml.parseL3Formula(f"time >= begins_{number}"))
        for name, value in values.items():
            _parameter(model, f"{name}_{number}", value, "ug_per_h")
            assignment = event.createEventAssignment()
            assignment.setVariable(name)
            assignment.setMath(libsbml.parseL3Formula(f"{name}_{number}"))


def write(path: str | Path, system: Linear, feeds: list[Feed], title: str) -> Path:
    """Write the model, whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    return write_whole(path, document(system, feeds, title))


def run_elsewhere(text: str, names: tuple[str, ...], times_h: Floats) -> Floats:
    """States ``[times, names]`` of a document as libRoadRunner simulates it.

    Raises:
        MissingExtraError: libroadrunner is not installed.
    """
    with importing("a run in libRoadRunner", "exchange"):
        import roadrunner
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
    engine = roadrunner.RoadRunner(text)
    engine.setIntegrator("cvode")
    engine.integrator.setValue("relative_tolerance", _RELATIVE)
    engine.integrator.setValue("absolute_tolerance", _ABSOLUTE)
    engine.integrator.setValue("maximum_num_steps", 200_000)
    engine.selections = ["time", *names]
    result = engine.simulate(times=[0.0, *times_h.tolist()])
    return np.asarray(result)[1:, 1:]
