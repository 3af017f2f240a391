"""Brief dips of saturation while the upper airway is lax: in sleep and under drugs, seen by the second and by nobody else."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import SENSORS, TICK_H
from thecal.physiology.breathing import lowest_saturation
from thecal.physiology.regimen import advance, begin

from support.bodies import drawn, naive
from support.patients import toy_patients

NIGHT_H = 23.0


def one(**changes):
    """A patient and a state awake at noon with a full drive and a saturation of 96 %."""
    par = toy_patients(1, obstruction=2.0, drug_lax=2.0, drug_lax_half=0.1)
    state = begin(par, 12.0)
    state["spo2"], state["drive"], state["airway"], state["awake"] = 96.0, 1.0, 1.0 - np.exp(-1.5), 1
    for name, value in changes.items():
        state[name] = value
    return par[0], state[0]


@pytest.mark.parametrize(
    ("changes", "depth"),
    [
        ({}, 0.0),
        ({"awake": 0}, 3.0),
        ({"awake": 0, "airway": 0.0}, 0.0),
        ({"drive": 0.9}, 3.0),  # half of twice sleep's
        ({"drive": 0.6}, 4.8),
        ({"awake": 0, "drive": 0.6}, 4.8),
        ({"awake": 0, "drive": 0.99}, 3.0),
        ({"awake": 0, "drive": 1.1}, 3.0),
        ({"awake": 0, "ventilated": 1}, 0.0),
        ({"awake": 0, "dead": 1}, 0.0),
        ({"awake": 0, "spo2": 2.0}, 2.0),
    ],
)
def test_depth_of_a_dip(changes, depth):
    par, state = one(**changes)
    assert state["spo2"] - lowest_saturation(par, state) == pytest.approx(depth, abs=1e-9)


def test_dips_reach_neither_sensor_nor_depression_nor_body():
    none, deep = naive(drawn(["morphine"], 30)), naive(drawn(["morphine"], 30))
    none["obstruction"], deep["obstruction"] = 0.0, 4.0
    states = begin(none, 20.0), begin(deep, 20.0)
    found = [advance(par, state, 12.0, bolus_ug=150.0) for par, state in zip((none, deep), states, strict=True)]
    assert states[0].tobytes() == states[1].tobytes()
    assert all(found[0][name].tobytes() == found[1][name].tobytes() for name in found[0] if name != "spo2_low")
    assert found[0]["spo2_low"].tobytes() == found[0]["spo2"].tobytes()
    assert (found[1]["spo2_low"] < 85.0).any()


def test_luck_of_the_airway_is_uniform_and_independent():
    par = naive(drawn(["morphine"], 400))
    par["bt_rate_per_h"] = 50.0
    state = begin(par, 12.0)
    luck, size = [], []
    for _ in range(40):
        advance(par, state, TICK_H)
        fresh = state["bt_age_h"] == 0.0
        luck.append(state["airway"][fresh])
        size.append((state["bt_height"] / par["bt_nrs"])[fresh])
    luck, size = np.concatenate(luck), np.concatenate(size)
    assert len(luck) > 1_000
    np.testing.assert_allclose(np.quantile(luck, (0.1, 0.5, 0.9)), (0.1, 0.5, 0.9), atol=0.05)
    assert abs(np.corrcoef(luck, size)[0, 1]) < 4.5 / np.sqrt(len(luck))


def test_a_healthy_nights_lowest_half_minute_is_as_published():
    """90.4 +- 3.1 % is the lowest reading of a healthy night (Gries 1996, Chest 110:1489); medians of 30 s are less extreme."""
    par = naive(drawn(["morphine"], 300))
    par = par[par["apnea"] == 0.0]
    state = begin(par, NIGHT_H)
    lowest = advance(par, state, 8.0)["spo2_low"].min(axis=0)
    assert 90.4 < lowest.mean() < 93.5
    assert 1.5 < lowest.std() < 3.6


def test_a_quarter_desaturates_in_the_day_after_morphine():
    """23 % after 0.15 mg, first after 7.4 h (4.1-13.5), 4 % under 85 % (Ladha 2017, Int J Obstet Anesth 32:48)."""
    par = naive(drawn(["morphine"], 500))
    par["tip_node"] = par["lumbar_node"]  # one injection below the cord
    low = advance(par, begin(par, 8.0), 24.0, bolus_ug=150.0)["spo2_low"]
    some = (low < 90.0).any(axis=0)
    first = ((low < 90.0).argmax(axis=0)[some] + 1) * TICK_H
    assert 0.17 < some.mean() < 0.31
    assert 4.1 < np.median(first) < 13.5
    assert (low < 85.0).any(axis=0).mean() < 0.07
    untreated = advance(par, begin(par, 8.0), 24.0)["spo2_low"]
    assert (untreated < 90.0).any(axis=0).mean() < some.mean()


def test_oximeters_of_the_ward_do_not_show_the_dips():
    par = naive(drawn(["morphine"], 200))
    state = begin(par, NIGHT_H)
    low, read = [], []
    for _ in range(32):
        low.append(advance(par, state, TICK_H)["spo2_low"][0] < 90.0)
        read.append(state["s_value"][:, SENSORS.index("spo2")] < 90.0)
    assert np.any(low, axis=0).mean() > 4.0 * np.any(read, axis=0).mean()
