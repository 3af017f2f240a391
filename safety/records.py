"""The records of the shield: its ledger and locks (state), and the limits of one patient (parameters). Integers only."""

from __future__ import annotations

import numpy as np

from thecal.physiology.layout import MAX_DRUGS

TICKS_PER_DAY = 96
WINDOW = TICKS_PER_DAY + 1  # ticks that a 24-h window can touch
DAYS_BACK = 28
CONFIRM = 3  # vital samples looked at; two of them confirm

_i = np.int64


def _dtype(*fields: tuple[str, object] | tuple[str, object, tuple[int, ...]]) -> np.dtype[np.void]:
    return np.dtype(list(fields), align=True)


SHIELD_PAR = _dtype(
    ("n_drugs", _i),
    ("conc", _i, (MAX_DRUGS,)),  # label concentration, pg/nL (= µg/mL)
    ("cap_pg", _i, (MAX_DRUGS,)),  # rolling 24-h cap, pg
    ("min_rate", _i),  # pump's lowest rate, nL per tick
    ("max_rate", _i),  # pump's highest rate, nL per tick
    ("rate_step", _i),  # pump's grid, nL per tick
    ("bolus_step", _i),  # pump's grid, nL
    ("step_permille", _i),  # largest rise of the rate in one step
    ("interval", _i),  # ticks between rises
    ("rise_permille", _i),  # largest rise over 28 days
    ("keep_permille", _i),  # withdrawal floor: share of the highest rate of the last 24 h
    ("exposed_after", _i),  # ticks of therapy after which the floor holds
    ("bolus_abs", _i),  # largest bolus, nL
    ("bolus_permille", _i),  # largest bolus as a share of the programmed daily volume
    ("lockout", _i),  # ticks between boluses
    ("bolus_most", _i),  # boluses in 24 h
    ("rr_warn", _i),  # respiratory rate, tenths of 1/min
    ("rr_lock", _i),
    ("spo2_warn", _i),  # saturation, tenths of %
    ("spo2_lock", _i),
    ("poss_hold", _i),
    ("poss_lock", _i),
    ("stale", _i),  # ticks a required signal may be old
    ("watch", _i),  # ticks a latched lock stays at least
    ("lock_permille", _i),  # share of the rate that a lock leaves
    ("mode", _i),  # ShieldMode
)

SHIELD_STATE = _dtype(
    ("ticks", _i),  # since the start
    ("ledger", _i, (MAX_DRUGS, WINDOW)),  # commanded mass of the last ticks, oldest first, pg
    ("dose24", _i, (MAX_DRUGS,)),  # commanded in the last 24 h, pg
    ("bolus_flag", _i, (TICKS_PER_DAY,)),  # 1 where a bolus was allowed, ring over the last 24 h
    ("bolus_count", _i),
    ("rate_hist", _i, (TICKS_PER_DAY,)),  # basal rates of the last 24 h, ring
    ("highest24", _i),
    ("day_rate", _i, (DAYS_BACK + 1,)),  # rate at the start of today and of each of the 28 days before, ring
    ("prev_rate", _i),  # basal rate in force, nL per tick
    ("since_increase", _i),
    ("since_bolus", _i),
    # --- locks
    ("warn_bits", _i, (2,)),  # last three valid samples of breathing rate and saturation, 1 = under the warning limit
    ("lock_bits", _i, (2,)),
    ("rr_age", _i),  # ticks since the last valid sample
    ("spo2_age", _i),
    ("lock_resp", _i),  # latched
    ("lock_age", _i),
    ("lock_rate", _i),
    ("lock_sedation", _i),
    ("warn", _i),
    ("stale", _i),
    # --- verdict of the last tick
    ("allowed_rate", _i),
    ("allowed_bolus", _i),
    ("binding", _i),  # bit k: invariant k decided the outcome
    ("violations", _i),  # bit k: the raw request broke invariant k
    ("fallback", _i),
)
