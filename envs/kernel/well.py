"""Well-treated time: the hours in which pain is at its goal and no harm is felt, and the one reason for every hour that is lost.

Two-sided on purpose: relief that is paid for with sedation, breathing, withdrawal or nausea does not count, and neither does
safety without relief. The goal is that of a task about pain; a task about spasticity needs a goal of its own here.
"""

from __future__ import annotations

import numpy as np

from thecal.core.jit import kernel
from thecal.physiology.breathing import is_depressed
from thecal.physiology.harm import OVERSEDATED_POSS

CONTROLLED_NRS = 3.0
WITHDRAWAL_LEVEL = 0.3
NAUSEA_BOUND = 4.0  # of 10

# Why an hour alive is not well treated, the gravest first: an hour with several reasons counts under the first of them, so that
# well-treated time, these and the time after death add up to the horizon. Harm stands before pain: what is lost to pain is time
# in which a larger dose would have been the only thing wanting.
LOSSES = ("breathing", "sedation", "withdrawal", "nausea", "pain")
LOSS_RECORD = np.dtype([(name, np.float64) for name in LOSSES], align=True)


@kernel
def count_well(patient, dt, out):
    """Add one tick of a patient who lives to the well-treated hours, or to those lost to the first reason there is."""
    if is_depressed(patient):
        out.lost.breathing += dt
    elif patient.poss >= OVERSEDATED_POSS:
        out.lost.sedation += dt
    elif patient.withdrawal > WITHDRAWAL_LEVEL:
        out.lost.withdrawal += dt
    elif patient.nausea >= NAUSEA_BOUND:
        out.lost.nausea += dt
    elif patient.pain > CONTROLLED_NRS:
        out.lost.pain += dt
    else:
        out.well_h += dt
