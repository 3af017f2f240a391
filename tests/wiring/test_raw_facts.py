"""What the shield is told of sensors, telemetry and clinic, fact by fact: rounding, bounds, and what stands for the unknown."""

from __future__ import annotations

import math
from typing import Any

import pytest

from thecal.safety.records import SHIELD_INPUT

from support.sight import SIGNS, Sight

UNKNOWN = 1 << 40


@pytest.fixture
def sight(monkeypatch: pytest.MonkeyPatch) -> Sight:
    return Sight(monkeypatch)


def test_everything_is_told_in_its_own_field(sight: Sight) -> None:
    for k in range(12):
        sight.patient.s_value[k] = 10.0 * k + 10.26
    sight.patient.poss_seen, sight.patient.weakness_seen, sight.patient.confusion_seen = 2, 1, 3
    sight.monitor.residual, sight.pump.clock_offset_h = -0.0417, 0.125
    sight.received.confirms = 1
    assert sight.told("hr") == 103
    assert sight.calls.made == [("clears", "world", "par")]
    found = {name: int(sight.received[name]) for name in SHIELD_INPUT.names or ()}
    assert found == {
        "rr": 403, "spo2": 503, "co2": 603, "sbp": 203, "map": 303, "hr": 103, "poss": 2, "weakness": 1, "confusion": 3,
        "nrs": 40, "clear": 9, "reservoir_nl": 20_000_000, "fill_age": 40, "since_refill": 40, "residual": -42, "stopped": 0,
        "mri": 0, "alarms": 0, "bolus_running": 0, "bridging": 0, "unverified": 0, "battery": 0, "skew_s": 450, "confirms": 0,
        "pumped_nl": 250_000,
    }  # fmt: skip
    assert sight.episode.counted_ml == 1.5


@pytest.mark.parametrize(
    ("value", "valid", "tenths"),
    [
        (0.05, 1, 1), (0.04, 1, 0), (0.3, 1, 3), (-3.0, 1, 0), (9_999.94, 1, 99_999), (1e4, 1, 100_000), (3e4, 1, 100_000),
        (17.3, 0, -1), (17.3, 2, -1), (math.nan, 1, -1), (math.inf, 1, -1), (17.3, 1, 173), (-math.inf, 1, -1),
    ],
)  # fmt: skip
def test_a_sign_in_tenths(sight: Sight, value: float, valid: int, tenths: int) -> None:
    for sign, k in SIGNS.items():
        sight.patient.s_value[:], sight.patient.s_valid[:] = 71.0, 1
        sight.patient.s_value[k], sight.patient.s_valid[k] = value, valid
        assert {name: sight.told(name) for name in SIGNS} == {name: tenths if name == sign else 710 for name in SIGNS}


@pytest.mark.parametrize(("shown", "told"), [(-1, 4), (0, None), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (9, 4)])
def test_a_score_outside_its_scale_is_the_worst(sight: Sight, shown: int, told: int | None) -> None:
    for name in ("poss", "weakness", "confusion"):
        setattr(sight.patient, f"{name}_seen", shown)
        expected = (4 if name == "poss" else 0) if told is None else told
        assert sight.told(name) == expected, name


@pytest.mark.parametrize(
    ("mean", "age", "tenths"),
    [
        (0.0, 0.0, 0), (0.34, 24.0, 3), (0.35, 24.0, 4), (10.0, 0.0, 100), (10.01, 0.0, -1), (-0.001, 0.0, -1), (4.0, 24.01, -1),
        (math.nan, 0.0, -1), (4.0, math.nan, -1),
    ],
)  # fmt: skip
def test_reports_of_a_day_count(sight: Sight, mean: float, age: float, tenths: int) -> None:
    sight.patient.nrs_mean, sight.patient.nrs_age_h = mean, age
    assert sight.told("nrs") == tenths


@pytest.mark.parametrize(
    ("ml", "nl"),
    [
        (0.0, 0),
        (0.5e-6, 0),
        (1.4e-6, 1),
        (12.5, 12_500_000),
        (40.0, 40_000_000),
        (40.000002, 0),
        (-1e-3, 0),
        (math.nan, 0),
    ],
)
def test_the_reservoir_in_whole_nl_and_never_more(sight: Sight, ml: float, nl: int) -> None:
    sight.pump.estimated_ml = ml
    assert sight.told("reservoir_nl") == nl
    sight.par.pump.capacity_ml = 12.0
    assert sight.told("reservoir_nl") == (0 if ml > 12.0 else nl), "no pump holds more than its reservoir"


@pytest.mark.parametrize(
    ("age_h", "fill_h", "age", "since"),
    [
        (100.0, 90.0, 40, 40), (100.0, 99.9, 0, 0), (100.0, 99.87, 1, 1), (100.0, 100.125, 0, 0), (100.0, 100.13, UNKNOWN, 0),
        (0.0, -math.inf, UNKNOWN, 0), (math.nan, 0.0, UNKNOWN, 0), (2.0**38, 0.0, UNKNOWN, UNKNOWN),
        (2.0**38 + 1.0, 0.0, UNKNOWN, 0), (2.0**38 - 2.0, 0.0, UNKNOWN - 8, UNKNOWN - 8),
    ],
)  # fmt: skip
def test_the_age_of_a_fill_in_whole_ticks(sight: Sight, age_h: float, fill_h: float, age: int, since: int) -> None:
    sight.pump.age_h, sight.pump.fill_h = age_h, fill_h
    assert (sight.told("fill_age"), sight.told("since_refill")) == (age, since)


