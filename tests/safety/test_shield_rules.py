"""What one tick of the shield promises after any history: holding works, nothing changes without need, modes do as they say."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thecal.safety import kernel
from thecal.safety.invariants import names

from support.shield_oracle import Vitals
from support.shields import BIT, WELL, Run, drive, fresh, grown_up, parameters, tick

DAY = 96
HUGE = 2**62
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**32 - 1)
RATES = st.one_of(st.integers(-HUGE, HUGE), st.integers(0, 12_000), st.integers(1_500, 3_000))
BOLUSES = st.one_of(
    st.integers(-HUGE, HUGE), st.integers(0, 60_000), st.sampled_from([0, 99, 100, 101, 25_000, 25_001])
)


def _history(seed: int, mode: str = "project", *, ill: bool = True) -> tuple[Run, np.void]:
    """Up to twelve days of random requests and vital signs, of a random style, at a random concentration."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12 * DAY))
    par = parameters(float(rng.choice([20_000, 10_000, 500])), str(rng.choice(["cancer", "noncancer"])), mode=mode)
    par["interval"] = rng.choice([1, 8, int(par["interval"])])
    poor = rng.random(n) < (rng.choice([0.0, 0.01, 0.2]) if ill else 0.0)
    vitals = Vitals(
        np.where(poor, rng.integers(-1, 110, n), 140),
        np.where(poor, rng.integers(-1, 950, n), 970),
        np.where(poor, rng.integers(1, 5, n), 1),
        (rng.random(n) < 0.2).astype(np.int64),
    )
    style = rng.integers(4)
    if style == 0:
        rates, boluses = np.full(n, HUGE), np.full(n, HUGE)
    elif style == 1:
        rates, boluses = rng.integers(-HUGE, HUGE, n), rng.integers(-HUGE, HUGE, n)
    else:
        rates = rng.integers(0, 12_000, n)
        boluses = rng.integers(0, 30_000, n) * (rng.random(n) < 0.3)
    start = int(rng.choice([500, 2_000, 7_000, 40_000]))
    return drive(par, start, rates, boluses, vitals), par


