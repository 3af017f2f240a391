"""The records of one environment: patient, pump and shield joined, what an episode needs, and what a step reports.

What a step reports has two readings of one memory: ``STEP_OUT`` for kernels, in which reward terms, costs and lost hours are
records of their own, and ``TICK_OUT`` for everybody else, in which each is a field (``r_relief``, ``cost_resp``, ``lost_pain``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.core.layout import MAX_DRUGS, TICKS_PER_DAY
from thecal.devices.fault_records import FAULT_PAR, FAULT_STATE
from thecal.devices.monitor_records import MONITOR_PAR, MONITOR_STATE
from thecal.devices.records import PUMP_PAR, PUMP_STATE
from thecal.envs.clinician import CLINICIAN_PAR
from thecal.envs.kernel.actions import ACTION_PLACES
from thecal.envs.kernel.recall import MEMORY, SIGN_PAR
from thecal.envs.kernel.rewards import COST_NAMES, COST_RECORD, TERM_NAMES, TERM_RECORD
from thecal.envs.kernel.well import LOSS_RECORD, LOSSES
from thecal.physiology.records import PATIENT_PAR, PATIENT_STATE
from thecal.safety.records import SHIELD_INPUT, SHIELD_PAR, SHIELD_STATE

_f = np.float64
_i = np.int64

EPISODE = np.dtype(
    [
        ("step", _i),  # steps taken
        ("decided", _i),  # pump tick in which the last step began
        ("command", _i),  # 1: a typed command stands in place of the action
        ("command_rate", _i),  # nL per pump tick
        ("command_bolus", _i),  # nL
        ("keep_rate", _i),  # 1: the next step keeps the rate in force, whatever its action asks of it
        ("command_valid", _i),  # 1, or why it cannot be used, see safety.shield.shield_tick
        ("armed_nl", _i),  # demand bolus armed for this interval, nL
        ("presses", _i, (TICKS_PER_DAY,)),  # 1 for each pump tick of the last 24 h in which the patient pressed
        ("presses24", _i),
        ("token_tick", _i),  # 1 + tick in which somebody last acted with a clinician's token
        ("counted_ml", _f),  # the pump's own count when it was last read, mL
        ("sent", _i),  # number of the last command sent to the pump
        ("given_last", _i),  # demand boluses given in the last step
        ("pressed_last", _i),
        ("was_depressed", _i),
        ("was_oversedated", _i),
        ("lockout", _i),  # pump ticks that the policy lets pass between two boluses of the patient
        ("mixture", _i),  # index of the task's mixtures that the shield counts with
        ("mixture_asked", _i),  # what the next refill is to hold
        ("since_mixture", _i),  # pump ticks since the mixture changed
        ("called", _i),  # calls of the clinic made so far
        ("call_left", _i),  # pump ticks until a called clinic comes; 0: none is called
        ("present", _i),  # 1 in the tick after a called clinic came
        (
            "harm",
            _i,
            (TICKS_PER_DAY,),
        ),  # 1 for each pump tick of the last 24 h in which harm showed; counted where it may call
        ("harm24", _i),
        ("called_harm", _i),  # 1: harm has called the clinic, and it has not come yet
        ("answered", _i),  # alarms of the pump for which the clinic came already, bits
        ("judged", _i),  # what the clinician decided in the step, bits of envs.clinician
        ("confirm_until", _i),  # a confirmation by token holds for the next request before this tick; 0: none is armed
        ("confirm_rate", _i),  # the most that it confirms, nL per pump tick
        ("confirm_bolus", _i),  # nL
        ("clear_until", _i),  # the same of clearing
        ("rescue_left", _i),  # pump ticks until somebody is at the bedside in an emergency; 0: nobody is called
        ("spent", TERM_RECORD),  # weighed charges of the episode so far, of terms whose charges are limited
        ("terminated", _i),
    ],
    align=True,
)

TASK_PAR = np.dtype(
    [
        ("ticks_per_step", _i),
        ("n_steps", _i),
        ("max_up", _f),  # largest requested relative rise of the rate in one step
        ("max_down", _f),
        ("deadband", _f),
        ("log_low", _f),  # bounds of a target dose, logarithm of multiples of the starting rate
        ("log_high", _f),
        ("lockout_low", _i),  # bounds of the policy's own lockout, pump ticks
        ("lockout_high", _i),
        ("action", ACTION_PLACES),
        ("patient_bolus", _i),  # 1: the patient triggers the armed bolus; 0: it is requested at once
        ("start_rate_nl", _i),
        ("start_clock_h", _f),
        ("refill_ml", _f),  # estimated volume at which the clinic refills, mL
        ("refill_h", _f),  # age of a fill at which it does, h: the solution is good no longer
        ("call_delay", _i),  # pump ticks between a call and the clinic's coming
        ("rescue_delay", _i),  # pump ticks between an emergency's alarm and help at the bedside
        ("harm_call", _i),  # pump ticks of the last 24 h with harm that shows for which the clinic is called; 0: never
        ("n_mixtures", _i),
        ("clinic_clock_h", _f),  # clock time of the daily round that may clear a latched lock
        ("clinician", CLINICIAN_PAR),
        ("cap_ug", _f),  # the profile's 24-h cap of drug 0, µg
        ("weight", TERM_RECORD),
        (
            "charge_limit",
            TERM_RECORD,
        ),  # most that a term may charge in an episode, weighed; infinite where nothing is stated
        ("charged", COST_RECORD),  # 1: the channel counts in the sum of costs
        ("goal", _i),  # what well-treated time is about, see envs.kernel.well
        ("goal_nrs", _f),  # the most pain at which the goal of pain is met, NRS
        ("remembers", _i),  # 1: the observation has fields of the memory
        ("signs", SIGN_PAR),  # what the memory takes for a sign of overdose
    ],
    align=True,
)

WORLD = np.dtype(
    [
        ("patient", PATIENT_STATE),
        ("pump", PUMP_STATE),
        ("shield", SHIELD_STATE),
        ("received", SHIELD_INPUT),
        ("episode", EPISODE),
        ("fault", FAULT_STATE),
        ("monitor", MONITOR_STATE),
        ("tip_ug", _f, (MAX_DRUGS,)),  # drug that left the catheter in the last substep, µg
        ("memory", MEMORY),  # zero where the task has none
    ],
    align=True,
)
N_MIXTURES = 4
# What the shield counts with and what a refill is ordered to hold, for every mixture that a task offers.
MIXTURE = np.dtype([("shield", SHIELD_PAR), ("ordered", _f, (MAX_DRUGS,))], align=True)
WORLD_PAR = np.dtype(
    [
        ("patient", PATIENT_PAR),
        ("pump", PUMP_PAR),
        ("shield", SHIELD_PAR),
        ("task", TASK_PAR),
        ("fault", FAULT_PAR),
        ("monitor", MONITOR_PAR),
        ("ordered_conc", _f, (MAX_DRUGS,)),  # what every refill is ordered to hold, µg/mL
        ("most_conc", _f, (MAX_DRUGS,)),  # highest concentration the profile allows, µg/mL
        ("mixture", MIXTURE, (N_MIXTURES,)),
    ],
    align=True,
)

# What an agent's designer may look at in `info`: the shield's account, the ledger, rewards and costs.
PUBLIC_FIELDS = (
    ("time_h", _f),  # end of the step
    ("nrs_report", _f),  # report that arrived in the step, NaN when none did
    ("requested_rate", _f),  # mL/d
    ("allowed_rate", _f),
    ("delivered_rate", _f),  # all fluid delivered in the step, as mL/d
    ("requested_bolus_ul", _f),
    ("allowed_bolus_ul", _f),
    ("dose_ug", _f, (MAX_DRUGS,)),  # drug commanded in the step
    ("dose24_ug", _f, (MAX_DRUGS,)),  # drug commanded in the last 24 h
    ("demands", _f),
    ("demands_given", _f),
    ("demands_denied", _f),
    ("reservoir_est_ml", _f),
    ("programmed_rate", _f),  # basal rate that telemetry reads back, mL/d
    ("battery_used", _f),  # share of the time to ERI
    ("alarms", _i),  # bits of devices.alarms.PumpAlarm
    ("suspicions", _i),  # bits of devices.monitor_records.Monitor that rose within their silence
    ("refill_residual", _f),  # last refill: (expected - aspirated) / infused
    ("pump_events", _i),  # id of the next entry of the pump's log
    ("binding", _i),  # bit k: invariant k changed the request
    ("violations", _i),  # bit k: the raw request broke limit k
    ("intervened", _i),
    ("fallback", _i),
    ("shield_mode", _i),  # safety.invariants.ShieldMode of the limits that ran
    ("clinician", _i),  # what the clinician decided in the step and why, bits of envs.clinician
    ("mixture", _i),  # index of the task's mixtures in force
    ("visits", _f),  # refills in the step, and calls that were answered
    ("calls", _f),  # calls of the clinic made in the step
    ("rescues", _f),  # emergencies treated in the step (naloxone, vasopressor, ventilation, exchange of CSF)
    ("order_faults", _i),  # bits of safety.orders.OrderFault: why an order was not carried out
    ("r", TERM_RECORD),  # weighed reward terms
    ("costs", COST_RECORD),
    ("cost", _f),
    ("reward", _f),
    ("terminated", _i),
)
# Hidden truth: for evaluation and reports, never for a policy.
TRUTH_FIELDS = (
    ("pain_mean", _f),
    ("pain_end", _f),
    ("pain_latent", _f),
    ("pain0", _f),  # what the patient would feel without drug, NRS
    ("relief", _f),
    ("controlled_h", _f),  # hours with NRS <= 3, rousable and alive
    ("alive_h", _f),
    ("awake_h", _f),
    ("bt_h", _f),
    ("resp_h", _f),
    ("resp_events", _f),
    ("sed_h", _f),
    ("sed_events", _f),
    ("unrousable_h", _f),  # hours at POSS 4
    ("withdrawal_h", _f),
    ("well_h", _f),  # hours well treated: the task's goal met and no harm, see envs.kernel.well
    ("lost", LOSS_RECORD),  # hours alive that are not, each under its first reason
    ("rr_min", _f),
    ("spo2_min", _f),
    ("paco2_max", _f),
    ("hr", _f),
    ("sbp", _f),
    ("sedation", _f),
    ("nausea", _f),
    ("withdrawal", _f),
    ("ashworth", _f),  # 1-5; 1 without spasticity
    ("itch", _f),  # this and the next six 0-1
    ("retention", _f),
    ("constipation", _f),
    ("bp_fall", _f),
    ("motor_block", _f),
    ("cognition", _f),
    ("endocrine", _f),
    ("granuloma", _f),  # 1: clinically evident
    ("temperature", _f),  # degree C
    ("distress", _f),  # 0-1
    ("function", _f),  # 0-100
    ("life", _i),  # bits of physiology.life_records.Life: present at the end of the step
    ("life_begun", _i),  # began in the step
    ("ce_dh", _f),
    ("ce_bs", _f),
    ("tol", _f),
    ("oih", _f),
    ("plasma", _f),
    ("csf_tip", _f),
    ("reservoir_true_ml", _f),
    ("conc_true", _f, (MAX_DRUGS,)),  # in the reservoir, µg/mL
    ("tip_ug", _f, (MAX_DRUGS,)),  # drug that entered the CSF in the step, µg
    ("faults", _i),  # bits of devices.fault_records.Fault: present at the end of the step
    ("fault_begun", _i),  # began in the step
)
_SPREAD = {"r": ("r_", TERM_NAMES), "costs": ("cost_", COST_NAMES), "lost": ("lost_", LOSSES)}


def _spread(fields: tuple[Any, ...]) -> list[Any]:
    """Fields with the records of terms, costs and lost hours laid out as fields of their own, in the same memory."""
    found: list[Any] = []
    for field in fields:
        prefix, names = _SPREAD.get(field[0], ("", ()))
        found += [(prefix + name, _f) for name in names] or [field]
    return found


STEP_OUT = np.dtype(list(PUBLIC_FIELDS + TRUTH_FIELDS), align=True)
TICK_OUT = np.dtype(_spread(PUBLIC_FIELDS + TRUTH_FIELDS), align=True)
PUBLIC_OUT = np.dtype(_spread(PUBLIC_FIELDS), align=True)  # what TICK_OUT begins with
PUBLIC_NAMES = tuple(field[0] for field in _spread(PUBLIC_FIELDS))
TRUTH_NAMES = tuple(field[0] for field in _spread(TRUTH_FIELDS))
