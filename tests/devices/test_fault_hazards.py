"""When faults come: at their hazards, by patient and seed alone; what presets and plans say, and which are refused."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.devices.fault_presets import fault_parameters, load_faults, preset_names
from thecal.devices.fault_records import FAULT_NAMES, Fault
from thecal.devices.reservoir import unaccounted

from support.device_runs import days, shipped


@pytest.mark.parametrize("name", ["synchromed_ii_40", "prometra_ii_20", "constant_0p5"])
def test_onsets_come_at_their_hazards_and_no_drug_is_lost(name):
    events, at_risk, refills = np.zeros(len(FAULT_NAMES)), np.zeros(len(FAULT_NAMES)), np.zeros(len(FAULT_NAMES))
    for patient in range(8):
        system = shipped(name, rate_nl=7800, faults="stress")
        system[3]["patient"] = patient
        system[3]["repair_h"] = np.minimum(system[3]["repair_h"], 48.0)
        system[3]["duration_h"] = np.minimum(system[3]["duration_h"], 48.0)
        days(system, 1500)
        state, fault = system[0], system[2]
        assert abs(unaccounted(state, 0)) <= 1e-9 * state["filled_ug"][0]
        assert state["true_ml"] >= 0.0
        assert np.isfinite(state["conc"]).all()
        events += fault["count"]
        at_risk += fault["at_risk_h"]
        refills += fault["refills"]
    expected = at_risk * system[3]["hazard_per_h"] + refills * system[3]["chance"]
    drawn = system[3]["hazard_per_h"] + system[3]["chance"] > 0.0
    assert drawn.all()
    wrong = np.abs(events - expected) > 4.5 * np.sqrt(expected) + 1.0
    assert not wrong.any(), [(FAULT_NAMES[k], events[k], expected[k]) for k in np.flatnonzero(wrong)]


def test_times_of_faults_depend_on_patient_and_seed_alone():
    onsets = []
    for rate, seed in ((2600, 1), (9000, 1), (2600, 2)):
        system = shipped(rate_nl=rate, faults="stress")
        system[3]["seed"] = seed
        days(system, 30)
        onsets.append(system[2]["onset_h"][int(Fault.SENSOR_DROPOUT)])
    assert onsets[0] == onsets[1] != onsets[2]


def test_senseless_presets_and_plans_are_refused_by_name():
    assert preset_names() == ["reference", "stress"]
    assert load_faults("none") is None
    with pytest.raises(UnknownNameError):
        load_faults("worst")
    for bad, text in (
        ({"planned": [{"fault": "rust", "at_h": 0}]}, "unknown fault"),
        ({"planned": [{"fault": "leak", "at_h": -1}]}, "at least"),
        ({"planned": [{"fault": "sensor_stuck", "at_h": 1, "sensor": "nose"}]}, "unknown sensor"),
        ({"planned": [{"fault": "leak", "at_h": 1}] * 17}, "at most 16"),
        ({"hazard": True}, r"hazard: unknown \(did you mean 'hazards'\?\)"),
        ({"hazards": 1}, "true or false"),
        ({"planned": [{"fault": "leak", "at_h": "1"}]}, "must be a number"),
        ({"planned": [{"fault": "leak", "at_h": 1, "sensor": "hr"}]}, "sensor: means nothing for leak"),
        ({"planned": [{"fault": "stall_permanent", "at_h": 1, "size": 2}]}, "size: means nothing for stall_permanent"),
        (
            {"planned": [{"fault": "wrong_drug", "at_h": 1, "duration_h": 2}]},
            "duration_h: means nothing for wrong_drug",
        ),
    ):
        with pytest.raises(ConfigError, match=text):
            load_faults(bad)


def test_stress_multiplies_and_off_label_drugs_wear_the_rotor():
    base = fault_parameters(load_faults("reference"), drugs=["morphine"])
    stress = fault_parameters(load_faults("stress"), drugs=["morphine"])
    worn = fault_parameters(load_faults("reference"), drugs=["morphine", "bupivacaine"])
    assert stress["hazard_per_h"] == pytest.approx(50.0 * base["hazard_per_h"])
    stall = int(Fault.STALL_PERMANENT)
    assert base["hazard_per_h"][stall] * 8766 == pytest.approx(0.0046)
    assert worn["hazard_per_h"][stall] / base["hazard_per_h"][stall] == pytest.approx(3.4)


def test_a_pump_that_stood_for_days_is_likelier_to_over_infuse():
    kind = int(Fault.OVER_INFUSION)
    exposure = []
    for halt in (False, True):
        system = shipped(faults="reference")
        system[3]["hazard_per_h"][:] = 0.0
        system[3]["hazard_per_h"][kind] = 1e-9
        system[0]["halt"] = system[0]["faulty"] = int(halt)
        days(system, 12, refill_ml=-1.0)
        exposure.append(float(system[2]["at_risk_h"][kind]))
    assert exposure[0] == pytest.approx(12 * 24.0)
    assert exposure[1] == pytest.approx((2 + 3 * 10) * 24.0)