@PROPERTY
@given(SEEDS)
def test_holding_is_always_possible(seed: int) -> None:
    run, par = _history(seed)
    state = run.state[0]
    before = int(state["prev_rate"])
    rate, bolus = tick(state, par, before)
    if state["lock_resp"]:
        assert rate == max(min(before, int(state["lock_rate"]) // 10 * 10), min(before, 500))
    else:
        assert rate == before
        assert (state["violations"], state["binding"], state["fallback"]) == (0, 0, 0)
    assert bolus == 0


@PROPERTY
@given(SEEDS, RATES, BOLUSES)
def test_asking_again_for_what_was_allowed_gives_the_same(seed: int, request: int, bolus: int) -> None:
    run, par = _history(seed)
    first, second = run.state[0].copy(), run.state[0].copy()
    allowed = tick(first, par, request, bolus)
    assert tick(second, par, *allowed) == allowed
    if not second["lock_resp"]:
        assert names(int(second["violations"])) == []


@PROPERTY
@given(SEEDS, RATES, BOLUSES)
def test_a_request_runs_as_asked_or_names_the_limit_it_breaks(seed: int, request: int, bolus: int) -> None:
    """Only the pump's grid changes a request without a reason being given."""
    run, par = _history(seed)
    state = run.state[0]
    before = int(state["prev_rate"])
    allowed = tick(state, par, request, bolus)
    gridded = max(request // 10 * 10, min(before, 500)), bolus // 100 * 100
    if state["violations"] == 0:
        assert allowed == gridded
    else:
        assert state["binding"] == state["violations"]
    assert allowed[0] <= max(request, before)
    assert 0 <= allowed[1] <= max(bolus, 0)


@PROPERTY
@given(SEEDS, RATES, RATES, BOLUSES)
def test_a_higher_request_never_gives_a_lower_rate(seed: int, one: int, other: int, bolus: int) -> None:
    run, par = _history(seed)
    low, high = sorted((one, other))
    answers = [tick(run.state[0].copy(), par, ask, bolus)[0] for ask in (low, high)]
    assert answers == sorted(answers)


@PROPERTY
@given(SEEDS, RATES, BOLUSES, BOLUSES)
def test_a_larger_bolus_request_never_gives_a_smaller_bolus(seed: int, rate: int, one: int, other: int) -> None:
    run, par = _history(seed)
    low, high = sorted((one, other))
    answers = [tick(run.state[0].copy(), par, rate, ask) for ask in (low, high)]
    assert answers[0][0] == answers[1][0]
    assert answers[0][1] <= answers[1][1]


@PROPERTY
@given(SEEDS)
def test_no_fall_goes_below_the_floor_unless_locked(seed: int) -> None:
    run, par = _history(seed)
    state = run.state[0]
    before = int(state["prev_rate"])
    past = np.concatenate((np.full(DAY, run.rates[0]), run.rates))[-DAY:]
    rate, _ = tick(state, par, -HUGE)
    if not state["lock_resp"] and len(run.rates) >= 7 * DAY:
        assert rate == before or 10 * rate >= 8 * past.max()
    elif not state["lock_resp"]:
        assert rate == 500


@PROPERTY
@given(SEEDS)
def test_the_counters_equal_sums_over_the_history(seed: int) -> None:
    run, par = _history(seed)
    state, n = run.state[0], len(run.rates)
    start = int(drive(par, 0, [], []).state[0]["prev_rate"]) if n == 0 else None
    assert start is None
    masses = (run.rates + run.boluses) * int(par["conc"][0])
    assert state["dose24"][0] == masses[-DAY:].sum()
    padded = np.concatenate((np.zeros(97, dtype=np.int64), masses))
    assert state["ledger"][0].tolist() == padded[-97:].tolist()
    assert state["bolus_count"] == np.count_nonzero(run.boluses[-DAY:])
    assert state["prev_rate"] == run.rates[-1]
    assert state["ticks"] == n
    if n >= DAY:
        assert state["highest24"] == run.rates[-DAY:].max()
    assert state["highest24"] >= run.rates[-DAY:].max()
    given_at = np.flatnonzero(run.boluses)
    if len(given_at):
        assert state["since_bolus"] == n - 1 - given_at[-1]


@PROPERTY
@given(SEEDS, RATES, BOLUSES, st.sampled_from(["monitor", "off"]))
def test_unshielded_modes_run_what_the_pump_can_and_only_count(seed: int, request: int, bolus: int, mode: str) -> None:
    run, par = _history(seed, mode)
    state = run.state[0].copy()
    allowed = tick(state, par, request, bolus)
    rate = min(max(request, 0), 250_000) // 10 * 10
    assert allowed == (rate if rate >= 500 else 0, min(max(bolus, 0), 24_000_000) // 100 * 100)
    assert state["binding"] == 0
    shielded = run.state[0].copy()
    strict = parameters(float(par["conc"][0]))
    for name in par.dtype.names or ():
        strict[name] = 0 if name == "mode" else par[name]
    tick(shielded, strict, request, bolus)
    assert state["violations"] == shielded["violations"]
    assert state["fallback"] == 0
    held = tick(run.state[0].copy(), par, request, bolus, valid=0)
    assert held[1] == 0
    assert held[0] == run.state[0]["prev_rate"]


@PROPERTY
@given(SEEDS, RATES, BOLUSES)
def test_replace_holds_where_project_would_change_something(seed: int, request: int, bolus: int) -> None:
    run, par = _history(seed, "replace", ill=False)
    state = run.state[0]
    before = int(state["prev_rate"])
    allowed = tick(state, par, request, bolus)
    if state["violations"] == 0:
        assert allowed == (request // 10 * 10, bolus // 100 * 100)
        assert state["fallback"] == 0
    else:
        assert allowed == (before, 0)
        assert state["fallback"] == 1


def test_replace_still_lowers_the_rate_of_a_locked_patient() -> None:
    par = parameters(mode="replace")
    state = grown_up(par)
    for _ in range(2):
        rate, bolus = tick(state, par, HUGE, HUGE, vitals=(70, 970, 1))
    assert (rate, bolus) == (1_000, 0)


@PROPERTY
@given(SEEDS, RATES, BOLUSES)
def test_an_invalid_request_holds_and_says_so(seed: int, request: int, bolus: int) -> None:
    run, par = _history(seed, ill=False)
    state = run.state[0]
    before = int(state["prev_rate"])
    assert tick(state, par, request, bolus, valid=0) == (before, 0)
    assert state["binding"] == state["violations"] == 1 << BIT["finite"]
    assert state["fallback"] == 1


# ------------------------------------------------------------------------------------------------------------ no overflow


def _python_decision(state: np.void, par: np.void, request: int, bolus: int) -> tuple[int, int]:
    """The kernel's decision over Python's unbounded integers."""
    s = SimpleNamespace(**{name: state[name].tolist() for name in state.dtype.names or ()})
    s.quick_top = s.prev_rate  # the profile has no monitored titration
    p = SimpleNamespace(**{name: par[name].tolist() for name in par.dtype.names or ()})
    request, bolus = kernel.bounded(request, p.rate_step), kernel.bounded(bolus, p.bolus_step)
    long_ago = s.day_rate[(s.ticks // 96 + 1) % 29]
    rate, _ = kernel.decide_rate(s, p, long_ago, request, 0, False, 0)
    given_, _ = kernel.decide_bolus(s, p, 10**9, rate, bolus, 0)
    return rate, given_


@PROPERTY
@given(st.lists(st.tuples(RATES, BOLUSES), min_size=1, max_size=40), st.integers(0, 3), st.booleans())
def test_nothing_overflows(asks: list[tuple[int, int]], seed: int, brim: bool) -> None:
    """Against unbounded integers, also from the fullest ledger a pump at its highest rate and bolus can fill."""
    conc = (20_000.0, 9_000.0) if seed % 2 else 20_000.0
    drugs = ("morphine", "bupivacaine") if seed % 2 else ("morphine",)
    par = parameters(conc, drugs=drugs)
    state = fresh(par, 3_000)
    if brim:
        loose = parameters(conc, drugs=drugs, mode="off")
        state = drive(loose, 3_000, np.full(3_000, HUGE), np.full(3_000, HUGE)).state[0]
        assert state["dose24"][0] == 96 * 20_000 * (250_000 + 24_000_000)
    for request, bolus in asks:
        expected = _python_decision(state, par, request, bolus)
        assert tick(state, par, request, bolus, vitals=WELL) == expected
