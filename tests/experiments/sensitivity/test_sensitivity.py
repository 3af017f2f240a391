"""Sensitivity: known answers through the same path, every factor resolvable, inert numbers inert; identifiability by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.core.parameters import Quantity
from thecal.experiments.cli import run
from thecal.experiments.sensitivity.identifiability import PARAMETERS, analyze, morphine_patient
from thecal.experiments.sensitivity.page import render
from thecal.experiments.sensitivity.regimens import REGIMENS, reference_patient
from thecal.experiments.sensitivity.study import Factor, decompose, factors_of, patients_for, screen, span, strongest

ROOT = Path(__file__).resolve().parents[3]
ISHIGAMI = tuple(Factor(name, "patient", name, 0, "high", -np.pi, np.pi) for name in ("x1", "x2", "x3", "inert"))


def ishigami(points: np.ndarray) -> dict[str, np.ndarray]:
    """The usual test function (a = 7, b = 0.1), whose indices are known in closed form."""
    x1, x2, x3, _ = points.T
    return {"y": np.sin(x1) + 7.0 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)}


def test_sobol_indices_of_the_ishigami_function():
    (found,) = decompose(ISHIGAMI, ishigami, 2048, seed=1)
    assert found.first == pytest.approx([0.3139, 0.4424, 0.0, 0.0], abs=0.03)
    assert found.total == pytest.approx([0.5576, 0.4424, 0.2437, 0.0], abs=0.03)


def test_screening_finds_the_inert_factor_and_the_strong_ones():
    (found,) = screen(ISHIGAMI, ishigami, 40, seed=1)
    assert found.mu_star[3] == 0.0
    assert {factor.name for factor in strongest([found], 3)} == {"x1", "x2", "x3"}


def test_an_outcome_that_never_changes_has_no_indices():
    (found,) = decompose(ISHIGAMI, lambda points: {"y": np.ones(len(points))}, 8, seed=1)
    assert found.total.tolist() == [0.0] * 4


def test_too_small_samples_are_refused():
    with pytest.raises(ConfigError, match="at least two trajectories"):
        screen(ISHIGAMI, ishigami, 1, seed=1)
    for base in (4, 100):
        with pytest.raises(ConfigError, match="a power of two of at least 8"):
            decompose(ISHIGAMI, ishigami, base, seed=1)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"confidence": "high"}, (0.9, 1.1)),
        ({"confidence": "low"}, (0.5, 1.5)),
        ({"confidence": "high", "sd": 0.5, "distribution": "normal"}, (0.5, 1.5)),
        ({"confidence": "high", "cv": 0.4, "distribution": "lognormal"}, (0.4627, 2.1613)),
        ({"confidence": "high", "cv": 3.0, "distribution": "lognormal"}, (0.2, 20.79)),
    ],
)
def test_ranges_follow_the_stated_spread_or_the_confidence(extra, expected):
    number = Quantity(value=2.0, unit="mL", source="Someone 1999", **extra)
    assert span(number) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", REGIMENS)
def test_every_factor_moves_its_own_field_and_no_other(name):
    chosen = REGIMENS[name]
    factors = factors_of(chosen)
    assert len(factors) > 70
    assert len({(f.name, f.where, f.field, f.slot) for f in factors}) == len(factors)
    base = reference_patient(chosen.cohort, chosen.drugs)[0]
    low = np.array([factor.low for factor in factors])
    moved = patients_for(chosen, factors, np.where(np.eye(len(factors), dtype=bool), low, 1.0))
    for factor, row in zip(factors, moved, strict=True):
        changed = {field for field in base.dtype.names if base[field].tobytes() != row[field].tobytes()}
        expected = {"patient": {factor.field}, "shape": set(factor.field.split(","))}.get(factor.where, {factor.where})
        assert changed == expected, factor.name


def test_information_of_a_line_by_hand():
    """y = a + b t with unit noise: the information is [[n, sum t], [sum t, sum t²]]."""
    t = np.arange(5.0)
    found = analyze(np.column_stack((np.ones(5), t)), ("a", "b"))
    assert found.relative_se == pytest.approx([np.sqrt(0.6), np.sqrt(0.1)])
    assert found.correlation[0, 1] == pytest.approx(-np.sqrt(2.0 / 3.0))
    unseen = analyze(np.column_stack((np.ones(5), np.zeros(5))), ("a", "b"))
    assert np.isinf(unseen.relative_se[1])
    assert np.isinf(unseen.collinearity)


def test_taps_tell_what_reports_cannot():
    reports, both = morphine_patient(taps=False), morphine_patient(taps=True)
    loss = [name for name, _, _ in PARAMETERS].index("loss from CSF")
    assert both.relative_se[loss] < 0.5 < reports.relative_se[loss]
    assert (both.relative_se <= reports.relative_se * (1 + 1e-6)).all()
    assert reports.collinearity > 10.0


def test_the_command_is_repeatable_and_names_unknown_words(capsys):
    line = ["sensitivity", "morphine_bolus", "--trajectories", "2", "--base", "8", "--json"]
    assert run(line) == 0
    first = capsys.readouterr().out
    assert run(line) == 0
    assert capsys.readouterr().out == first
    assert json.loads(first)["scenarios"]["morphine_bolus"]["screened"] > 70
    assert run(["sensitivity", "no_such"]) == 2
    assert "no_such" in capsys.readouterr().err


def test_the_page_is_what_its_data_render_to():
    found = json.loads((ROOT / "docs" / "sensitivity.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "sensitivity.md").read_text(encoding="utf-8") == render(found)
    assert set(found["scenarios"]) == set(REGIMENS)
    for name in REGIMENS:
        assert (ROOT / "docs" / "figures" / f"sensitivity_{name}.svg").exists()
