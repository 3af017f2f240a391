"""Well-treated time: the hours in which the goal is met and no harm is felt, and the one reason for every hour that is lost.

Two-sided on purpose: relief that is paid for with sedation, breathing, withdrawal, nausea, confusion or weak legs does not count,
and neither does safety without relief. A task is about pain or about spasticity, and each has a goal of its own; that of pain is
mild pain (NRS 0-3) or, where a task says so, also a pain that has fallen by a share of what it was at the implant.
"""

from __future__ import annotations

import numpy as np

from thecal.core.jit import kernel
from thecal.physiology.breathing import is_depressed
from thecal.physiology.harm import OVERSEDATED_POSS

CONTROLLED_NRS = 3.0
WITHDRAWAL_LEVEL = 0.3
NAUSEA_BOUND = 4.0  # of 10

# Scores counted from 1 (none) to 5, and spasms 0-4. Engineering choices, beside what infusion reaches in a mean patient:
# Ashworth 3.9 -> 1.7 and spasms 3.1 -> 1.0 (Coffey 1993, J Neurosurg 78:226). A spasm score of 1 is spasms on stimulation only.
GOAL_ASHWORTH = 2.0
GOAL_SPASM = 1.0
# Engineering choice: from here on an observer scores the block 3 of 4 (see reports), legs that bear no longer. Lower it cannot
# lie: in the model the same receptors of the cord free a leg and weaken it, and a typical patient at the goal is at 0.5.
WEAKNESS_BOUND = 0.625
# Of a cognitive effect (ziconotide's, above all) already the score 2 of 4: moderate confusion is a reason to lower the drug.
CONFUSION_BOUND = 0.375

GOALS = ("pain", "spasticity")
PAIN, SPASTICITY = range(len(GOALS))
# Why an hour alive is not well treated, the gravest first: an hour with several reasons counts under the first of them, so that
# well-treated time, these and the time after death add up to the horizon. Harm stands before the goals: what is lost to a goal is
# time in which a larger dose would have been the only thing wanting. Of the two goals only the task's own counts.
LOSSES = ("breathing", "sedation", "withdrawal", "confusion", "weakness", "nausea", "pain", "spasticity")
LOSS_RECORD = np.dtype([(name, np.float64) for name in LOSSES], align=True)


def goal_nrs(pain_base: float, relief: float | None) -> float:
    """The most pain (NRS) at which the goal of a task about pain is met.

    Args:
        pain_base: pain at the implant without intrathecal drug, NRS.
        relief: share of it whose loss is as good as mild pain; None where only mild pain counts.
    """
    return CONTROLLED_NRS if relief is None else max(CONTROLLED_NRS, (1.0 - relief) * pain_base)


@kernel
def _at_goal(patient, task):
    if task.goal == SPASTICITY:
        return patient.ashworth <= GOAL_ASHWORTH and patient.spasm <= GOAL_SPASM
    return patient.pain <= task.goal_nrs


@kernel
def count_well(patient, task, dt, out):
    """Add one tick of a patient who lives to the well-treated hours, or to those lost to the first reason there is.

    Args:
        patient: PATIENT_STATE record.
        task: TASK_PAR record.
        dt: length of the tick, h.
        out: STEP_OUT record.
    """
    if is_depressed(patient):
        out.lost.breathing += dt
    elif patient.poss >= OVERSEDATED_POSS:
        out.lost.sedation += dt
    elif patient.withdrawal > WITHDRAWAL_LEVEL:
        out.lost.withdrawal += dt
    elif patient.cognition >= CONFUSION_BOUND:
        out.lost.confusion += dt
    elif patient.motor_block >= WEAKNESS_BOUND:
        out.lost.weakness += dt
    elif patient.nausea >= NAUSEA_BOUND:
        out.lost.nausea += dt
    elif _at_goal(patient, task):
        out.well_h += dt
    elif task.goal == SPASTICITY:
        out.lost.spasticity += dt
    else:
        out.lost.pain += dt


@kernel
def harm_hours(lost):
    """Hours alive that were lost to a harm rather than to a goal that was missed."""
    return lost.breathing + lost.sedation + lost.withdrawal + lost.confusion + lost.weakness + lost.nausea
