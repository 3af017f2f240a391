"""No request, however hostile, gets past a limit in forty simulated days; and the judge that says so can say no."""

from __future__ import annotations

import numpy as np
import pytest

from support.shield_oracle import DAY, Vitals, highest_window_pg, judge
from support.shields import CAP_PG, drive, limits, parameters

DAYS = 40
N = DAYS * DAY
HUGE = 2**62
# (µg/mL, starting nL per tick): from far under the cap to a day that just fits under it.
CASES = [
    (20_000, 500),
    (20_000, 7_700),
    (20_000, 3_000),
    (10_000, 2_600),
    (10_000, 15_400),
    (2_000, 40_000),
    (25, 250_000),
]


def _requests(name: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, bool]:
    """Requests, boluses, and whether the requests are changes."""
    ticks = np.arange(N)
    midnight = np.isin(ticks % DAY, (0, 1, DAY - 1))
    if name == "max":
        return np.full(N, HUGE), np.full(N, HUGE), False
    if name == "zero":
        return np.zeros(N), np.zeros(N), False
    if name == "negative":
        return np.full(N, -HUGE), np.full(N, -HUGE), False
    if name == "alternating":
        return np.where(ticks % 2, HUGE, 0), np.where(ticks % 3, HUGE, -1), False
    if name == "midnight":
        return np.where(midnight, HUGE, rng.integers(0, 9_000, N)), np.where(midnight, HUGE, 0), False
    if name == "boundary-seeking":
        return rng.choice([-10, -1, 0, 1, 10, 100, 10_000], N), rng.choice([0, 99, 100, 101, 24_999, 50_100], N), True
    if name == "bolus only":
        return np.zeros(N), np.full(N, HUGE), True
    if name == "square wave":
        return np.where(ticks % (3 * DAY) < DAY, 0, HUGE), np.where(rng.random(N) < 0.5, HUGE, 0), False
    return rng.integers(-1_000, 400_000, N), rng.integers(-1_000, 400_000, N), False


NAMES = (
    "max",
    "zero",
    "negative",
    "alternating",
    "midnight",
    "boundary-seeking",
    "bolus only",
    "square wave",
    "random",
)


@pytest.mark.parametrize("setting", ["cancer", "noncancer"])
@pytest.mark.parametrize("name", NAMES)
def test_no_limit_is_broken_in_forty_days(name: str, setting: str) -> None:
    rng = np.random.default_rng(NAMES.index(name))
    for conc, start in CASES:
        requests, boluses, relative = _requests(name, rng)
        run = drive(parameters(conc, setting), start, requests, boluses, relative=relative)
        assert judge(start, run.rates, run.boluses, limits(conc, setting)) == [], (conc, start)


