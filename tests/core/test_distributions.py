"""The truncated normal: within its edges, each number at its quantile, the same alone as among others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from thecal.core.distributions import truncated_normal

Z = np.linspace(-4.0, 4.0, 81)


@given(st.floats(-6.0, 6.0), st.floats(0.0, 4.0))
def test_numbers_stay_within_the_edges_and_in_order(low: float, width: float) -> None:
    drawn = truncated_normal(Z, low, low + width)
    assert (drawn >= low).all()
    assert (drawn <= low + width).all()
    assert (np.diff(drawn) >= 0.0).all()


def test_each_number_keeps_its_quantile() -> None:
    for low, high in ((-1.0, 1.0), (-3.0, 0.5), (0.0, 9.0), (-40.0, 40.0)):
        expected = stats.truncnorm.ppf(stats.norm.cdf(Z), low, high)
        np.testing.assert_allclose(truncated_normal(Z, low, high), expected, rtol=1e-9, atol=1e-12)


def test_a_number_alone_is_the_same_as_among_others() -> None:
    together = truncated_normal(Z, -2.0, 1.5)
    assert [float(truncated_normal([z], -2.0, 1.5)[0]) for z in Z] == together.tolist()
