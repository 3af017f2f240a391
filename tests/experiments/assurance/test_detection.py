"""How soon faults are seen: every fault is given to the same patients, one at a time, whatever the scenario says of faults."""

from __future__ import annotations

import json

import pytest

from thecal.devices.fault_records import FAULT_NAMES
from thecal.devices.monitor_records import MONITOR_NAMES
from thecal.envs.scenario import Scenario
from thecal.experiments.assurance.detection import ONSET_D, Detection, study, write_detection

from support.runs import short_task

PATIENTS = 3
TASK = short_task(ONSET_D + 4.0, tick_h=12.0)


@pytest.fixture(scope="module")
def found() -> Detection:
    return study(Scenario.of(TASK, split="test", faults="stress", seed=2), PATIENTS)


def test_every_fault_is_given_to_every_patient(found):
    assert [one.fault for one in found.faults] == list(FAULT_NAMES)
    seen = {one.fault: one for one in found.faults}
    assert seen["stall_permanent"].exposed == seen["leak"].exposed == PATIENTS
    assert seen["wrong_drug"].exposed == 0, "nobody is refilled within the month"
    for one in found.faults:
        assert len(one.hours) == one.detected <= one.exposed == len(one.dose_days)
        assert set(one.first) <= set(MONITOR_NAMES)


def test_a_dead_motor_is_seen_by_the_pump_itself_within_a_day(found):
    (stall,) = (one for one in found.faults if one.fault == "stall_permanent")
    assert stall.detected == PATIENTS
    assert stall.hours.max() < 24.0
    assert set(stall.first) & {"alarm", "motor"}


def test_the_studys_faults_take_the_place_of_the_scenarios(found):
    calm = study(Scenario.of(TASK, split="test", seed=2), PATIENTS)
    assert calm.as_dict() == found.as_dict()


def test_a_task_by_itself_runs_on_its_test_patients(found):
    assert study(TASK, PATIENTS, seed=2).as_dict() == found.as_dict()
    assert study(TASK, PATIENTS, seed=2, split="train").as_dict() != found.as_dict()


def test_page_and_numbers_are_written_together(found, tmp_path):
    page = write_detection(found, tmp_path / "docs")
    text = page.read_text(encoding="utf-8")
    assert f"`thecal pump detection -n {PATIENTS} --docs docs`" in text
    assert all(one.fault.replace("_", " ") in text for one in found.faults)
    stored = json.loads((tmp_path / "docs" / "detection.json").read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(found.as_dict()))
    assert stored["seed"] == 2
