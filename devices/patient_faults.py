"""The patient's side of a fault: a tip that moves, a mass at it, an infection, absorption from the pocket, bad sensors."""

from __future__ import annotations

from thecal.core.jit import kernel
from thecal.core.layout import AXIAL, N_SENSORS
from thecal.devices.fault_delivery import absorb
from thecal.devices.fault_records import Fault
from thecal.devices.faults import grown, is_active
from thecal.physiology.patient import move_tip

_MIGRATION, _GRANULOMA, _INFECTION = int(Fault.MIGRATION), int(Fault.GRANULOMA), int(Fault.INFECTION)
_STUCK, _DROPOUT, _BIAS = int(Fault.SENSOR_STUCK), int(Fault.SENSOR_DROPOUT), int(Fault.SENSOR_BIAS)
_LEVELS_PER_REGION = 5


@kernel
def _move(fault, patient_par, patient):
    """Put the tip where a migration has moved it (levels toward the sacrum), and back once it is mended."""
    if is_active(fault, _MIGRATION) and fault.home_node == 0:
        fault.home_node = patient_par.tip_node
        levels = int(fault.size[_MIGRATION] + 0.5)
        if patient_par.structure != AXIAL:
            levels = (levels + _LEVELS_PER_REGION - 1) // _LEVELS_PER_REGION
        move_tip(patient_par, patient, patient_par.tip_node + levels)
    elif fault.home_node != 0 and not is_active(fault, _MIGRATION):
        move_tip(patient_par, patient, fault.home_node)
        fault.home_node = 0


@kernel
def step_patient_faults(fault, par, pump, patient_par, patient, out_ug):
    """Let the faults present act on the patient for one pump tick.

    Args:
        fault, par: FAULT_STATE and FAULT_PAR records.
        pump: PUMP_STATE record (drug in the tissue is absorbed into the blood).
        patient_par, patient: PATIENT_PAR and PATIENT_STATE records.
        out_ug: ``[MAX_DRUGS]`` scratch, overwritten with what entered the blood, µg.
    """
    if is_active(fault, _MIGRATION) or fault.home_node != 0:
        _move(fault, patient_par, patient)
    if is_active(fault, _GRANULOMA):
        patient.granuloma = max(patient.granuloma, grown(fault, par, _GRANULOMA, pump.age_h))
    if fault.begun >> _INFECTION & 1 == 1:
        patient.infection_left_h = max(patient.infection_left_h, patient_par.infection_h)
        patient.infections += 1
    absorb(pump, par.tissue_per_h, out_ug)
    for d in range(patient_par.n_drugs):
        patient.drug[d].plasma += out_ug[d]
        patient.drug[d].given += out_ug[d]


@kernel
def spoil_sensors(fault, patient):
    """Make the readings of this tick what a faulty sensor reports; ``detail`` names the sensor."""
    if is_active(fault, _STUCK):
        k = fault.detail[_STUCK] % N_SENSORS
        if fault.begun >> _STUCK & 1 == 1:
            fault.held_value = patient.s_value[k]
        patient.s_value[k] = fault.held_value
        patient.s_valid[k] = 1
    if is_active(fault, _BIAS):
        k = fault.detail[_BIAS] % N_SENSORS
        patient.s_value[k] *= 1.0 + fault.size[_BIAS]
    if is_active(fault, _DROPOUT):
        patient.s_valid[fault.detail[_DROPOUT] % N_SENSORS] = 0
