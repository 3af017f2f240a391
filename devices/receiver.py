"""What reaches the pump from afar and at the bedside: numbered commands that act once, taking back, a clinician's stop."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.devices.alarms import PumpEvent, note
from thecal.devices.program import cancel_bolus, command, takes
from thecal.devices.records import STOPPED

_REPEATED, _CANCELED, _CLINIC_STOP = int(PumpEvent.REPEATED), int(PumpEvent.BOLUS_CANCELED), int(PumpEvent.CLINIC_STOP)


@kernel
def receive(state, par, number, rate_nl, bolus_nl):
    """A numbered command: :func:`command`, but a number that is not newer than the last one taken does nothing.

    What is repeated on its way, or arrives after a later one, is noted and not run. What the pump refuses leaves its number
    as it was, so that whoever reads it back sees that the command did not run.
    """
    if number <= state.number:
        note(state, _REPEATED, float(number), float(state.number))
        return
    if takes(state, par, rate_nl) and 0 <= bolus_nl < math.inf:
        _, state.taken_nl = command(state, par, rate_nl, bolus_nl)
        state.number = number


@kernel
def take_back(state, par):
    """Stop what runs beside the basal rate: a bolus or a prime that nobody wants; refused as any command is."""
    if takes(state, par, 0):
        cancel_bolus(state)
        if state.prime_left_nl > 0.0:
            note(state, _CANCELED, state.prime_left_nl, 0.0)
            state.prime_left_nl = 0.0


@kernel
def stop_by_clinic(state, par):
    """A clinician stops the pump at the bedside; no command runs before a clinician's reset."""
    if par.rate_adjustable == 1:
        take_back(state, par)
        state.rate_nl = 0
        state.mode = STOPPED
        state.latched = 1
        note(state, _CLINIC_STOP, 0.0, 0.0)
