"""The formats around fitted patients: sidecars of event tables, saved patients, settings of a fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.clinic.events.cells import read_sidecar
from thecal.core.errors import ParameterError
from thecal.experiments.fitting import patient_file, settings
from thecal.experiments.fitting.settings import load_settings

from support.file_formats import Format, patched, tables

_UNITS = {
    "drug": "morphine", "units": {"TIME": "day", "AMT": "mg"}, "cmt": {"3": "baclofen"}, "dvid": {"9": "csf"},
    "dv_units": {"csf": "ng/mL"},
}  # fmt: skip
_FITTED = {
    "version": 1, "name": "anna", "base": "cancer", "drugs": ["morphine"], "observations": 61, "misfit": 0.3,
    "number": [{"file": "receptors/mu", "key": "analgesia.sensitivity", "value": 1.2, "unit": "dimensionless"}],
}  # fmt: skip


def _fitted(path: Path, patch: pytest.MonkeyPatch) -> object:
    patch.setattr(patient_file, "FILE", path.name)
    for name in (patient_file.COHORT, patient_file.CHARTS):
        path.with_name(name).touch()
    return patient_file.read_fitted(path.parent)


FITTED_FORMATS = [
    Format("event units", {"t.units.toml": _UNITS}, lambda path, _: read_sidecar(path), ParameterError, r".*"),
    Format("fitted patient", {"patient.toml": _FITTED}, _fitted, ParameterError, r"number"),
    Format(
        "fit",
        tables("thecal.experiments.fitting", ""),
        patched(lambda _: load_settings.__wrapped__(), (settings, "read_parameters")),
        ParameterError,
        r".*\.(kind|cv|sd|range|note)",
    ),
]