EDGE = 2.0**40


@pytest.mark.parametrize(
    ("share", "permille"),
    [
        (0.0, 0), (0.0014, 1), (0.0016, 2), (-0.0016, -2), (math.nan, UNKNOWN), (EDGE, UNKNOWN), (-EDGE, UNKNOWN),
        (-1_098_412_116.148, -1_098_412_116_148), (1_098_412_116.148, 1_098_412_116_148), (-EDGE / 1e3, -UNKNOWN),
    ],
)  # fmt: skip
def test_the_balance_in_permille(sight: Sight, share: float, permille: int) -> None:
    sight.monitor.residual = share
    assert sight.told("residual") == permille


@pytest.mark.parametrize(
    ("hours", "seconds"),
    [
        (0.0, 0),
        (0.001, 4),
        (-0.001, -4),
        (math.nan, UNKNOWN),
        (EDGE, UNKNOWN),
        (-EDGE, UNKNOWN),
        (-EDGE / 3600.0, -UNKNOWN),
    ],
)
def test_the_clock_in_seconds(sight: Sight, hours: float, seconds: int) -> None:
    sight.pump.clock_offset_h = hours
    assert sight.told("skew_s") == seconds


@pytest.mark.parametrize(
    ("now", "before", "nl", "kept"),
    [
        (1.5, 1.5, 0, 1.5), (1.5, 1.499, 1_000, 1.5), (1.5, 1.5000004, 0, 1.5), (1.5, 1.5000018, -1, 1.5), (0.0, 1.5, -1, 0.0),
        (math.nan, 1.5, -1, 1.5), (math.inf, 1.5, -1, 1.5), (1.5, math.nan, -1, 1.5),
        (EDGE / 1e6, 0.0, UNKNOWN, EDGE / 1e6), (EDGE / 1e6 + 1.0, 0.0, -1, EDGE / 1e6 + 1.0),
    ],
)  # fmt: skip
def test_the_count_of_a_tick_and_what_is_kept_of_it(
    sight: Sight, now: float, before: float, nl: int, kept: float
) -> None:
    sight.pump.commanded_ml, sight.episode.counted_ml = now, before
    assert sight.told("pumped_nl") == nl
    assert sight.episode.counted_ml == kept


# Bits: reservoir low, reservoir empty, stall, stopped long, to be replaced, end of service, reset, valve shut.
@pytest.mark.parametrize(
    ("alarms", "stopped", "battery"),
    [
        (0, 0, 0), (1, 0, 0), (2, 1, 0), (4, 1, 0), (8, 0, 0), (16, 0, 1), (32, 1, 2), (64, 1, 0), (128, 1, 0), (48, 1, 2),
        (25, 0, 1), (255, 1, 2),
    ],
)  # fmt: skip
def test_alarms_are_handed_on_and_read(sight: Sight, alarms: int, stopped: int, battery: int) -> None:
    sight.pump.alarms, sight.pump.halt = alarms, 1
    assert (sight.told("alarms"), sight.told("stopped"), sight.told("battery"), sight.told("mri")) == (
        alarms,
        stopped,
        battery,
        0,
    )


@pytest.mark.parametrize(("halt", "mri"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 0), (29, 0), (31, 1)])
def test_the_scanner_is_one_bit_of_a_halt(sight: Sight, halt: int, mri: int) -> None:
    sight.pump.halt = halt
    assert (sight.told("mri"), sight.told("stopped")) == (mri, 0)


@pytest.mark.parametrize(("bolus", "prime", "running"), [(0.0, 0.0, 0), (0.5, 0.0, 1), (0.0, 0.5, 1), (0.5, 0.5, 1)])
def test_a_bolus_or_a_prime_runs(sight: Sight, bolus: float, prime: float, running: int) -> None:
    sight.pump.bolus_left_nl, sight.pump.prime_left_nl = bolus, prime
    assert sight.told("bolus_running") == running
    assert sight.told("unverified") == int(prime > 0.0), "a bolus may run on, a prime was sent by nobody"


@pytest.mark.parametrize(("mode", "bridging"), [(0, 0), (1, 0), (2, 0), (3, 0), (4, 1), (5, 0)])
def test_one_mode_is_a_bridge(sight: Sight, mode: int, bridging: int) -> None:
    sight.pump.mode = mode
    assert sight.told("bridging") == bridging


@pytest.mark.parametrize(
    ("changes", "adjustable", "unverified"),
    [
        ({}, 1, 0), ({"rate_nl": 2610}, 1, 1), ({"rate_nl": 2590}, 1, 1), ({"number": 4}, 1, 1), ({"number": 6}, 1, 1),
        ({"taken_nl": 200}, 1, 1), ({"taken_nl": 400}, 1, 1), ({"prime_left_nl": 0.5}, 1, 1), ({"rate_nl": 2610}, 0, 1),
        ({"number": 4}, 0, 0), ({"taken_nl": 400}, 0, 0), ({"prime_left_nl": 0.5}, 0, 1), ({"number": 4, "taken_nl": 0}, 1, 1),
    ],
)  # fmt: skip
def test_what_the_pump_reads_back_must_be_what_was_sent(
    sight: Sight, changes: dict[str, Any], adjustable: int, unverified: int
) -> None:
    for name, value in changes.items():
        setattr(sight.pump, name, value)
    sight.par.pump.rate_adjustable = adjustable
    assert sight.told("unverified") == unverified
