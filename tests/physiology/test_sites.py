"""Where the pain lies and where the tip comes to lie: by diagnosis, by the cohort, and with an error of placement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thecal.core.errors import ParameterError
from thecal.core.layout import LEVELS
from thecal.physiology.cohort import Cohort, draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.cord import SEGMENTS, vertebra_of

N = 4_000
NUMBER = 'unit = "dimensionless", source = "engineering choice: a test", confidence = "low", kind = "proposed" }'


def _draw(spec: str | Path, n: int = 3) -> Cohort:
    return draw(load_cohort_spec(spec), ("morphine",), np.arange(n), "train", 3)


def _file(folder: Path, site: dict[str, float], more: str = "") -> Path:
    lines = "".join(f"{name} = {{ value = {value}, {NUMBER}\n" for name, value in site.items())
    path = folder / "mine.toml"
    path.write_text(f'name = "mine"\nbase = "noncancer"\n[site]\n{lines}{more}', encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=("cancer", "noncancer"))
def large(request: pytest.FixtureRequest) -> Cohort:
    return _draw(request.param, N)


@pytest.mark.parametrize(
    ("segment", "level"),
    [("C1", "C1"), ("C5", "C4"), ("C8", "C7"), ("T6", "T4"), ("T12", "T10"), ("L2", "T11"), ("L5", "L1"), ("S5", "L2")],
)
def test_the_cord_is_shorter_than_the_spine(segment: str, level: str) -> None:
    """The lumbar cord begins at T11 and the sacral one at L1; it ends between L1 and L2."""
    assert len(SEGMENTS) == 30
    assert LEVELS[vertebra_of(np.array([SEGMENTS.index(segment) + 1.0]))[0] - 1] == level


def test_painful_segments_lie_around_the_pains_center(large: Cohort) -> None:
    weights = large.par["w_pain"]
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)
    assert (weights >= 0).all()
    assert (weights[:, 0] == 0).all()
    for row, level in zip(weights[:200], large.covariates["pain_level"][:200], strict=True):
        at = LEVELS.index(level) + 1
        assert np.flatnonzero(row).tolist() == list(range(at - 2, at + 3))


def test_the_pain_lies_where_the_cord_is(large: Cohort) -> None:
    """Pain of the leg is felt in a cord that ends at L2, so no center lies below; that of the trunk lies higher."""
    center = np.array([LEVELS.index(level) + 1 for level in large.covariates["pain_level"]])
    assert LEVELS[center.max() - 1] in ("L1", "L2")
    diagnosis = large.covariates["diagnosis"]
    usual = {"failed_back_surgery": ("T10", "L1"), "crps": ("T10", "L1"), "visceral": ("T4", "T11")}
    for name, (high, low) in usual.items():
        own = center[diagnosis == name]
        if len(own):
            assert LEVELS.index(high) + 1 <= np.quantile(own, 0.1) <= np.quantile(own, 0.9) <= LEVELS.index(low) + 1


def test_the_tip_is_placed_with_an_error(large: Cohort) -> None:
    """Normal with an SD of 1.5 levels, never more than 4 (and rounding adds 1/12 to the variance)."""
    center = np.array([LEVELS.index(level) + 1 for level in large.covariates["pain_level"]])
    error = large.par["tip_node"] - center
    assert abs(error.mean()) < 0.15
    assert error.std() == pytest.approx(1.48, abs=0.1)
    assert np.abs(error).max() <= 4
    assert (np.array(["cranial", *LEVELS])[large.par["tip_node"]] == large.covariates["tip_level"]).all()


def test_a_tip_for_spasticity_lies_at_t10_to_t12() -> None:
    tip = _draw("spasticity", N).par["tip_node"]
    assert LEVELS[int(np.median(tip)) - 1] == "T11"
    assert np.isin(tip, [LEVELS.index(level) + 1 for level in ("T10", "T11", "T12")]).mean() > 0.6


@pytest.mark.parametrize(
    ("lines", "key", "reason"),
    [
        ({"center_first": 13.5, "center_last": 20.0}, "site.center_first", "not a whole number"),
        ({"center_first": 0.0, "center_last": 20.0}, "site.center_first", "outside"),
        ({"center_first": 13.0, "center_last": 12.0}, "site.center_last", "outside"),
        ({"center_first": 13.0, "center_last": 99.0}, "site.center_last", "outside"),
        ({"center_first": 13.0}, "site.center_last", "missing"),
        ({"center_last": 13.0}, "site.center_first", "missing"),
        ({"tip": 17.5}, "site.tip", "not a whole number"),
        ({"tip": 27.0}, "site.tip", "outside"),
    ],
)
def test_a_site_that_cannot_be_is_refused(lines: dict[str, float], key: str, reason: str, tmp_path: Path) -> None:
    path = _file(tmp_path, lines)
    with pytest.raises(ParameterError) as caught:
        _draw(path)
    assert str(caught.value).startswith(f"mine.toml: {key}: ")
    assert reason in str(caught.value)


def test_a_cohort_may_state_where_pain_and_tip_lie(tmp_path: Path) -> None:
    place = _file(
        tmp_path, {"center_first": 8, "center_last": 9, "tip": 22}, f"[tip]\nerror = {{ value = 0, {NUMBER}\n"
    )
    par = _draw(place, 40).par
    assert set(par["tip_node"].tolist()) == {22}
    assert set((par["w_pain"] * np.arange(27)).sum(axis=1).round(9).tolist()) == {8.0, 9.0}
