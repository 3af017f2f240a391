"""Safety indicators against closed forms on made-up runs, and against a real one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.experiments.assurance import indicators
from thecal.experiments.assurance.indicators import (
    Seen,
    closings,
    confirmed,
    lock_delays,
    measure,
    onsets,
    per_patient,
    ratio,
    summary,
    watch,
    worst_day,
)

PER_STEP = 4  # ticks


def made(steps: int = 200, patients: int = 1, **changes: Any) -> Seen:
    """A run in which nothing happens, but for ``changes``."""
    shape = (steps * PER_STEP, patients)
    ticks = {name: np.zeros(shape, np.int64) for name in ("binding", "unverified", "pumped_nl")}
    ticks |= {"tick": np.repeat(np.arange(shape[0])[:, None], patients, axis=1), "valid": np.ones(shape, np.int64)}
    ticks |= {"rr": np.full(shape, 150), "spo2": np.full(shape, 970), "co2": np.full(shape, 400)}
    flat = (steps, patients)
    given: dict[str, Any] = {
        "ticks": ticks, "locked": np.zeros(flat, bool), "lock_age": np.zeros(flat, np.int64), "harm_h": np.zeros(flat),
        "day_ug": np.zeros(flat), "alive": np.ones(flat, bool), "conc": np.full(patients, 10.0),
        "cap_ug": np.full(patients, 0.096),
        "limits": {"rr_lock": np.full(patients, 80), "spo2_lock": np.full(patients, 900), "co2_lock": np.full(patients, 600)},
    }  # fmt: skip
    return Seen(**{**given, **changes})


def locked(seen: Seen, patient: int, first_tick: int, last_step: int) -> None:
    """Let a lock stand from a tick to the end of a step."""
    for k in range(first_tick // PER_STEP, last_step + 1):
        seen.locked[k, patient] = True
        seen.lock_age[k, patient] = (k + 1) * PER_STEP - 1 - first_tick


def test_two_of_the_last_three_readings_confirm() -> None:
    seen = made(steps=5)
    rr = seen.ticks["rr"][:, 0]
    rr[2], rr[4] = 70, 70  # low, fine, low: confirmed at tick 4 and 5, until a second good one
    assert np.flatnonzero(confirmed(seen)[:, 0]).tolist() == [4]
    rr[5] = rr[6] = -1  # missing: what stood stands on
    assert np.flatnonzero(confirmed(seen)[:, 0]).tolist() == [4, 5, 6]
    seen.ticks["co2"][10:12, 0] = 610
    seen.ticks["spo2"][16:18, 0] = 900  # at the limit is not beyond it
    assert np.flatnonzero(confirmed(seen)[:, 0]).tolist() == [4, 5, 6, 11, 12]


def test_locks_begin_at_their_tick_and_end_with_a_step() -> None:
    seen = made(steps=60, patients=2)
    locked(seen, 1, 6, 20)
    locked(seen, 1, 200, 59)
    assert closings(seen) == [(1, 6, 84), (1, 200, 240)]


def test_a_lock_that_closes_again_within_a_step_is_a_second_one() -> None:
    seen = made(steps=60)
    locked(seen, 0, 6, 30)
    locked(seen, 0, 125, 40)
    assert closings(seen) == [(0, 6, 125), (0, 125, 164)]


def test_harm_begins_anew_after_a_day_without() -> None:
    seen = made(steps=100)
    seen.harm_h[[2, 3, 20, 50], 0] = 0.25, 1.0, 0.5, 1.0
    assert onsets(seen) == [(0, 2.75), (0, 50.0)]


def test_delays_are_those_of_locks_within_a_day() -> None:
    seen = made(steps=200)
    seen.harm_h[[10, 60, 150], 0] = 1.0, 1.0, 0.5
    locked(seen, 0, 50, 40)  # 2.5 h after the first; the second has none; the third finds one closed
    locked(seen, 0, 590, 199)
    assert lock_delays(seen) == ([2.5], 1)
    assert summary([seen])["harm_without_lock_share"]["value"] == 0.5
    assert summary([seen])["hours_to_lock"]["value"] == 2.5


def test_harm_after_a_lock_is_counted_while_it_stands() -> None:
    seen = made(steps=200)
    locked(seen, 0, 40, 150)
    seen.ticks["rr"][36:52, 0] = 60  # confirmed from 37 to 52, so 12 ticks after the tick of the lock
    found = per_patient(seen)
    assert found["confirmed_h_per_lock"][0].tolist() == [3.0]
    assert found["late_share"][0].tolist() == [0.0]
    seen.ticks["rr"][300:310, 0] = 60  # more than a day later
    assert per_patient(seen)["late_share"][0].tolist() == [1.0]
    seen.harm_h[[5, 100], 0] = 0.5, 0.75
    assert per_patient(seen)["harm_h_per_lock"][0].tolist() == [0.75]
    assert per_patient(seen)["harm_h_per_month"][0].tolist() == [1.25]


def test_shares_leave_out_the_dead_and_what_nobody_asked() -> None:
    seen = made(steps=10, patients=2)
    seen.ticks["tick"][20:, 1] = -1
    seen.ticks["valid"][::2] = 2
    seen.ticks["binding"][:] = 8
    seen.ticks["unverified"][:10, 0] = 1
    found = per_patient(seen)
    assert [part.tolist() for part in found["intervention_share"]] == [[20.0, 10.0], [20.0, 10.0]]
    assert [part.tolist() for part in found["unverified_share"]] == [[10.0, 0.0], [40.0, 20.0]]


def test_a_day_at_the_pump_and_its_excess_over_the_ledger() -> None:
    seen = made(steps=50)
    seen.ticks["pumped_nl"][:] = 100  # 96 ticks of 1 ng are the cap
    seen.ticks["pumped_nl"][120] = 2500
    seen.day_ug[:] = 0.096
    day, excess = worst_day(seen)
    assert day == pytest.approx((95 + 25) / 96)
    assert excess == pytest.approx((94 + 25 - 96) / 96)
    seen.ticks["pumped_nl"][120] = -1  # cannot be read: counted as nothing
    assert worst_day(seen)[0] == pytest.approx(1.0)


def test_a_ratio_has_the_error_of_its_sums() -> None:
    found = ratio(np.array([1.0, 0.0, 2.0, 1.0]), np.full(4, 2.0))
    assert found["value"] == 0.5
    assert found["se"] == pytest.approx(np.std([0.5, 0.0, 1.0, 0.5], ddof=1) / 2.0)
    assert ratio(np.zeros(2), np.zeros(2)) == {"value": None, "se": None, "of": 0.0}
    assert ratio(np.ones(1), np.ones(1))["se"] is None


def test_a_run_is_seen_as_it_was() -> None:
    seen = watch("CancerMorphine", "max_request", 2, 0, faults="none")
    found = summary([seen])
    assert seen.per_step * len(seen.locked) == len(seen.ticks["tick"]) == 28 * 96
    assert found["intervention_share"]["value"] > 0.9
    assert found["unverified_share"]["value"] == 0.0
    assert 0.5 < found["pump_day_share"]["value"] <= 1.0
    assert found["ledger_gap_share"]["value"] <= 0.05
    monitored = watch("CancerMorphine", "max_request", 2, 0, faults="none", shield_mode="monitor")
    assert worst_day(monitored)[0] > 1.0, "without limits the day at the pump passes the cap"


def test_a_record_needs_something_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indicators, "watch", lambda *_, **__: pytest.fail("a run was begun"))
    for wrong in ({"tasks": ()}, {"policies": ()}, {"seeds": ()}, {"patients": 0}, {"faults": ()}):
        with pytest.raises(ConfigError, match="at least one"):
            measure(**wrong)
