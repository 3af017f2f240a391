"""Events of a life: they come as often as stated, the same for every policy, and move what they name and nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.core.jit import kernel
from thecal.core.layout import QUIET, SLOW_TICKS, TICK_H
from thecal.physiology.circulation import heart_rate, systolic
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.life import envelope, start_life, step_life
from thecal.physiology.life_presets import life_parameters, life_presets, load_preset
from thecal.physiology.life_records import (
    FIRST_FACTOR,
    LIFE_NAMES,
    LIFE_PAR,
    LIFE_STATE,
    N_KINDS,
    N_LEVERS,
    Lever,
    Life,
)
from thecal.physiology.metabolites import step_metabolites
from thecal.physiology.pain import is_awake
from thecal.physiology.patient import prepare_patient, step_drug, step_response
from thecal.physiology.population import constant, drug_file

from support.patients import fresh_state, toy_patients

MONTH_H = 720.0


def life_of(**kinds: dict[str, Any]) -> Any:
    """A LIFE_PAR record; a lever's one number is its smallest and largest size (of a factor the factor)."""
    row = np.zeros(1, LIFE_PAR)[0]
    row["on"] = 1
    for name, given_ in kinds.items():
        own = row["kind"][LIFE_NAMES.index(name)]
        own["most"], own["rise_h"], own["length_h"], own["fade_h"] = 1000, 1.0, math.inf, 0.0
        for key, value in given_.items():
            if key in own.dtype.names:
                own[key] = value
            else:
                place = int(Lever[key.upper()])
                own["low"][place] = own["high"][place] = math.log(value) if place >= FIRST_FACTOR else value
    return row


@kernel
def _live(par, first, states, hours, log):
    for i in range(states.shape[0]):
        life = states[i]
        start_life(par, np.uint64(7), np.uint64(first + i), life)
        for t in range(hours):
            step_life(par, np.uint64(7), np.uint64(first + i), life, float(t))
            for j in range(N_LEVERS):
                log[i, 0, j] = min(log[i, 0, j], life.lever[j])
                log[i, 1, j] = max(log[i, 1, j], life.lever[j])
            for k in range(N_KINDS):
                if life.begun >> k & 1 == 1:
                    log[i, 2, k] += 1.0
                if life.present >> k & 1 == 1:
                    log[i, 3, k] += 1.0


def live(par: Any, n: int, days: float, first: int = 0) -> tuple[Any, Any]:
    """The last LIFE_STATE of ``n`` patients, and ``[n, 4]``: lowest and highest levers, kinds begun, hours present."""
    states = np.zeros(n, LIFE_STATE)
    log = np.zeros((n, 4, max(N_LEVERS, N_KINDS)))
    _live(par, first, states, round(24 * days), log)
    return states, log


@settings(max_examples=300)
@given(
    since=st.floats(-1e4, 1e5),
    rise=st.floats(1.0, 1e3),
    length=st.one_of(st.floats(0.0, 1e4), st.just(math.inf)),
    fade=st.floats(1.0, 1e3),
)
def test_an_event_rises_stays_and_returns_to_nothing(since: float, rise: float, length: float, fade: float) -> None:
    until = rise + length
    now = envelope(since, rise, until, fade)
    assert 0.0 <= now <= 1.0
    assert now == 0.0 or since > 0.0
    assert rise * (1 - 1e-9) > since or since > until or now == pytest.approx(1.0)
    assert since < until + fade or now == 0.0
    later = envelope(since + 1.0, rise, until, fade)
    assert abs(later - now) <= 1.0 / min(rise, fade) + 1e-9, "no jump"


@pytest.mark.parametrize("name", life_presets())
def test_levers_stay_within_what_a_preset_can_add_up_to(name: str) -> None:
    preset = load_preset(name)
    par = life_parameters(preset)
    states, log = live(par, 300, 180)
    most = np.minimum(par["kind"]["most"], np.where(par["kind"]["chance"] > 0, 1, 1000))
    times = np.where(np.isinf(par["kind"]["length_h"]), np.minimum(most, 50), 1)[:, None]
    low = (times * np.minimum(0.0, np.minimum(par["kind"]["low"], par["kind"]["high"]))).sum(0)
    high = (times * np.maximum(0.0, np.maximum(par["kind"]["low"], par["kind"]["high"]))).sum(0)
    low[FIRST_FACTOR:], high[FIRST_FACTOR:] = np.expm1(low[FIRST_FACTOR:]), np.expm1(high[FIRST_FACTOR:])
    assert (log[:, 0, :N_LEVERS] >= low - 1e-9).all()
    assert (log[:, 1, :N_LEVERS] <= high + 1e-9).all()
    named = {lever for kind in preset.kinds for lever, *_ in kind.levers}
    moved = {lever.name.lower() for lever in Lever if log[:, :2, lever].any()}
    assert moved == named
    gone = states[(states["running"] == 0) & (states["settled"] == 0)]
    assert len(gone)
    assert not gone["lever"].any(), "bit for bit nothing once it is over"


