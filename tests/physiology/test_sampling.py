"""Random effects: truncation against scipy, independence, keys, and the correlation matrix of a file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from thecal.core.errors import ParameterError
from thecal.core.parameters import Quantity, read_parameters
from thecal.physiology.sampling import Sampler, correlation_matrix

GOOD = 'value = 2.0, unit = "mL", source = "Someone 1999", confidence = "high"'


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _sampler(n: int = 2_000) -> Sampler:
    return Sampler(5, np.arange(n, dtype=np.uint64))


def _number(**more: object) -> Quantity:
    return Quantity.model_validate({"value": 2.0, "unit": "mL", "source": "x", "confidence": "low", **more})


@pytest.mark.parametrize("edges", [(1.0, 3.0), (2.0, 2.5), (0.0, 2.0), (1.99, 2.01), (1.0, 40.0), (2.0, 2.0)])
@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_truncation_is_the_truncated_normal_at_that_quantile(edges: tuple[float, float], distribution: str) -> None:
    draws = _sampler()
    number = _number(cv=0.4, distribution=distribution, range=edges)
    drawn = draws.quantity(number, "x", "mL")
    spread = 0.8 if distribution == "normal" else math.sqrt(math.log(1.16))

    def standard(edge: float) -> float:
        if distribution == "normal":
            return (edge - 2.0) / spread
        return math.log(edge / 2.0) / spread if edge > 0 else -math.inf

    if edges[0] == edges[1]:
        expected = np.full(len(drawn), 2.0)
    else:
        z = stats.truncnorm.ppf(stats.norm.cdf(draws.normal("x")), *(standard(edge) for edge in edges))
        expected = 2.0 + spread * z if distribution == "normal" else 2.0 * np.exp(spread * z)
    np.testing.assert_allclose(drawn, expected, rtol=1e-9)
    assert edges[0] - 1e-9 <= drawn.min() <= drawn.max() <= edges[1] + 1e-9


def test_an_untruncated_number_is_its_median_times_the_draw() -> None:
    draws = _sampler()
    z = draws.normal("x")
    np.testing.assert_allclose(draws.quantity(_number(sd=0.5, distribution="normal"), "x", "L"), 0.002 + 0.0005 * z)
    log_sd = math.sqrt(math.log(1 + 0.25**2))
    for spread in ({"cv": 0.25}, {"sd": 0.5}):
        drawn = draws.quantity(_number(**spread, distribution="lognormal"), "x", "mL")
        np.testing.assert_allclose(drawn, 2.0 * np.exp(log_sd * z))


def test_uniform_and_constant_numbers() -> None:
    draws = _sampler()
    drawn = draws.quantity(_number(distribution="uniform", range=(1.0, 5.0)), "x", "mL")
    assert stats.kstest(drawn, stats.uniform(1.0, 4.0).cdf).pvalue > 1e-3
    assert drawn.argsort().tolist() == draws.normal("x").argsort().tolist()
    assert draws.quantity(_number(), "x", "L").tolist() == [0.002] * len(drawn)
    assert draws.quantity(_number(cv=0.0, distribution="lognormal", range=(1.0, 3.0)), "x", "mL").tolist() == [
        2.0
    ] * len(drawn)


def test_draws_are_standard_and_keyed_by_name_patient_and_seed() -> None:
    draws = _sampler(20_000)
    a, b = draws.normal("a"), draws.normal("b")
    assert stats.kstest(a, stats.norm.cdf).pvalue > 1e-3
    assert stats.kstest(draws.uniform("c"), stats.uniform.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(20_000)
    assert draws.normal("a").tobytes() == a.tobytes()
    assert not np.isin(Sampler(6, np.arange(20, dtype=np.uint64)).normal("a"), a).any()


def test_a_matrix_is_built_from_its_pairs(tmp_path: Path) -> None:
    pair = GOOD.replace("mL", "dimensionless")
    text = f"[pair]\na__b = {{ {pair.replace('2.0', '0.5')} }}\nb__c = {{ {pair.replace('2.0', '-0.25')} }}"
    matrix = correlation_matrix(read_parameters(_file(tmp_path, text)), ["a", "b", "c"])
    assert matrix.tolist() == [[1.0, 0.5, 0.0], [0.5, 1.0, -0.25], [0.0, -0.25, 1.0]]


@pytest.mark.parametrize(
    ("pairs", "key", "reason"),
    [
        ({"a__z": 0.1}, "pair.a__z", "'z' is not one of a, b, c"),
        ({"a": 0.1}, "pair.a", "'' is not one of a, b, c"),
        ({"a__b": 1.5}, "pair.a__b", "outside"),
        ({"a__b": 1.0}, "pair", "not positive definite"),
        ({"a__a": 0.5}, "pair.a__a", "correlates with itself by 1"),
        ({"a__b": 0.5, "b__a": -0.2}, "pair.b__a", "already given as pair.a__b"),
        ({"a__b": 0.9, "b__c": 0.9, "a__c": -0.9}, "pair", "not positive definite"),
    ],
)
def test_a_matrix_that_cannot_be_is_refused(pairs: dict[str, float], key: str, reason: str, tmp_path: Path) -> None:
    number = GOOD.replace("mL", "dimensionless")
    text = "[pair]\n" + "\n".join(f"{name} = {{ {number.replace('2.0', str(r))} }}" for name, r in pairs.items())
    with pytest.raises(ParameterError) as caught:
        correlation_matrix(read_parameters(_file(tmp_path, text)), ["a", "b", "c"])
    assert str(caught.value).startswith(f"mine.toml: {key}: ")
    assert reason in str(caught.value)
