"""The shield's state on the day of the implant, field by field, and the largest bolus at the rate in force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.safety.records import SHIELD_PAR, SHIELD_STATE
from thecal.safety.shield import largest_bolus, new_shield_state

# pg per 24 h over 97 ticks of the concentration: 1030 nL a tick of the first drug, 1015 of the second, 999 of the third.
CAPS = ((1_000 * 97 * 1_030 + 96_999, 1_000), (2_000 * 97 * 1_015, 2_000), (500 * 97 * 999, 500))


def made(n_caps: int = 1, **changes: int) -> Any:
    """The shield's integers, all alike but for these."""
    par: Any = np.zeros(1, SHIELD_PAR)[0]
    par["n_caps"] = n_caps
    for d, (cap, conc) in enumerate(CAPS):
        par["cap_pg"][d], par["conc"][d] = cap, conc
    for name, value in {"min_rate": 300, "max_rate": 5_000, "rate_step": 10, "lockout": 17, **changes}.items():
        par[name] = value
    return par


@pytest.mark.parametrize(
    ("par", "start", "rate"),
    [
        (made(), 789, 780),
        (made(), 780, 780),
        (made(), 4_000, 1_030),
        (made(rate_step=7), 4_000, 1_029),
        (made(2), 4_000, 1_010),
        (made(3), 4_000, 990),
        (made(max_rate=904), 4_000, 900),
        (made(max_rate=1), 4_000, 300),
        (made(), 299, 300),
        (made(), 0, 300),
        (made(min_rate=0), 0, 0),
        (made(min_rate=1_500), 1_600, 1_500),
    ],
)
def test_the_first_rate_is_on_the_grid_and_within_every_cap(par: Any, start: int, rate: int) -> None:
    state = new_shield_state(par, start)
    due: dict[str, int] = dict.fromkeys(SHIELD_STATE.names or (), 0)
    due |= dict.fromkeys(("prev_rate", "allowed_rate", "highest24", "baseline", "quick_top"), rate)
    due |= dict.fromkeys(("rate_hist", "day_rate"), rate)
    due |= dict.fromkeys(("week_nrs", "rr_last", "spo2_last", "co2_last"), -1)
    due["since_bolus"] = 17
    for name, value in due.items():
        np.testing.assert_array_equal(state[name], np.full(state[name].shape, value), err_msg=name)


def test_the_largest_bolus_is_what_share_size_and_pump_allow() -> None:
    cases: tuple[tuple[dict[str, int], int, int], ...] = (
        ({"bolus_abs": 10**9, "bolus_permille": 200, "max_rate": 10**9}, 1_000, 19_200),
        ({"bolus_abs": 10**9, "bolus_permille": 333, "max_rate": 10**9}, 101, 3_228),
        ({"bolus_abs": 900, "bolus_permille": 200, "max_rate": 10**9}, 1_000, 900),
        ({"bolus_abs": 10**9, "bolus_permille": 200, "max_rate": 5_000}, 1_000, 4_000),
        ({"bolus_abs": 10**9, "bolus_permille": 200, "max_rate": 900}, 1_000, 0),
    )
    for changes, rate, due in cases:
        state: Any = np.zeros(1, SHIELD_STATE)[0]
        state["prev_rate"] = rate
        assert largest_bolus(np.array([state])[0], np.array([made(**changes)])[0]) == due, changes