@pytest.mark.parametrize("seed", range(8))
def test_no_limit_is_broken_while_vital_signs_come_and_go(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bad = rng.random(N) < rng.choice([0.02, 0.2, 0.5])
    gone = rng.random(N) < 0.2
    rr = np.where(gone, -1, np.where(bad, rng.integers(0, 120, N), rng.integers(95, 200, N)))
    spo2 = np.where(gone, -1, np.where(bad, rng.integers(700, 1000, N), rng.integers(915, 1000, N)))
    poss = rng.choice([1, 2, 3, 4], N, p=[0.9, 0.07, 0.02, 0.01])
    vitals = Vitals(rr, spo2, poss, (rng.random(N) < 0.3).astype(np.int64))
    conc, start = CASES[seed % len(CASES)]
    requests, boluses, relative = _requests(NAMES[seed % len(NAMES)] if seed else "max", rng)
    run = drive(parameters(conc), start, requests, boluses, vitals, relative=relative)
    assert judge(start, run.rates, run.boluses, limits(conc), vitals) == []


def test_the_cap_is_not_kept_by_giving_nothing() -> None:
    """Asked for the most, the shield comes within a step and a bolus of the cap."""
    run = drive(parameters(20_000), 3_000, np.full(N, HUGE), np.full(N, HUGE))
    assert highest_window_pg(run.rates, run.boluses, 20_000) > 0.97 * CAP_PG["morphine"]


def test_an_admixture_keeps_the_cap_of_each_of_its_drugs() -> None:
    conc = (20_000.0, 9_000.0)
    par = parameters(conc, drugs=("morphine", "bupivacaine"))
    run = drive(par, 3_000, np.full(N, HUGE), np.full(N, HUGE))
    for drug, c in zip(("morphine", "bupivacaine"), (20_000, 9_000), strict=True):
        assert highest_window_pg(run.rates, run.boluses, c) <= CAP_PG[drug]
        assert judge(3_000, run.rates, run.boluses, limits(c, drug=drug)) == []


@pytest.mark.parametrize("start", [8_000, 40_000, 250_000, 10**9])
def test_a_starting_rate_that_would_break_the_cap_is_lowered(start: int) -> None:
    run = drive(parameters(20_000), start, np.zeros(N), np.zeros(N), relative=True)
    assert highest_window_pg(run.rates, run.boluses, 20_000) <= CAP_PG["morphine"]
    assert run.rates[0] == 7_730  # 15 mg over 97 ticks at 20 mg/mL is 7731 nL, on the grid of 10 nL


# ---------------------------------------------------------------------------------------------------- the judge itself


def _quiet() -> tuple[np.ndarray, np.ndarray]:
    return np.full(N, 3_000), np.zeros(N, dtype=np.int64)


def _tampered(name: str) -> tuple[np.ndarray, np.ndarray]:
    rates, boluses = _quiet()
    if name == "step":
        rates[500:] = 3_610
    elif name == "interval":
        rates[500:], rates[595:] = 3_100, 3_200
    elif name == "28-day":
        for day in range(1, 12):
            rates[day * 97 :] = rates[day * 97 - 1] * 6 // 5 // 10 * 10
    elif name == "floor":
        rates[800:] = 2_390
    elif name == "lockout":
        boluses[[100, 115]] = 1_000
    elif name == "too many":
        boluses[[0, 20, 40, 60, 96]] = 1_000
    elif name == "absolute size":
        boluses[100] = 25_100
    elif name == "share":
        rates[:], boluses[100] = 500, 9_700
    elif name == "cap":
        rates[:] = 7_820
    elif name == "range":
        rates[100:] = 490
    elif name == "grid":
        rates[100] = 3_001
    else:
        boluses[100] = -100
    return rates, boluses


@pytest.mark.parametrize(
    "name",
    [
        "step",
        "interval",
        "28-day",
        "floor",
        "lockout",
        "too many",
        "absolute size",
        "share",
        "cap",
        "range",
        "grid",
        "negative",
    ],
)
def test_the_judge_finds_a_tampered_trajectory(name: str) -> None:
    assert judge(3_000, *_quiet(), limits(20_000)) == []
    rates, boluses = _tampered(name)
    found = judge(int(rates[0]) if name in ("share", "cap") else 3_000, rates, boluses, limits(20_000))
    assert any(name in sentence or name.replace("interval", "too close") in sentence for sentence in found), found


@pytest.mark.parametrize("share", [0.999, 1.0, 1.001])
def test_the_judge_finds_one_bolus_more_than_the_cap_holds(share: float) -> None:
    """A bolus exactly 24 h after another counts with it: both ends of the window are closed."""
    rates, boluses = _quiet()
    room = CAP_PG["morphine"] // 20_000 - DAY * 3_000
    boluses[200], boluses[200 + DAY] = room // 2, int(room * share) - room // 2
    over = any("cap" in sentence for sentence in judge(3_000, rates, boluses, limits(20_000)))
    assert over == (share > 1.0)


@pytest.mark.parametrize(
    ("rr", "poss", "what"), [(70, 1, "lock leaves"), (95, 1, "rise while"), (140, 3, "rise while")]
)
def test_the_judge_finds_a_rise_that_vital_signs_forbid(rr: int, poss: int, what: str) -> None:
    rates, boluses = _quiet()
    rates[500:] = 3_100
    n = len(rates)
    vitals = Vitals(np.full(n, 140), np.full(n, 970), np.full(n, 1), np.zeros(n, dtype=np.int64))
    assert judge(3_000, rates, boluses, limits(20_000), vitals) == []
    vitals.rr[495:], vitals.poss[495:] = rr, poss
    assert any(what in sentence for sentence in judge(3_000, rates, boluses, limits(20_000), vitals))
