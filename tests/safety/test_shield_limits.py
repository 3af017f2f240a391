"""Each limit of the shield alone, at its very edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.safety.invariants import names

from support.shields import BIT, drive, fresh, grown_up, parameters, tick

DAY = 96
HUGE = 2**62


def _asked(state: np.void, par: np.void, request: int, bolus: int = 0, **more: Any) -> tuple[int, int, list[str]]:
    rate, size = tick(state, par, request, bolus, **more)
    return rate, size, names(int(state["binding"]))


@pytest.mark.parametrize(
    ("request_", "rate", "binding"),
    [
        (2_400, 2_400, []), (2_409, 2_400, []), (2_410, 2_400, ["step_up"]), (2_010, 2_010, []),
        (2_001, 2_000, []), (1_600, 1_600, []), (1_599, 1_600, ["floor"]), (0, 1_600, ["envelope", "floor"]),
        (250_010, 2_400, ["envelope", "cap_24h", "step_up", "rise_28d"]),
    ],
)  # fmt: skip
def test_a_request_at_the_edge_of_step_and_floor(request_: int, rate: int, binding: list[str]) -> None:
    par = parameters(20_000)
    assert _asked(grown_up(par), par, request_) == (rate, 0, binding)


@pytest.mark.parametrize(
    ("bolus", "size", "binding"),
    [
        (25_000, 25_000, []),
        (25_099, 25_000, []),
        (25_100, 25_000, ["bolus_size"]),
        (99, 0, []),
        (199, 100, []),
        (-1, 0, ["envelope"]),
    ],
)
def test_a_bolus_at_the_edge_of_its_size(bolus: int, size: int, binding: list[str]) -> None:
    par = parameters(20_000)
    assert _asked(grown_up(par), par, 2_000, bolus) == (2_000, size, binding)


def test_a_bolus_is_a_share_of_the_day_at_a_low_rate() -> None:
    par = parameters(20_000)
    assert _asked(grown_up(par, 500), par, 500, 25_000) == (500, 9_600, ["bolus_size"])


def test_the_pumps_limits_are_not_taken_for_the_cap() -> None:
    par = parameters(25)
    state = grown_up(par, 200_000)
    assert _asked(state, par, 250_010, 0)[2] == ["envelope", "step_up"]
    assert _asked(state, par, int(state["prev_rate"]), HUGE)[2] == ["bolus_size", "reservoir"]


def test_no_bolus_beyond_the_cap() -> None:
    par = parameters(20_000)
    state = grown_up(par, 7_700)  # 97 ticks of 7700 nL leave 3100 nL of the 750,000 nL that the cap holds
    assert _asked(state, par, 7_700, 25_000) == (7_700, 3_100, ["cap_24h"])


def test_no_rise_beyond_the_cap() -> None:
    par = parameters(20_000)
    assert _asked(grown_up(par, 7_700), par, 8_000) == (7_730, 0, ["cap_24h"])


def test_lockout_and_count() -> None:
    par = parameters(20_000)
    state = grown_up(par)
    given_at = [t for t in range(150) if tick(state, par, 2_000, 1_000)[1]]
    gaps = np.diff(given_at)
    assert 16 <= gaps[:3].min() <= gaps[:3].max() <= 17  # lockout of 4 h, and at most a tick more
    assert 96 <= given_at[4] - given_at[0] <= 97  # the fifth waits until the first is a day old
    state = grown_up(par)
    tick(state, par, 2_000, 1_000)
    assert _asked(state, par, 2_000, 1_000)[1:] == (0, ["lockout"])


@pytest.mark.parametrize(("setting", "interval"), [("cancer", 96), ("noncancer", 672)])
def test_rises_keep_their_interval(setting: str, interval: int) -> None:
    par = parameters(20_000, setting)
    run = drive(par, 2_000, np.full(20 * DAY, 10**6), np.zeros(20 * DAY))
    rises = np.flatnonzero(np.diff(run.rates, prepend=2_000) > 0)
    gaps = np.diff(rises)
    assert len(gaps) >= 1
    assert set(gaps.tolist()) == {interval}
    assert run.binding[rises[0] + 1] & 1 << BIT["interval"]


def test_the_rise_over_28_days_is_bounded_and_then_freed() -> None:
    par = parameters(2_000, "noncancer", interval=4)
    n = 60 * DAY
    run = drive(par, 2_000, np.full(n, 10**6), np.zeros(n))
    assert run.rates[: 28 * DAY].max() == 3_000
    assert run.rates[28 * DAY : 29 * DAY].max() == 3_000
    assert run.rates[30 * DAY] > 3_000
    assert run.rates[-1] <= 6_750  # half again of half again of half again
    assert run.binding[10 * DAY] == 1 << BIT["rise"] | 1 << BIT["envelope"] | 1 << BIT["cap"] | 1 << BIT["step"]


def test_before_a_week_of_exposure_the_rate_may_fall_lowest() -> None:
    par = parameters(20_000)
    assert _asked(grown_up(par, ticks=671), par, 500) == (500, 0, [])
    assert _asked(grown_up(par, ticks=672), par, 500) == (1_600, 0, ["floor"])


def test_falls_of_a_day_add_up_against_the_highest_of_the_day() -> None:
    par = parameters(20_000)
    state = grown_up(par)
    rates = [tick(state, par, 0)[0] for _ in range(3 * DAY)]
    assert rates[0] == rates[94] == 1_600
    assert 1_280 in rates[95:98]
    assert rates[-1] == 1_030  # 80 % of 1280 is 1024, rounded up on the grid


def test_a_new_shield_starts_on_the_grid_and_within_the_pump() -> None:
    par = parameters(20_000)
    for asked, rate in ((2_609, 2_600), (3, 500), (-5, 500)):
        state = fresh(par, asked)
        assert state["prev_rate"] == rate
        assert tick(state, par, rate) == (rate, 0)
    assert tick(fresh(par), par, 2_000, 1_000)[1] == 1_000
