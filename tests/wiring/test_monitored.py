"""Faults and monitors in one tick: what is lost or doubled on the way to the pump is seen, booked and reported."""

from __future__ import annotations

import pytest

from thecal.devices.monitor_records import WATCHED_SENSORS, Monitor

from support.wiring import Bench, grown, planned, press, ticking

FAR = 10**6  # nL per tick, or nL: far beyond every limit


def test_a_lost_command_is_seen_and_booked() -> None:
    bench = Bench(faults=planned("command_lost", 2.0, duration_h=1.0))
    rates, booked = [], []
    for k in range(20):
        rate = int(bench.shield["prev_rate"]) - 100 if k == 9 else None
        row = bench.quiet(rate)
        rates.append((int(row["rate"]), int(bench.pump["rate_nl"])))
        booked.append(int(row["received"]["pumped_nl"]))
        conc = int(bench.par["shield"]["conc"][0])
        if k == 10:
            assert bench.shield["ledger"][0][-2] == rates[8][1] * conc, "what ran, not what was allowed"
    first = rates[0][0]
    assert rates[8] == (first, first)
    assert rates[9] == (first - 100, first), "lost"
    assert rates[11] == (first - 100, first)
    assert rates[19] == (first - 100, first - 100), "sent again with every tick"
    assert bench.monitor["count"][Monitor.ECHO] >= 1


def test_a_repeated_command_acts_once_and_is_seen() -> None:
    bench = Bench(faults=planned("command_repeated", 4.0, duration_h=1.0))
    bench.quiet()
    bench.grown_up()
    given = int(press(bench, 1_300)["bolus"])
    assert bench.fault["repeat_nl"] == given == 1_300
    counted = [int(bench.quiet()["received"]["pumped_nl"]) for _ in range(20)]
    rate = int(bench.shield["prev_rate"])
    assert counted[0] == rate + given
    extra = [k for k, one in enumerate(counted) if one > rate]
    assert extra == [0], "a number that was taken does nothing again"
    assert bench.monitor["count"][Monitor.ECHO] == 1


def test_telemetry_is_looked_at_with_what_was_sent() -> None:
    bench = grown()
    assert bench.monitor["count"][Monitor.ECHO] == 0
    bench.quiet(int(bench.shield["prev_rate"]) - 50)
    press(bench, 500)
    bench.quiet()
    assert bench.monitor["count"][Monitor.ECHO] == 0, "a command that was taken is no loss"
    bench.pump["latched"] = 1  # takes no command
    bench.quiet(int(bench.shield["prev_rate"]) - 50)
    assert bench.monitor["count"][Monitor.ECHO] == 1
    bench = grown()
    bench.pump["latched"] = 1
    press(bench, 500)
    assert bench.monitor["count"][Monitor.ECHO] == 1


def test_faults_of_sensors_and_patients_take_part() -> None:
    for fault, entry, watch in (
        ("sensor_stuck", {"sensor": "rr"}, lambda b: float(b.patient["s_value"][3])),
        ("sensor_dropout", {"sensor": "spo2"}, lambda b: int(b.patient["s_valid"][4])),
    ):
        runs = []
        for faults in ({"hazards": False}, planned(fault, 0.5, duration_h=12.0, **entry)):
            bench = Bench(faults=faults)
            seen = []
            for _ in range(20):
                bench.step()
                seen.append(watch(bench))
            runs.append(seen)
            assert bool(bench.out["faults"]) == (len(faults) > 1)
        assert runs[0][:2] == runs[1][:2]
        assert runs[0][4:] != runs[1][4:], fault
        assert len(set(runs[1][4:])) == 1
    assert bench.batch.out["fault_begun"][0] == 0


def test_a_fault_that_begins_and_its_error_are_reported() -> None:
    bench = Bench(faults=planned("stall_permanent", 0.5))
    begun = []
    for _ in range(6):
        bench.quiet()
        begun.append(int(bench.out["fault_begun"]))
    assert [one > 0 for one in begun] == [False, False, True, False, False, False]
    kind = begun[2].bit_length() - 1
    ordered = bench.pump["rate_nl"] * int(bench.par["shield"]["conc"][0]) * 1e-6
    assert bench.fault["error_ug"][kind] == pytest.approx(2 * ordered, rel=0.01), "until its alarm is heard"


def test_monitors_look_at_the_patient_and_at_the_day() -> None:
    for poss, rises in ((1, 1), (2, 0)):
        bench = Bench()
        bench.par["monitor"]["poss_limit"] = poss  # of a patient who is awake
        bench.step()
        assert bench.patient["poss_seen"] == 1
        assert bench.monitor["count"][Monitor.OVERDOSE] == rises
        for j, k in enumerate(WATCHED_SENSORS):
            assert bench.patient["s_valid"][k] == 0 or bench.monitor["value"][j] == bench.patient["s_value"][k]
    bench = Bench(ticking(days=3.0))
    for k in range(200):
        bench.quiet()
        bench.patient["temperature"] = 40.0
        if k < 94:
            assert bench.monitor["count"][Monitor.FEVER] == 0
    assert bench.monitor["count"][Monitor.FEVER] in (1, 2)
    assert bench.monitor["reference_rate"] > 0.0