@pytest.mark.parametrize("name", life_presets())
def test_events_come_as_often_as_stated(name: str) -> None:
    """While none of its kind is there: begun over hours at risk, four seeds' worth of patients, within four standard errors."""
    preset = load_preset(name)
    par = life_parameters(preset)
    n, days = 4000, 180
    _, log = live(par, n, days)
    for kind in preset.kinds:
        k = LIFE_NAMES.index(kind.name)
        begun = log[:, 2, k].sum()
        if kind.chance:
            error = math.sqrt(kind.chance * (1 - kind.chance) / n)
            assert abs(begun / n - kind.chance) < 4 * error, kind.name
            continue
        at_risk = n * (24.0 * days - kind.earliest_h) - log[:, 3, k].sum()
        if math.isinf(kind.length_h):  # at risk again once it has risen, and only so often
            onsets = _renewals(kind.hazard_per_h, kind.rise_h, 24.0 * days - kind.earliest_h, kind.most)
            assert abs(begun / n - onsets) < 4 * math.sqrt(onsets / n) + 0.01, kind.name
        else:
            due = kind.hazard_per_h * at_risk if kind.most == 1000 else begun
            assert abs(begun - due) < 4 * math.sqrt(due) + 1, kind.name


def _renewals(hazard: float, rise: float, length: float, most: int) -> float:
    """Mean number of the first ``most`` onsets, each at risk ``rise`` after the last, by an independent simulation."""
    rng = np.random.default_rng(5)
    at = np.cumsum(rng.exponential(1.0 / hazard, (40_000, most)) + rise * (np.arange(most) > 0), axis=1)
    return float((at <= length).sum() / 40_000)


def test_hazard_over_several_seeds_is_that_of_the_file() -> None:
    """One kind at 0.5 per 30 days, over 60 days: the share it meets is 1 - exp(-1), to two hundredths."""
    par = life_of(sedative={"hazard_per_h": 0.5 / MONTH_H, "most": 1, "central": 1.5})
    shares = [live(par, 2000, 60, first)[1][:, 2, Life.SEDATIVE].mean() for first in (0, 10_000, 20_000)]
    error = math.sqrt(math.exp(-1) * (1 - math.exp(-1)) / 2000)
    assert np.allclose(shares, -math.expm1(-1), atol=4 * error)
    assert np.std(shares) > 0.0


def test_what_comes_by_chance_comes_within_its_days_and_once() -> None:
    par = life_of(oral_stop={"chance": 0.4, "earliest_h": 48.0, "latest_h": 96.0, "pain": 1.0})
    states, log = live(par, 2000, 5)
    assert set(log[:, 2, Life.ORAL_STOP]) == {0.0, 1.0}
    assert not live(par, 2000, 2)[1][:, 2, Life.ORAL_STOP].any()
    assert (log[:, 2, Life.ORAL_STOP] == (states["left"][:, Lever.PAIN] == 1.0)).all()


def test_what_stays_adds_up_and_ends_at_its_most() -> None:
    par = life_of(progression={"hazard_per_h": 0.05, "most": 3, "pain": 1.5})
    states, log = live(par, 20, 60)
    assert (log[:, 2, Life.PROGRESSION] == 3).all()
    assert (states["lever"][:, Lever.PAIN] == 4.5).all()
    assert (states["present"] == 1 << Life.PROGRESSION).all()


def test_factors_of_two_events_multiply() -> None:
    par = life_of(sedative={"chance": 1.0, "central": 1.5}, infection={"chance": 1.0, "central": 1.2, "renal": 0.5})
    states, _ = live(par, 1, 1)
    assert states["lever"][0, Lever.CENTRAL] == pytest.approx(1.5 * 1.2 - 1.0)
    assert states["lever"][0, Lever.RENAL] == pytest.approx(-0.5)


# --- what a lever moves: two steps from one state, with and without it


_READ = (
    "pain_latent",
    "drive",
    "spo2",
    "sedation",
    "bp_fall",
    "temperature",
    "ashworth",
    "relief",
    "nausea",
    "withdrawal",
)


def _moved(lever: Lever, size: float, *, asleep: bool = False, ticks: int = 2 * SLOW_TICKS) -> dict[str, float]:
    """Changes of what a patient under some drug shows after two hours with a lever, against the same hours without it."""
    found = []
    for value in (0.0, size):
        par = toy_patients(ashworth0=3.0, spasm0=2.0)[0]
        state = fresh_state(np.array([par]), clock_h=1.0 if asleep else 10.0)[0]
        state["awake"] = is_awake(par, 1.0 if asleep else 10.0)
        state["life"]["lever"][lever] = value
        for name, level in (("ce_dh", 0.2), ("ce_bs", 0.5), ("plasma", 50.0)):
            state["drug"][0][name] = level
        for tick in range(ticks):
            state["tick"] = tick
            step_response(par, state, tick * TICK_H, 0.1)
        shown = {name: float(state[name]) for name in _READ}
        found.append(shown | {"hr": heart_rate(par, state, 0.5), "sbp": systolic(par, state, 0.5)})
    return {name: found[1][name] - found[0][name] for name in found[0] if found[1][name] != found[0][name]}


