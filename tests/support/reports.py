"""A made-up comparison with every part a report can have, so that rendering is tested without simulating."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.agents.info import PolicyInfo
from thecal.envs.outcomes import Outcome, outcome
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.failures_judged import Failure
from thecal.experiments.analysis.results import (
    ComparisonResult,
    Difference,
    Events,
    Interval,
    PolicyResult,
    ShieldUse,
    Verdict,
)
from thecal.experiments.analysis.subgroups import Effect
from thecal.experiments.reports.courses import LEVELS
from thecal.experiments.reports.data import Course, Curve, Lane, Note, ReportData, Story
from thecal.experiments.validation.bands import Band

OUTCOMES = [
    outcome("time_controlled").model_copy(update={"role": "primary"}),
    *(outcome(key) for key in ("mean_nrs", "resp_hours", "sed_hours", "withdrawal_hours", "died", "dose_mg_per_day")),
]
INFOS = {
    name: PolicyInfo(name=name, label=label, kind=kind)
    for name, label, kind in (
        ("ppo", "PPO (trained)", "learned"),
        ("fixed", "Fixed rate", "rule"),
        ("fixed_ptm", "Fixed rate + demand bolus", "rule"),
        ("guideline", "Guideline titration", "rule"),
        ("guideline_ptm", "Guideline + demand bolus", "rule"),
        ("pid", "PID control", "rule"),
        ("random", "Random requests", "sanity"),
        ("max_request", "Maximal requests", "sanity"),
    )
}
POLICIES = list(INFOS)
MEANS = {
    "ppo": (71, 2.6, 0.4, 0.2, 1, 0, 6.4), "fixed": (43, 4.1, 0.3, 0.3, 0, 0, 3.1), "fixed_ptm": (49, 3.8, 0.3, 4, 0, 0, 3.5),
    "guideline": (61, 3.1, 0.5, 8, 2, 0, 5.2), "guideline_ptm": (64, 3.0, 0.6, 10, 2, 0, 5.5),
    "pid": (66, 2.8, 0.7, 12, 6, 0, 6.0),
    "random": (40, 4.3, 0.4, 6, 14, 0, 3.2), "max_request": (55, 3.0, 4.1, 61, 0, 0, 10.9),
}  # fmt: skip
INVARIANTS = {
    6: ("cap 24h", "drug of any 24 h stays under the cap"),
    11: ("step up", "one rise of the rate stays within the step"),
    12: ("interval", "rises keep their interval"),
    15: ("lockout", "boluses keep their lockout"),
    19: ("respiratory lock", "no rise or bolus while breathing is depressed"),
}


LANES = [
    Lane(kind="fault", name="leak", spans=((1.0, 2.5),)),
    Lane(kind="alarm", name="low reservoir", spans=((2.0, 3.0),)),
    Lane(
        kind="limit", name="step up", text="one rise of the rate stays within the step", spans=((0.5, 0.6), (1.5, 1.6))
    ),
]
NOTES = [
    Note(time_h=24.0, kind="fault", text="A fault begins, unseen by the policy: leak."),
    Note(
        time_h=36.0,
        kind="refused",
        text="Asked +40 %; given +20 %: step up (one rise of the rate stays within the step).",
    ),
]


def interval(mean: float, low: float, high: float) -> Interval:
    """An interval by position."""
    return Interval(mean=mean, low=low, high=high)


def _interval(values: Any) -> tuple[float, float, float]:
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def _verdict(outcome: Outcome, low: float, high: float) -> Any:
    worse, better = (low, high) if outcome.better < 0 else (-high, -low)
    if outcome.role == "cost":
        return "inferior" if worse > 0 and better > (outcome.margin or 0) else "non-inferior"
    return "superior" if better < 0 else "inferior" if worse > 0 else "inconclusive"


def _track(seed: int, hours: int, gain: float) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    t = np.arange(1, hours + 1, dtype=np.float64)
    day = t / 24.0
    untreated = np.clip(7.2 + 0.6 * np.sin(t / 24 * 2 * np.pi) + np.cumsum(rng.normal(0, 0.08, hours)), 0, 10)
    dose = 2.0 + gain * 6.0 * (1 - np.exp(-day / 6.0))
    step = np.floor(day)[:]
    programmed = 2.0 + gain * 6.0 * (1 - np.exp(-step / 6.0))
    felt = np.clip(untreated * (1 - 0.72 * dose / (dose + 2.5)) + rng.normal(0, 0.25, hours), 0, 10)
    report = np.where(t % 4 == 0, np.clip(np.round(felt + rng.normal(0, 0.6, hours)), 0, 10), np.nan)
    report[rng.random(hours) < 0.15] = np.nan
    demands = (felt > 5) & (rng.random(hours) < 0.3)
    rr = 14 - 3.5 * dose / 8 + rng.normal(0, 0.5, hours)
    rr[hours // 2 : hours // 2 + 3] = 7.4
    return {
        "time_h": t, "pain_mean": felt, "pain0": untreated, "nrs_report": report, "dose24_mg": dose,
        "programmed_mg_per_d": programmed, "cap_mg": np.full(hours, 15.0), "demands_given": demands * 1.0,
        "demands_denied": (demands & (rng.random(hours) < 0.5)) * 1.0, "ce_dh": dose * 0.06, "ce_bs": dose * 0.012,
        "tol": 0.3 * (1 - np.exp(-day / 20)), "oih": 0.05 * day / 28, "withdrawal": np.zeros(hours),
        "sedation": 0.1 + 0.2 * dose / 8, "rr_min": rr, "spo2_min": 97 - 0.3 * dose + rng.normal(0, 0.4, hours),
        "hr": 78 + felt + rng.normal(0, 1, hours), "sbp": 130 + 2 * felt, "requested_rate": programmed / 10 * 1.15,
        "allowed_rate": programmed / 10, "alive_h": np.ones(hours), "function": 60 - 4 * felt, "distress": felt / 20,
    }  # fmt: skip


def synthetic_data(n: int = 80, hours: int = 28 * 24, **changes: Any) -> ReportData:
    """A complete report; ``changes`` replace fields."""
    rng = np.random.default_rng(5)
    base = rng.normal(0, 1, n)
    values: dict[str, dict[str, Any]] = {}
    for policy in POLICIES:
        noise = rng.normal(0, 1, (len(OUTCOMES), n))
        values[policy] = {}
        for k, (entry, mean) in enumerate(zip(OUTCOMES, MEANS[policy], strict=True)):
            spread = 12.0 if k == 0 else 0.2 * mean + 0.05
            values[policy][entry.key] = np.clip(mean + spread * (0.8 * base + 0.5 * noise[k]), 0, 100)
    results = {
        policy: PolicyResult(
            info=INFOS[policy],
            training_seeds=1,
            values=row,
            estimates={key: interval(*_interval(column)) for key, column in row.items()},
            tails={key: interval(*_interval(np.sort(column)[: max(3, n // 10)])) for key, column in row.items()},
            events=_events(policy, 28.0 * n),
            shield=ShieldUse(
                intervened=40.0 * k,
                binding={11: 20.0 * k, 12: 35.0 * k, 6: 0.4 * k},
                violations={12: 41.0 * k, 15: 9.0, 19: 0.02},
            ),
        )
        for k, (policy, row) in enumerate(values.items())
    }
    result = ComparisonResult(
        task="thecal/CancerMorphine-v0",
        task_hash="ff" * 32,
        spec=_spec(hours),
        scenario=Scenario.of("CancerMorphine", split="test", seed=7),
        scenario_hash="ee" * 32,
        seed=7,
        split="test",
        difficulty="real",
        shield_mode="project",
        profile="seed_2025",
        cohort_seed=0,
        reference="fixed",
        patients=tuple(range(n)),
        outcomes=tuple(OUTCOMES),
        policies=results,
        differences={policy: _differences(values[policy], values["fixed"]) for policy in POLICIES if policy != "fixed"},
    )
    shown = ("ppo", "fixed", "guideline")
    gains = {"ppo": 0.9, "fixed": 0.1, "guideline": 0.6}
    stories = [
        Story(
            title=title,
            patient=patient,
            why="By rank.",
            tracks={p: _track(patient, hours, gains[p]) for p in shown},
            lanes=dict.fromkeys(shown, LANES),
            notes=dict.fromkeys(shown, NOTES),
        )
        for title, patient in (("Median patient", 31), ("Worst-decile patient", 7))
    ]
    frames = np.linspace(0, 2e6, 40)
    reward = 0.2 + 0.5 * (1 - np.exp(-frames / 5e5))
    curves = [
        Curve(label="Mean reward", unit="utility", frames=frames, mean=reward, low=reward - 0.05, high=reward + 0.05),
        Curve(label="Time controlled, tuning patients", unit="%", frames=frames, mean=100 * reward),
    ]
    row = {"key": "a", "unit": "mg/L", "observed": 1.2, "low": 0.8, "high": 1.6, "spread": "sd", "confidence": "high",
           "source": "Nordberg 1984, Anesthesiology 60:448", "population": "n=5", "regimen": "bolus at L3",
           "kind": "source", "drug": "morphine", "group": "kinetics", "scale": "linear"}  # fmt: skip
    validation = [
        {**row, "title": "Half-life in CSF", "role": "calibration", "simulated": 1.3, "passed": True},
        {**row, "key": "b", "title": "Peak <concentration>", "role": "test", "simulated": 1.9, "passed": False},
    ]
    checks = [
        Band("CSF after 0.5 mg", "mg/L", [1.0, 2.0, 3.0], [0.5, 0.4, 0.3], [1.0, 0.8, 0.6], [2.0, 1.6, 1.2],
             [(1.0, 1.1, 0.7, 1.5)], "Nordberg 1984 </script>", log_scale=True),
    ]  # fmt: skip
    data = ReportData(
        title="CancerMorphine: PPO against six baselines", result=result, invariants=INVARIANTS, stories=stories, curves=curves,
        courses={policy: _courses(k, hours, n) for k, policy in enumerate(POLICIES)}, groups=_groups(n),
        signs={policy: _signs(policy) for policy in POLICIES},
        validation=validation, checks=checks,
        provenance={"git commit": "0123abc", "working tree": "clean", "task hash": "ff" * 32, "config": {"seed": 7}},
    )  # fmt: skip
    return data.model_copy(update=changes)


def _courses(k: int, hours: int, n: int) -> list[Course]:
    day = np.arange(1.0, hours / 24 + 0.5)
    middle = 5.0 - 0.2 * k + 0 * day
    rows = tuple(middle + spread for spread in (-2.0, -1.0, 0.0, 1.0, 2.0))
    more = {"levels": LEVELS, "day": day, "values": rows, "alive": np.full(len(day), float(n))}
    return [
        Course(key=key, label=label, unit=unit, **more)
        for key, label, unit in (("pain", "Pain", "NRS"), ("dose", "Dose", "mg/d"))
    ]


def _groups(n: int) -> dict[str, tuple[Effect, ...]]:
    found = tuple(
        Effect(group=group, level=level, patients=who, difference=interval(gap, gap - 3.0, gap + 3.0))
        for group, level, who, gap in (
            ("age", "below 65 y", n // 2, 9.0), ("age", "65 y or more", n - n // 2, 2.0), ("sleep apnea", "yes", 2, np.nan),
        )
    )  # fmt: skip
    return {policy: found for policy in POLICIES if policy != "fixed"}


def _signs(policy: str) -> tuple[Failure, ...]:
    greedy = policy == "max_request"
    words = "asking for everything seen" if greedy else "asking for everything not seen"
    return (
        Failure(
            key="everything", title="asking for everything", score=1.0 if greedy else 0.1, threshold=0.9,
            verdict="seen" if greedy else "not seen", sentence=words,
        ),
    )  # fmt: skip


def _events(policy: str, days: float) -> dict[str, Events]:
    onsets, patients = (0, 0) if policy == "ppo" else (3, 2)
    counts = {"respiratory": (onsets, patients, 300 / days), "sedation": (7, 5, 1.1), "death": (0, 0, 300 / days)}
    return {
        name: Events(onsets=began, patients=who, patient_days=days, upper_per_100d=upper)
        for name, (began, who, upper) in counts.items()
    }


def _differences(own: dict[str, Any], reference: dict[str, Any]) -> dict[str, Difference]:
    found = {}
    for entry in OUTCOMES:
        gap = own[entry.key] - reference[entry.key]
        mean, low, high = _interval(gap)
        share = float(np.mean(gap * (entry.better or 1) > 0))
        found[entry.key] = Difference(
            mean=mean, low=low, high=high, verdict=_verdict(entry, low, high), p_adjusted=0.0004, improved=share
        )
    return found


def _spec(hours: int) -> dict[str, Any]:
    return {
        "name": "CancerMorphine", "title": "Titrate intrathecal morphine in cancer pain over four weeks", "drugs": ["morphine"],
        "pump": "synchromed_ii_40", "cohort": "cancer", "profile": "seed_2025", "tick_h": 1.0, "horizon_d": hours / 24.0,
        "evidence": "a randomized trial", "primary": {"text": "share of the horizon with felt pain NRS <= 3"},
    }  # fmt: skip


def changed(data: ReportData, **changes: Any) -> ReportData:
    """``data`` with other fields of its result."""
    return data.model_copy(update={"result": data.result.model_copy(update=changes)})


def each(data: ReportData, **changes: Any) -> ReportData:
    """``data`` with other fields in the result of every policy."""
    policies = {name: one.model_copy(update=changes) for name, one in data.result.policies.items()}
    return changed(data, policies=policies)


def judged(primary: Verdict, harms: dict[str, Verdict], **changes: Any) -> ComparisonResult:
    """A result whose learned policy has the given verdicts: on the primary outcome, and on harms (else non-inferior)."""
    result = synthetic_data(n=4, hours=24).result
    says = {entry.key: harms.get(entry.key, "non-inferior") for entry in result.harms} | {result.primary.key: primary}
    table = {
        key: Difference(mean=1.0, low=0.5, high=1.5, verdict=says.get(key, "inconclusive"))
        for key in result.differences["ppo"]
    }
    return result.model_copy(update={"differences": {**result.differences, "ppo": table}, **changes})
