"""The records of the shield: memory (state), limits (parameters), what it receives (input), the audit trail's row. Integers."""

from __future__ import annotations

import numpy as np

from thecal.core.layout import MAX_DRUGS
from thecal.core.layout import TICKS_PER_DAY as TICKS_PER_DAY  # one of the constants the kernel may import from here

WINDOW = TICKS_PER_DAY + 1  # ticks that a 24-h window can touch
DAYS_BACK = 28
WEEKS_BACK = 13  # of rate and pain, for escalation without effect
TICKS_PER_WEEK = 7 * TICKS_PER_DAY
CONFIRM = 3  # vital samples looked at; two of them confirm
CONFIRM_STATES = 1 << CONFIRM
MAX_CAPS = MAX_DRUGS + 1  # every drug, and the morphine equivalent of several opioids
REQUEST_LIMIT = 1 << 40  # requests are clamped to this before any arithmetic
NEVER = 1 << 40  # ticks
OWN_LEVEL = TICKS_PER_DAY  # first values whose mean is a patient's own systolic pressure
ADVISE, CONFIRM_STAGE, LOWER, AUTO = 0, 1, 2, 3  # SHIELD_PAR.stage: what an agent may do
# What a request is: usable, none (the pump holds between two decisions), malformed, in wrong units, stale or repeated.
ASKED, UNASKED, MALFORMED, WRONG_UNITS, OUTDATED = 1, 2, 0, -1, -2

_i = np.int64
_f = np.float64


def _dtype(*fields: tuple[str, object] | tuple[str, object, tuple[int, ...]]) -> np.dtype[np.void]:
    return np.dtype(list(fields), align=True)


SHIELD_PAR = _dtype(
    ("n_drugs", _i),
    ("n_caps", _i),  # caps kept: one for each drug, one more for the morphine equivalent of several opioids
    ("conc", _i, (MAX_CAPS,)),  # label concentration, pg/nL (= µg/mL)
    ("cap_pg", _i, (MAX_CAPS,)),  # rolling 24-h cap, pg
    ("min_rate", _i),  # pump's lowest rate, nL per tick
    ("max_rate", _i),  # pump's highest rate, and its highest flow, nL per tick
    ("rate_step", _i),  # pump's grid, nL per tick
    ("bolus_step", _i),  # pump's grid, nL
    ("step_permille", _i),  # largest rise of the rate in one step
    ("step_abs", _i),  # the same in nL per tick
    ("interval", _i),  # ticks between rises
    ("transit_nl", _i),  # volume that must pass the catheter between rises, nL
    ("rise_permille", _i),  # largest rise over 28 days
    ("keep_permille", _i),  # withdrawal floor: share of the highest rate of the last 24 h
    ("exposed_after", _i),  # ticks of therapy after which the floor holds
    ("bolus_eligible", _i),  # 1 when every drug of the admixture may be given as a bolus
    ("bolus_abs", _i),  # largest bolus, nL
    ("bolus_permille", _i),  # largest bolus as a share of the programmed daily volume
    ("lockout", _i),  # ticks between boluses, and after a refill
    ("bolus_most", _i),  # boluses in 24 h
    ("rr_warn", _i),  # respiratory rate, tenths of 1/min
    ("rr_lock", _i),
    ("spo2_warn", _i),  # saturation, tenths of %
    ("spo2_lock", _i),
    ("co2_warn", _i),  # end-tidal CO2, tenths of mmHg
    ("co2_lock", _i),
    ("poss_hold", _i),
    ("poss_lock", _i),
    ("stale", _i),  # ticks a required signal may be old
    ("flat", _i),  # ticks the breathing rate may show the same value
    ("rr_jump", _i),  # largest believable recovery between samples, tenths
    ("spo2_jump", _i),
    ("co2_jump", _i),
    ("watch", _i),  # ticks a latched lock stays at least
    ("lock_permille", _i),  # share of the rate that a lock leaves
    ("recut", _i),  # ticks between two cuts of a lock while harm stays confirmed
    ("flat_other", _i),  # ticks saturation and CO2 may show the same value
    # --- monitored titration: rises sooner than the interval while every sign is fresh; a share of 0 allows none
    ("quick_permille", _i),  # largest such rise
    ("quick_interval", _i),  # ticks between rises
    ("quick_day_permille", _i),  # largest rise over the rate of 24 h before
    ("quick_fresh", _i),  # ticks a vital sign may be old
    ("quick_quiet", _i),  # ticks without anything that withholds
    ("quick_settle", _i),  # ticks since the last change of the rate
    ("quick_poss", _i),  # highest sedation score
    ("quick_near_permille", _i),  # share of the cap from which on such rises shrink
    ("vasoactive", _i),  # 1 when the admixture lowers blood pressure
    ("sbp_low", _i),  # tenths of mmHg
    ("map_low", _i),
    ("hr_low", _i),  # tenths of 1/min
    ("sbp_keep_permille", _i),  # share of the patient's own systolic pressure
    ("neuro_hold", _i),  # score of weakness or confusion
    ("reserve_nl", _i),  # volume that a day of the program must leave in the reservoir
    ("shelf", _i),  # ticks that a fill is known to keep
    ("refill_hold", _i),  # ticks after a refill without rises
    ("pocket_watch", _i),  # ticks after a refill in which sedation means a pocket fill
    ("balance_permille", _i),  # largest residual of a refill's volume balance
    ("gap_most", _i),  # ticks without delivery after which the dose restarts low
    ("restart_permille", _i),
    ("escalation_permille", _i),  # rise over 13 weeks that must have lowered pain
    ("errors_most", _i),  # unusable requests in a row that switch automation off
    ("lease", _i),  # ticks without a usable request after which the rate goes back
    ("skew_s", _i),  # disagreement of pump and wall clock, s
    ("stage", _i),  # ADVISE, CONFIRM_STAGE, LOWER or AUTO
    ("mode", _i),  # ShieldMode
)