@pytest.mark.parametrize(
    ("lever", "size", "asleep", "up", "down", "follows"),
    [
        (Lever.PAIN, 2.0, False, {"pain_latent"}, set(), {"hr", "sbp"}),
        (Lever.PAIN, -2.0, False, set(), {"pain_latent"}, {"hr", "sbp"}),
        (Lever.APNEA, 0.2, True, set(), {"drive", "spo2"}, set()),
        (Lever.APNEA, 0.2, False, set(), set(), set()),
        (Lever.PRESSURE, 0.1, False, {"bp_fall"}, {"sbp"}, set()),
        (Lever.GRADIENT, 20.0, False, set(), {"spo2"}, set()),
        (Lever.TEMPERATURE, 1.5, False, {"temperature", "hr"}, set(), set()),
        (Lever.HEART_RATE, 15.0, False, {"hr"}, set(), set()),
        (Lever.ANALGESIA, -0.3, False, set(), {"relief"}, {"hr", "sbp", "withdrawal"}),
        (Lever.CENTRAL, 0.6, False, {"sedation"}, {"drive", "spo2"}, {"hr", "sbp"}),
        (Lever.SPASTICITY, 0.4, False, {"ashworth"}, set(), {"hr", "sbp"}),
        (Lever.RENAL, -0.5, False, set(), set(), set()),
    ],
)  # fmt: skip
def test_a_lever_moves_what_it_names_and_nothing_else(
    lever: Lever, size: float, asleep: bool, up: set[str], down: set[str], follows: set[str]
) -> None:
    moved = _moved(lever, size, asleep=asleep)
    assert {name for name, change in moved.items() if change > 0} - follows == up
    assert {name for name, change in moved.items() if change < 0} - follows == down


def test_failing_kidneys_keep_their_share_of_the_drug() -> None:
    """Against an exact reference: a plasma whose elimination constant is as much smaller, over a day of pump ticks."""
    left = {}
    for name, renal, lost in (("sound", 0.8, 0.0), ("failing", 0.8, 0.5), ("liver", 0.0, 0.5), ("reference", 0.8, 0.0)):
        par = toy_patients()[0]
        drug = par["drug"][0]
        drug["renal"], drug["k10"] = renal, 0.2 * (1.0 - 0.8 * 0.5 if name == "reference" else 1.0)
        prepare_patient(par)
        state = fresh_state(np.array([par]))[0]
        state["life"]["lever"][Lever.RENAL] = -lost
        own = state["drug"][0]
        own["plasma"] = 100.0
        for _ in range(96):
            step_drug(par, state, drug, drug["step"][QUIET], own, 0.0, 0.0, par["tip_node"], 0.0, 0.0)
        left[name] = float(own["plasma"] + own["periph"])
        assert own["plasma"] + own["periph"] + own["eliminated"] == pytest.approx(100.0, rel=1e-12), "nothing is lost"
    assert left["liver"] == left["sound"] < left["failing"]
    assert left["failing"] == pytest.approx(left["reference"], rel=0.03)


def test_failing_kidneys_keep_the_glucuronides() -> None:
    kept = {}
    for lost in (0.0, 0.5):
        par = toy_patients()[0]
        drug = par["drug"][0]
        drug["m6g_formed"], drug["m3g_formed"], drug["m6g_k"], drug["m3g_k"] = 0.1, 0.5, 0.3, 0.2
        drug["m6g_ml"] = drug["m3g_ml"] = drug["ec50_m6g"] = drug["m3g_unit"] = drug["m6g_ke0"] = 1.0
        prepare_patient(par)
        state = fresh_state(np.array([par]))[0]
        state["life"]["lever"][Lever.RENAL] = -lost
        for _ in range(200):
            state["drug"][0]["eliminated"] += 10.0
            step_metabolites(par, state)
        kept[lost] = state["drug"][0]["m6g"], state["drug"][0]["m3g"]
    assert kept[0.5] == pytest.approx((2 * kept[0.0][0], 2 * kept[0.0][1]), rel=1e-6), (
        "half the clearance, twice the level"
    )


@pytest.mark.parametrize("drug", ["morphine", "baclofen", "ziconotide"])
def test_the_share_of_the_kidneys_is_the_patient_s_own(drug: str) -> None:
    """Less of them leaves less to them: a patient without renal function clears nothing by it."""
    usual, failing = (
        draw(load_cohort_spec(name), (drug,), range(300), "tune", 3).par for name in ("noncancer", "renal")
    )
    share = constant(drug_file(drug), "plasma.renal_share", "dimensionless")
    assert usual["drug"]["renal"][:, 0].mean() == pytest.approx(share, abs=0.1)
    assert (failing["drug"]["renal"][:, 0].mean() < 0.9 * share) == (share > 0.0)
