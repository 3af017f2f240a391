"""A patient's tracks and lanes over the wire are the stored numbers, found in whichever block the patient is."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from thecal.core.errors import StoreError
from thecal.dashboard.lanes import lanes_of
from thecal.dashboard.tables import Shelf
from thecal.devices.alarms import PumpAlarm
from thecal.experiments.rollouts.parquet import TrajectoryWriter, load_trajectories, save_trajectories
from thecal.safety.invariants import Invariant

from support.runs import hand_run


def unpacked(body):
    """The arrays of an answer, as the page reads them."""
    (length,) = struct.unpack_from("<I", body)
    head = json.loads(body[4 : 4 + length])
    assert (4 + length) % 4 == 0
    numbers = np.frombuffer(body, "<f4", offset=4 + length)
    found = {
        name: {field: numbers[at : at + head["steps"][name]] for field, at in fields.items()}
        for name, fields in head["series"].items()
    }
    assert sum(len(one) for fields in found.values() for one in fields.values()) == len(numbers)
    return found


@pytest.fixture(scope="module")
def runs(site):
    return {
        name: load_trajectories(site.root / "small" / f"trajectories_{name}.parquet")
        for name in ("fixed", "guideline", "pid")
    }


@pytest.mark.parametrize("patient", [0, 2])
def test_tracks_are_what_is_stored(site, runs, patient):
    at = f"/api/runs/{site.id_of('small')}/patients/{patient}/tracks"
    first, rest = (unpacked(site.ask(f"{at}?part={part}").body) for part in ("first", "rest"))
    for name, run in runs.items():
        for field in ("time_h", "pain_mean", "requested_rate", "allowed_rate", "delivered_rate"):
            np.testing.assert_array_equal(first[name][field], run[field][:, patient].astype(np.float32))
        for field in ("spo2_min", "ce_dh", "tol", "reservoir_est_ml"):
            np.testing.assert_array_equal(rest[name][field], run[field][:, patient].astype(np.float32))
        dose = run["dose24_ug"][:, patient, 0].astype(np.float32) * np.float32(1e-3)
        np.testing.assert_array_equal(first[name]["dose24_morphine"], dose)
        np.testing.assert_array_equal(np.isnan(first[name]["nrs_report"]), np.isnan(run["nrs_report"][:, patient]))


def test_every_panel_line_has_its_numbers(site):
    at = f"/api/runs/{site.id_of('small')}/patients/1"
    panels = site.get(at)["panels"]
    found = {part: unpacked(site.ask(f"{at}/tracks?part={part}").body)["pid"] for part in ("first", "rest")}
    for panel in panels:
        for line in panel["lines"]:
            assert line["field"] in found["first" if panel["first"] else "rest"], line
    assert [panel["key"] for panel in panels[:3]] == ["pain", "rate", "dose_morphine"]
    assert panels[0]["band"]["high"] >= 3.0


def test_lanes_are_the_stored_bits(site, runs):
    events = site.get(f"/api/runs/{site.id_of('small')}/patients/1/events")
    run = runs["pid"]
    lanes = {(lane["group"], lane["label"]): lane["spans"] for lane in events["policies"]["pid"]["lanes"]}
    hours = run["time_h"][:, 1]
    for group, field, names in (
        ("shield", "binding", {int(one): one.name.lower().replace("_", " ") for one in Invariant}),
        ("alarms", "alarms", {int(one).bit_length() - 1: one.name.lower().replace("_", " ") for one in PumpAlarm}),
    ):
        for bit, label in names.items():
            there = run[field][:, 1].astype(np.int64) >> bit & 1 > 0
            covered = np.zeros(len(hours), bool)
            for begin, end in lanes.get((group, label), []):
                covered |= (hours > begin) & (hours <= end)
            np.testing.assert_array_equal(covered, there)
    assert any(group == "faults" for group, _ in lanes), "stress has faults"


def test_spans_death_and_what_is_lacking(tmp_path):
    run = hand_run(
        6, tick_h=4.0, resp_h=np.array([[0, 1, 1, 0, 1, 0]] * 2).T, alive_h=np.array([[4, 4, 4, 4, 4, 0]] * 2).T
    )
    shelf = Shelf()
    found = lanes_of(shelf, shelf.table(save_trajectories(run, tmp_path / "a.parquet")), 1)
    (lane,) = found["lanes"]
    assert (lane["group"], lane["kind"], lane["spans"]) == ("harm", "harm", [[4.0, 12.0], [16.0, 20.0]])
    assert found["death"] == 20.0
    assert found["lacking"] == []


@pytest.mark.parametrize(("mode", "groups"), [("project", ["shield"]), ("off", ["shield", "broken"])])
def test_broken_limits_are_lanes_where_nothing_binds(tmp_path, mode, groups):
    run = hand_run(4, shield_mode=mode, violations=1 << Invariant.CAP_24H, binding=1 << Invariant.INTERVAL)
    shelf = Shelf()
    lanes = lanes_of(shelf, shelf.table(save_trajectories(run, tmp_path / "a.parquet")), 0)["lanes"]
    assert [lane["group"] for lane in lanes] == groups
    assert lanes[0]["label"] == "interval"


def test_a_patient_is_found_in_a_later_block(tmp_path):
    blocks = [hand_run(5, 3), hand_run(5, 2)]
    for k, block in enumerate(blocks):
        block.patients[:] += 3 * k
        block.data["pain_mean"][:] = np.arange(5)[:, None] + 10.0 * block.patients
    with TrajectoryWriter(tmp_path / "t.parquet") as writer:
        for block in blocks:
            writer.write(block)
    shelf = Shelf()
    table = shelf.table(tmp_path / "t.parquet")
    assert table.patients == [0, 1, 2, 3, 4]
    for patient in table.patients:
        found = shelf.of_patient(table, patient, ("pain_mean", "never_stored"))
        assert list(found) == ["pain_mean"]
        np.testing.assert_array_equal(found["pain_mean"], np.arange(5) + 10.0 * patient)
    with pytest.raises(StoreError, match="patient 5 is not in"):
        shelf.of_patient(table, 5, ("pain_mean",))


def test_the_shelf_keeps_to_its_room(tmp_path):
    shelf = Shelf(room=3 * 40)
    table = shelf.table(save_trajectories(hand_run(5, 2), tmp_path / "t.parquet"))
    for name in ("pain_mean", "pain0", "relief", "hr", "sbp"):
        np.testing.assert_array_equal(
            shelf.of_patient(table, 0, (name,))[name], shelf.of_patient(table, 0, (name,))[name]
        )
    assert shelf._size <= 3 * 40
    assert len(shelf.of_patient(table, 1, ("pain_mean", "pain0", "relief", "hr", "sbp"))) == 5
