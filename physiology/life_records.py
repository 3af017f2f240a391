"""Events of a life by name, the levers they move, and the records of what may happen, what does, and what it changes.

Every lever is 0 where nothing happens: an amount is added to what stands, and a factor is held as its distance from 1.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from thecal.physiology.drug_records import dtype


class Life(IntEnum):
    """What happens beside the pump and makes a dose wrong."""

    SEDATIVE = 0  # a benzodiazepine or gabapentinoid that somebody else prescribed
    RENAL_DECLINE = 1
    INFECTION = 2  # of chest or bladder, not of the implant
    DEHYDRATION = 3
    REMISSION = 4  # after radiotherapy, for example
    PROGRESSION = 5
    ORAL_STOP = 6  # the oral opioid that went on beside the pump is withdrawn
    APNEA = 7  # nights of it


class Lever(IntEnum):
    """What an event changes in the patient; amounts first, then factors."""

    PAIN = 0  # nociceptive drive, NRS
    APNEA = 1  # share of the drive that sleep takes
    PRESSURE = 2  # share of blood pressure that is lost
    GRADIENT = 3  # alveolar-arterial O2 difference, mmHg
    TEMPERATURE = 4  # degree C
    HEART_RATE = 5  # beats/min
    ANALGESIA = 6  # sensitivity to the drug in the cord
    CENTRAL = 7  # sensitivity of breathing and wakefulness to the drug
    RENAL = 8  # renal function
    SPASTICITY = 9  # demand before drug


LIFE_NAMES = tuple(kind.name.lower() for kind in Life)
LEVER_NAMES = tuple(lever.name.lower() for lever in Lever)
N_KINDS = len(LIFE_NAMES)
N_LEVERS = len(LEVER_NAMES)
FIRST_FACTOR = int(Lever.ANALGESIA)

_f = np.float64
_i = np.int64
_kinds = (N_KINDS,)
_levers = (N_LEVERS,)

KIND_PAR = dtype(
    ("hazard_per_h", _f),  # while none of its kind is there; 0: none comes by hazard
    ("chance", _f),  # of one that comes once or never; 0: it comes by hazard
    ("earliest_h", _f),  # nothing of the kind begins before
    ("latest_h", _f),  # one that comes by chance begins evenly between the two
    ("most", _i),  # of them in one episode
    ("rise_h", _f),
    ("length_h", _f),  # median time between rise and fade; infinite: it stays
    ("length_spread", _f),  # standard deviation of the logarithm of it
    ("fade_h", _f),
    ("low", _f, _levers),  # size between the two, by the event's severity; of a factor its logarithm
    ("high", _f, _levers),
)
LIFE_PAR = dtype(
    ("on", _i),  # 0: nothing of this is looked at
    ("kind", KIND_PAR, _kinds),
)
LIFE_STATE = dtype(
    ("present", _i),  # bit k: an event of kind k is there, or has left something for good
    ("begun", _i),  # bit k: one began in the last hour
    ("running", _i),  # bit k: the event that was drawn last has begun
    ("settled", _i),  # bit k: one has left something for good
    ("drawn", _i, _kinds),  # events drawn so far, the coming one with them
    ("onset_h", _f, _kinds),  # of the present or coming one; infinite: none will come
    ("until_h", _f, _kinds),  # when it begins to fade
    ("severity", _f, _kinds),  # 0-1
    ("left", _f, _levers),  # what events have left for good; of a factor its logarithm
    ("lever", _f, _levers),  # what all change now
)