SHIELD_INPUT = _dtype(
    ("rr", _i),  # respiratory rate and the next five in tenths; -1 when this tick's sample is missing
    ("spo2", _i),
    ("co2", _i),  # end-tidal
    ("sbp", _i),
    ("map", _i),
    ("hr", _i),
    ("poss", _i),  # last observed sedation score, 1-4
    ("weakness", _i),  # last observed scores, 0-4
    ("confusion", _i),
    ("nrs", _i),  # mean report of the last day, tenths, -1 when there is none
    ("clear", _i),  # 1: a clinician is there and clears what may be cleared
    ("reservoir_nl", _i),  # estimated
    ("fill_age", _i),  # ticks since the reservoir was filled with a fresh solution
    ("since_refill", _i),  # ticks
    ("residual", _i),  # permille: (expected - aspirated) / infused at the last refill
    ("stopped", _i),  # 1: the pump reports that it does not deliver
    ("mri", _i),  # 1: in the scanner, or not yet interrogated after it
    ("alarms", _i),  # bits of the pump's alarms
    ("bolus_running", _i),
    ("bridging", _i),  # 1: an old solution is still in the catheter
    ("unverified", _i),  # 1: the pump does not read back the rate that was allowed last
    ("battery", _i),  # 0 good, 1 to be replaced, 2 at its end
    ("skew_s", _i),  # pump's clock minus wall clock, s
    ("confirms", _i),  # 1: a clinician confirms what is asked for in this tick
    (
        "pumped_nl",
        _i,
    ),  # volume the pump counts for the last tick, boluses and primes included; -1 when it cannot be read
)

