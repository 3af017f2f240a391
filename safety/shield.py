"""The shield as it runs: the compiled reading of the tick, and the first day.

:func:`shield_tick` is the only way from a request to the pump. It cannot raise, it allocates nothing, and whatever it is
given it leaves an allowed rate and bolus in the state. All that decides lies in ``kernel.py``, ``locks.py`` and ``tick.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.jit import kernel
from thecal.safety import kernel as source
from thecal.safety import locks, ops, tick
from thecal.safety.readings import HELPERS, read
from thecal.safety.records import SHIELD_STATE, WINDOW

COMPILED = read((source, locks, tick), {name: kernel(getattr(ops, name)) for name in HELPERS}, wrap=kernel)
shield_tick, update_locks = COMPILED["shield_tick"], COMPILED["update_locks"]
_largest_bolus = COMPILED["largest_bolus"]


@kernel
def largest_bolus(state, par):
    """The largest bolus (nL) the size limit allows at the rate in force."""
    return _largest_bolus(state.prev_rate, par.bolus_abs, par.bolus_permille, par.max_rate)


def new_shield_state(par: NDArray[np.void] | np.void, start_rate_nl: int) -> Any:
    """The shield on the day of the implant: an empty ledger, the starting rate in force and in the 28-day history.

    A bolus is possible from the first tick on as far as vital signs and limits allow; the first rise waits a whole interval.
    The withdrawal floor holds only after the profile's exposure time.
    """
    state = np.zeros(1, SHIELD_STATE)[0]
    # Held rates are sustainable by induction; this is where the induction starts.
    sustained = (int(par["cap_pg"][d]) // (WINDOW * int(par["conc"][d])) for d in range(int(par["n_caps"])))
    rate = min(int(start_rate_nl), int(par["max_rate"]), *sustained) // int(par["rate_step"]) * int(par["rate_step"])
    rate = max(rate, int(par["min_rate"]))
    state["prev_rate"] = state["allowed_rate"] = state["highest24"] = state["baseline"] = rate
    state["rate_hist"] = rate
    state["day_rate"] = rate
    state["quick_top"] = rate
    state["week_nrs"] = state["rr_last"] = state["spo2_last"] = state["co2_last"] = -1
    state["since_bolus"] = par["lockout"]
    return state
