"""Whether a stored memory of the shield is one that its tick can have left: its books have to agree with each other.

The proof speaks of states that the shield can reach. A state from elsewhere is asked for what the proof assumes of them and for
what the tick's own books keep equal, so that no restored ledger hides a dose that a counter remembers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.invariants import ShieldMode
from thecal.safety.records import CONFIRM_STATES, MAX_CAPS, OWN_LEVEL, WINDOW

_COUNTERS = (
    "ticks", "bolus_count", "prev_rate", "highest24", "since_increase", "since_bolus", "baseline", "since_command", "errors",
    "gap", "since_change", "owed", "excess", "lock_cut", "spo2_same", "co2_same", "co2_age", "bp_age", "hr_age", "calm",
    "quick_top", "sbp_total", "sbp_count", "rr_same", "rr_age", "spo2_age", "lock_age", "lock_rate", "allowed_rate",
    "allowed_bolus",
)  # fmt: skip
_FLAGS = ("jumped", "lock_resp", "lock_sedation", "warn", "stale", "blind", "escalated")


def memory_faults(state: NDArray[np.void], par: NDArray[np.void]) -> list[str]:
    """What cannot be in memories of the shield under these limits, as ``field: reason``; empty when all can.

    Args:
        state: SHIELD_STATE ``[n]``.
        par: SHIELD_PAR ``[n]``, of the environment's own.
    """
    bad = {f"{name}: it is negative": state[name] < 0 for name in _COUNTERS}
    bad |= {f"{name}: it is neither 0 nor 1": (state[name] < 0) | (state[name] > 1) for name in _FLAGS}
    for name in ("warn_samples", "lock_samples", "hemo_samples"):
        bad[f"{name}: they are no bits of samples"] = _any((state[name] < 0) | (state[name] >= CONFIRM_STATES))
    for name in ("ledger", "rate_hist", "day_rate", "week_rate"):
        bad[f"{name}: it holds a negative number"] = _any(state[name] < 0)
    bad["sbp_count: it is above its most"] = state["sbp_count"] > OWN_LEVEL
    flags = state["bolus_flag"]
    bad["bolus_count: it is not the number of boluses of the day"] = (state["bolus_count"] != flags.sum(axis=1)) | _any(
        (flags < 0) | (flags > 1)
    )
    bad["highest24: it is not the highest rate of the day"] = state["highest24"] != state["rate_hist"].max(axis=1)
    bad["prev_rate: it is not what was allowed last, or above the pump's highest"] = (
        state["prev_rate"] != state["allowed_rate"]
    ) | (state["prev_rate"] > par["max_rate"])
    kept = np.arange(MAX_CAPS) < par["n_caps"][:, None]
    ledger = np.where(kept[:, :, None], state["ledger"], 0)
    given = ledger[:, :, 1:].sum(axis=2)
    bad["dose24: it is not what the ledger holds"] = _any(kept & (state["dose24"] != given))
    limited = par["mode"] < int(ShieldMode.MONITOR)
    # What a pump counted beyond what was allowed may stand in it for as long as a window touches it.
    over = kept & (ledger.sum(axis=2) > par["cap_pg"]) & (state["excess"] == 0)[:, None]
    bad["ledger: a window of 24 h lies above its cap, as no shield leaves it"] = limited & _any(over)
    bad["excess: it is longer than a window"] = state["excess"] > WINDOW
    return [words for words, where in bad.items() if where.any()]


def _any(where: Any) -> Any:
    return where.reshape(len(where), -1).any(axis=1)