SHIELD_STATE = _dtype(
    ("ticks", _i),  # since the start
    ("ledger", _i, (MAX_CAPS, WINDOW)),  # commanded mass of the last ticks, oldest first, pg
    ("dose24", _i, (MAX_CAPS,)),  # commanded in the last 24 h, pg
    ("bolus_flag", _i, (TICKS_PER_DAY,)),  # 1 where a bolus was allowed, ring over the last 24 h
    ("bolus_count", _i),
    ("rate_hist", _i, (TICKS_PER_DAY,)),  # basal rates of the last 24 h, ring
    ("highest24", _i),
    ("day_rate", _i, (DAYS_BACK + 1,)),  # lowest rate of today and of each of the 28 days before, ring
    ("week_rate", _i, (WEEKS_BACK + 1,)),  # rate and pain at the start of this week and of the 13 before, ring
    ("week_nrs", _i, (WEEKS_BACK + 1,)),
    ("prev_rate", _i),  # basal rate in force, nL per tick
    ("since_increase", _i),
    ("since_bolus", _i),
    ("baseline", _i),  # rate in force when a clinician last looked
    ("since_command", _i),  # ticks since the last usable request
    ("errors", _i),  # unusable requests in a row
    ("gap", _i),  # ticks without delivery
    ("since_change", _i),  # ticks since the rate was last another
    ("owed", _i),  # allowed bolus volume that the pump has not counted yet, nL
    ("excess", _i),  # ticks for which a window may still touch more than was allowed
    # --- locks
    (
        "warn_samples",
        _i,
        (3,),
    ),  # last believed samples of breathing rate, saturation, CO2 as bits: 1 beyond the warning limit
    ("lock_samples", _i, (3,)),
    ("hemo_samples", _i),
    ("sbp_total", _i),  # sum and number of the first OWN_LEVEL systolic pressures
    ("sbp_count", _i),
    ("rr_last", _i),  # last value shown, -1 before the first
    ("spo2_last", _i),
    ("co2_last", _i),
    ("rr_same", _i),  # ticks without any change
    ("rr_age", _i),  # ticks since the last believed sample
    ("spo2_age", _i),
    ("spo2_same", _i),
    ("co2_same", _i),
    ("co2_age", _i),
    ("bp_age", _i),  # of either pressure
    ("hr_age", _i),
    ("calm", _i),  # ticks since anything withheld rises and boluses alike
    ("jumped", _i),  # 1: a sample of this tick was not believed
    ("lock_resp", _i),  # latched
    ("lock_age", _i),
    ("lock_rate", _i),
    ("lock_cut", _i),  # ticks since the lock last cut the rate
    ("lock_sedation", _i),
    ("warn", _i),
    ("stale", _i),
    ("blind", _i),  # 1: a required signal is twice as old as it may be
    ("escalated", _i),
    (
        "quick_top",
        _i,
    ),  # highest rate that monitored titration allows in this tick; the rate in force where it allows none
    # --- verdict of the last tick
    ("allowed_rate", _i),
    ("allowed_bolus", _i),
    ("binding", _i),  # bit k: invariant k decided the outcome
    ("violations", _i),  # bit k: the raw request broke invariant k
    ("holds", _i),  # bits that withheld rises, and boluses
    ("denies", _i),
    ("fallback", _i),
)

# What sensors, pump and clinic showed in a tick, before anybody made integers of it; NaN for a missing sample.
RAW = _dtype(
    ("rr", _f),  # 1/min
    ("spo2", _f),  # %
    ("co2", _f),  # end-tidal, mmHg
    ("sbp", _f),  # mmHg
    ("map", _f),
    ("hr", _f),  # 1/min
    ("poss", _f),  # last observed scores
    ("weakness", _f),
    ("confusion", _f),
    ("nrs_mean", _f),  # mean report of the last day
    ("nrs_age_h", _f),  # age of the last report
    ("clock_h", _f),  # wall clock of the patient's day
    ("present", _f),  # 1: a called clinic is there
    ("confirms", _f),  # 1: a clinician confirmed what is asked for
    ("estimated_ml", _f),  # from here on what the pump's telemetry shows
    ("age_h", _f),
    ("fill_h", _f),  # pump time of the last fill
    ("residual", _f),  # of the last refill, share of the infused volume
    ("alarms", _f),
    ("halt", _f),
    ("mode", _f),
    ("rate_nl", _f),  # programmed, nL per tick
    ("commanded_ml", _f),  # the pump's own count since its start
    ("bolus_left_nl", _f),
    ("clock_offset_h", _f),
    ("prime_left_nl", _f),
    ("taken_nl", _f),  # bolus of the last command that the pump took
    ("number", _f),  # of that command, as the pump reads it back
    ("sent", _f),  # number of the last command that was sent
    ("token", _f),  # 1: somebody acted with a clinician's token
)

# One row of the audit trail: who asked for what, what was seen and known, what ran. The auditor reads nothing else.
TRAIL_ROW = _dtype(
    ("patient", _i),  # the patient's number over all splits
    ("tick", _i),  # of the episode
    ("mode", _i),  # ShieldMode of the limits that ran
    ("prev_rate", _i),  # in force before, nL per tick
    ("request", _i),  # as it reached the shield, nL per tick and nL
    ("bolus_request", _i),
    ("valid", _i),
    ("rate", _i),  # allowed
    ("bolus", _i),
    ("binding", _i),
    ("violations", _i),
    ("fallback", _i),
    ("received", SHIELD_INPUT),
    ("raw", RAW),
)
