"""Locks: what vital signs and sedation withhold, what latches, and that only a clinician, after a day, ends it."""

from __future__ import annotations

import numpy as np
import pytest

from support.shields import BIT, WELL, grown_up, parameters, tick

GONE = (-1, -1, 1)
HUGE = 2**62
START = 2_000


def _shield() -> tuple[np.void, np.void]:
    par = parameters(20_000)
    return grown_up(par, START), par


def _show(state: np.void, par: np.void, *samples: tuple[int, int, int], clear: int = 0) -> int:
    """Hold through the samples; returns the rate in force."""
    for sample in samples:
        tick(state, par, int(state["prev_rate"]), vitals=sample, clear=clear)
    return int(state["prev_rate"])


def _latched() -> tuple[np.void, np.void]:
    state, par = _shield()
    _show(state, par, (79, 970, 1), (79, 970, 1))
    assert state["lock_resp"] == 1
    return state, par


LOW = [(79, 970, 1), (140, 899, 1), (0, 970, 1), (140, 0, 1), (79, -1, 1), (-1, 899, 1), (70, 850, 1)]
POOR = [(99, 970, 1), (140, 919, 1), (80, 970, 1), (140, 900, 1), (99, -1, 1), (-1, 919, 1)]
FINE = [(100, 920, 1), (100, -1, 1), (-1, 920, 1), (400, 1000, 2), GONE]


