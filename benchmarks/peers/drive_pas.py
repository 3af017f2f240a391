"""python-anesthesia-simulator: one patient, a step a second, constant propofol and remifentanil, nothing saved."""

from __future__ import annotations

from window import measure

STATES = 12  # of its linear models, see python_anesthesia_simulator.pk_models
PROPOFOL_MG_PER_S, REMIFENTANIL_UG_PER_S = 0.2, 0.1


def start():
    """A patient of the default models."""
    from python_anesthesia_simulator import Patient

    patient = Patient([35, 170, 70, 0], ts=1, save_data_bool=False)

    def work() -> int:
        patient.one_step(PROPOFOL_MG_PER_S, REMIFENTANIL_UG_PER_S)
        return 1

    return work


measure(
    "python-anesthesia-simulator, one_step", start, step_min=1 / 60, states=STATES, evaluations=1, patients=1,
    integrator="exact, discretized linear",
)  # fmt: skip
