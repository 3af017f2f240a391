"""How many patients get a mass at the tip: series and registries."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.physiology.regimen import advance, begin

from support.bodies import drawn

YEAR_H = 8766.0


def evident(mg_per_d, mg_per_ml, years, seed):
    """Share of 2,000 patients with an evident mass; growth is proportional to a patient's own susceptibility."""
    par = drawn(["morphine"], 1, seed=seed).copy()
    par["granuloma_per_h"] = 1e-7
    state = begin(par)
    hours = years * YEAR_H // 0.25 * 0.25
    rate = 1000.0 * mg_per_d / 24.0
    size = advance(par, state, hours, rate_ug_per_h=rate, basal_ml_per_h=rate / 1000.0 / mg_per_ml)["granuloma"].max()
    own = drawn(["morphine"], 2000, seed=seed)["granuloma_per_h"]
    return float(np.mean(own * size / 1e-7 >= 1.0))


@pytest.mark.parametrize("seed", [2025, 11])
def test_three_years_at_a_high_dose_give_single_percents(seed):
    """3 % of 208 patients imaged had a mass (Deer 2004), 7 % of 56 within 7.6 years (Duarte 2010)."""
    at_15 = evident(15.0, 25.0, 3.0, seed)
    assert 0.005 <= at_15 <= 0.10
    assert evident(2.0, 10.0, 3.0, seed) < at_15