@pytest.mark.parametrize("sample", LOW)
def test_one_low_sample_does_not_lock_and_two_of_three_do(sample: tuple[int, int, int]) -> None:
    for samples, locked in (
        ([sample], 0), ([sample, WELL], 0), ([sample, WELL, WELL, sample], 0), ([sample, sample], 1), ([sample, WELL, sample], 1),
        ([WELL, sample, sample], 1),
    ):  # fmt: skip
        state, par = _shield()
        rate = _show(state, par, *samples)
        assert state["lock_resp"] == locked, samples
        assert rate == (START // 2 if locked else START)


@pytest.mark.parametrize("sample", POOR)
def test_a_warning_needs_two_of_three_and_withholds_rises(sample: tuple[int, int, int]) -> None:
    state, par = _shield()
    assert tick(state, par, 2_100, 1_000, vitals=sample) == (2_100, 1_000)
    state, par = _shield()
    _show(state, par, sample)
    assert tick(state, par, 2_100, 1_000, vitals=sample) == (START, 0)
    assert state["binding"] == 1 << BIT["resp"]
    assert state["lock_resp"] == 0
    assert tick(state, par, 1_900, vitals=sample) == (1_900, 0)  # a fall stays free
    assert _show(state, par, WELL, WELL) == 1_900
    assert tick(state, par, 2_000, 1_000) == (2_000, 1_000)


@pytest.mark.parametrize("sample", FINE)
def test_what_is_not_under_a_limit_withholds_nothing(sample: tuple[int, int, int]) -> None:
    state, par = _shield()
    _show(state, par, sample, sample)
    assert (state["warn"], state["lock_resp"], state["stale"]) == (0, 0, 0)
    assert tick(state, par, 2_100, 1_000) == (2_100, 1_000)


def test_missing_samples_neither_confirm_nor_forget() -> None:
    state, par = _shield()
    _show(state, par, LOW[0], *[GONE] * 50)
    assert state["lock_resp"] == 0
    _show(state, par, LOW[0])
    assert state["lock_resp"] == 1


@pytest.mark.parametrize("every", [2, 3])
def test_a_more_frequent_signal_does_not_push_out_the_other(every: int) -> None:
    state, par = _shield()
    for t in range(2 * every):
        _show(state, par, (60 if t % every == 0 else -1, 970, 1))
    assert state["lock_resp"] == 1


def test_a_lock_cuts_every_hour_while_harm_is_confirmed() -> None:
    """From 2,000 to 1,000 at once, to the pump's lowest an hour later, and nothing asked for changes it."""
    state, par = _latched()
    state["prev_rate"] = state["allowed_rate"] = state["lock_rate"] = 4_000
    found = []
    for _ in range(16):
        rate, bolus = tick(state, par, HUGE, HUGE, vitals=LOW[0])
        assert bolus == 0
        assert state["binding"] & 1 << BIT["resp"]
        found.append(rate)
    assert found == [4_000] * 3 + [2_000] * 4 + [1_000] * 4 + [500] * 5
    assert par["recut"] == 4


def test_a_lock_cuts_no_more_once_the_harm_is_over() -> None:
    state, par = _latched()
    assert state["prev_rate"] == START // 2
    assert _show(state, par, *[WELL] * 40) == START // 2
    assert _show(state, par, LOW[0], LOW[0]) == 500  # confirmed anew, long after the last cut


@pytest.mark.parametrize("poss", [3, 4])
def test_deep_sedation_alone_cuts_again(poss: int) -> None:
    state, par = _shield()
    deep = (140, 970, 4)
    assert _show(state, par, deep) == 1_000
    assert _show(state, par, *[(140, 970, poss)] * 4) == (500 if poss == 4 else 1_000)


@pytest.mark.parametrize(("spo2", "co2"), [(965, -1), (-1, 385)])
def test_a_frozen_saturation_or_co2_is_stale(spo2: int, co2: int) -> None:
    """Two hours of the same tenth withhold; one other value ends it."""
    state, par = _shield()
    par["flat_other"] = 8
    tick(state, par, START, vitals=(140, 950, 1), co2=390)
    for k in range(20):
        moving = k % 2
        tick(
            state, par, START, vitals=(140, spo2 if spo2 > 0 else 960 + moving, 1), co2=co2 if co2 > 0 else 380 + moving
        )
        assert bool(state["stale"]) == (k >= 8), k
    assert tick(state, par, 2_100, 1_000, vitals=(140, 971, 1), co2=381)[0] == 2_100


def test_a_lock_goes_below_the_floor_but_not_below_the_pump() -> None:
    par = parameters(20_000)
    for start, left in ((2_000, 1_000), (1_010, 500), (900, 500), (500, 500), (1_030, 510)):
        state = grown_up(par, start)
        assert _show(state, par, LOW[0], LOW[0]) == left


def test_a_locked_patient_is_lowered_only_within_the_floor() -> None:
    """Half of the day's highest rate is already under the floor, so nothing lower is left until the day is over."""
    state, par = _latched()
    assert tick(state, par, 0) == (START // 2, 0)


@pytest.mark.parametrize("ticks", [1, 50, 95])
def test_no_clearing_before_a_day(ticks: int) -> None:
    state, par = _latched()
    _show(state, par, *[WELL] * (ticks - 1))
    _show(state, par, WELL, clear=1)
    assert state["lock_resp"] == 1


def test_a_clinician_clears_after_a_day_of_recovered_signs() -> None:
    state, par = _latched()
    _show(state, par, *[WELL] * 95)
    assert state["lock_resp"] == 1
    _show(state, par, WELL, clear=1)
    assert state["lock_resp"] == 0


@pytest.mark.parametrize(
    "last", [[POOR[0], POOR[0]], [POOR[1], WELL, POOR[1]], [LOW[0], LOW[0]], [(140, 970, 3)], [(140, 970, 4)]]
)
def test_no_clearing_while_vital_signs_or_sedation_are_poor(last: list[tuple[int, int, int]]) -> None:
    state, par = _latched()
    _show(state, par, *[WELL] * 96)
    _show(state, par, *last[:-1])
    _show(state, par, last[-1], clear=1)
    assert state["lock_resp"] == 1
    _show(state, par, WELL, WELL, clear=1)
    assert state["lock_resp"] == 0


def test_no_clearing_on_old_vital_signs() -> None:
    state, par = _latched()
    _show(state, par, *[WELL] * 96, *[GONE] * 3, clear=0)
    _show(state, par, GONE, clear=1)
    assert state["lock_resp"] == 1
    _show(state, par, WELL, clear=1)
    assert state["lock_resp"] == 0


def test_time_and_requests_never_unlatch() -> None:
    state, par = _latched()
    rng = np.random.default_rng(1)
    for _ in range(1_000):
        tick(state, par, int(rng.integers(-HUGE, HUGE)), int(rng.integers(-HUGE, HUGE)), valid=int(rng.integers(2)))
    assert state["lock_resp"] == 1
    assert state["prev_rate"] <= START // 2


def test_after_a_lock_the_rate_climbs_by_steps_and_intervals() -> None:
    state, par = _latched()
    _show(state, par, *[WELL] * 96)
    rate, bolus = tick(state, par, HUGE, HUGE, clear=1)
    assert state["lock_resp"] == 0
    assert rate == START // 2 * 6 // 5
    assert bolus <= 25_000
    climbed = [tick(state, par, HUGE)[0] for _ in range(95)]
    assert set(climbed) == {rate}
    assert state["binding"] & 1 << BIT["interval"]


def test_a_low_sample_before_clearing_still_counts() -> None:
    state, par = _latched()
    _show(state, par, *[WELL] * 96)
    _show(state, par, LOW[0], clear=1)
    assert state["lock_resp"] == 0
    _show(state, par, WELL)
    assert state["lock_resp"] == 0
    _show(state, par, LOW[0])
    assert state["lock_resp"] == 1


def test_a_second_depression_after_clearing_halves_again() -> None:
    state, par = _latched()
    _show(state, par, *[WELL] * 97, clear=1)
    assert state["lock_resp"] == 0
    assert _show(state, par, LOW[0], LOW[0]) == START // 4


@pytest.mark.parametrize("which", [0, 1])
def test_old_vital_signs_withhold_rises_after_half_an_hour(which: int) -> None:
    sample = [(-1, 970, 1), (140, -1, 1)][which]
    state, par = _shield()
    _show(state, par, sample, sample)
    assert state["stale"] == 0
    assert tick(state, par, 2_100, 1_000, vitals=sample) == (START, 0)
    assert state["binding"] == 1 << BIT["stale"]
    assert state["stale"] == 1
    assert tick(state, par, 1_900, vitals=sample) == (1_900, 0)
    assert tick(state, par, 2_000, 1_000) == (2_000, 1_000)


def test_score_three_withholds_and_ends_with_the_score() -> None:
    state, par = _shield()
    assert tick(state, par, 2_100, 1_000, vitals=(140, 970, 3)) == (START, 0)
    assert state["binding"] == 1 << BIT["sedation"]
    assert (state["lock_sedation"], state["lock_resp"]) == (1, 0)
    assert tick(state, par, 2_100, 1_000, vitals=(140, 970, 2)) == (2_100, 1_000)


def test_score_four_locks_at_once() -> None:
    state, par = _shield()
    assert tick(state, par, 2_100, 1_000, vitals=(140, 970, 4)) == (START // 2, 0)
    assert (state["lock_sedation"], state["lock_resp"], state["fallback"]) == (1, 1, 3)
    assert tick(state, par, 2_100, 1_000) == (START // 2, 0)


@pytest.mark.parametrize("mode", ["monitor", "off"])
def test_unshielded_modes_see_a_lock_but_do_not_act_on_it(mode: str) -> None:
    par = parameters(20_000, mode=mode)
    state = grown_up(par, START)
    for _ in range(3):
        assert tick(state, par, 2_400, 1_000, vitals=LOW[0]) == (2_400, 1_000)
    assert state["lock_resp"] == 1
    assert state["violations"] & 1 << BIT["resp"]
    assert state["binding"] == 0
