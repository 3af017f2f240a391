"""Plug flow through the catheter: fluid leaves the tip in the order it entered at the pump, one dead volume later.

The catheter holds a queue of slugs, each a volume with one concentration per drug; slug 0 lies at the tip. Volume in
equals volume out, unless a block holds fluid back under pressure. A change of drug or concentration therefore reaches
the patient after dead volume / flow, and until then the old drug is pushed in at the new rate.
"""

from __future__ import annotations

from thecal.core.jit import kernel
from thecal.core.layout import MAX_DRUGS
from thecal.devices.records import N_SLUGS


@kernel
def _holds_reservoir_fluid(state, k):
    """Whether slug ``k`` has exactly the reservoir's concentrations."""
    same = True
    for d in range(MAX_DRUGS):
        same = same and state.slug_conc[k, d] == state.conc[d]
    return same


@kernel
def _difference(state, k):
    """How unlike slugs ``k`` and ``k + 1`` are: relative difference of concentration, summed over the drugs."""
    total = 0.0
    for d in range(MAX_DRUGS):
        both = state.slug_conc[k, d] + state.slug_conc[k + 1, d]
        if both > 0.0:
            total += abs(state.slug_conc[k, d] - state.slug_conc[k + 1, d]) / both
    return total


@kernel
def _move(state, source, target):
    state.slug_ml[target] = state.slug_ml[source]
    for d in range(MAX_DRUGS):
        state.slug_conc[target, d] = state.slug_conc[source, d]


@kernel
def _make_room(state):
    """Merge the two neighbors that are most alike (the oldest of equals); the mass of each drug is kept."""
    best = 0
    least = _difference(state, 0)
    for k in range(1, N_SLUGS - 1):
        unlike = _difference(state, k)
        if unlike < least:
            best, least = k, unlike
    volume = state.slug_ml[best] + state.slug_ml[best + 1]
    share = state.slug_ml[best] / volume if volume > 0.0 else 0.5
    for d in range(MAX_DRUGS):
        newer = state.slug_conc[best + 1, d]
        state.slug_conc[best, d] = newer + share * (state.slug_conc[best, d] - newer)
    state.slug_ml[best] = volume
    for k in range(best + 2, N_SLUGS):
        _move(state, k, k - 1)
    state.n_slugs = N_SLUGS - 1


@kernel
def _append(state, volume_ml):
    """Add reservoir fluid at the pump's end, to the newest slug where it is the same fluid."""
    newest = state.n_slugs - 1
    if _holds_reservoir_fluid(state, newest):
        state.slug_ml[newest] += volume_ml
        return
    if state.n_slugs == N_SLUGS:
        _make_room(state)
    newest = state.n_slugs
    state.slug_ml[newest] = volume_ml
    for d in range(MAX_DRUGS):
        state.slug_conc[newest, d] = state.conc[d]
    state.n_slugs = newest + 1


@kernel
def _draw(state, volume_ml, out_ug):
    """Let ``volume_ml`` leave at the tip, oldest fluid first, and add its drug to ``out_ug``."""
    left = volume_ml
    gone = 0
    for k in range(state.n_slugs):
        taken = min(left, state.slug_ml[k])
        for d in range(MAX_DRUGS):
            out_ug[d] += taken * state.slug_conc[k, d]
        state.slug_ml[k] -= taken
        left -= taken
        if state.slug_ml[k] > 0.0 or k == state.n_slugs - 1:
            break
        gone += 1
    if gone > 0:
        for k in range(gone, state.n_slugs):
            _move(state, k, k - gone)
        state.n_slugs -= gone


@kernel
def is_uniform(state):
    """Whether the whole catheter holds the reservoir's fluid, so that what enters equals what leaves."""
    return state.n_slugs == 1 and _holds_reservoir_fluid(state, 0)


@kernel
def push(state, volume_ml, leaving_ml, out_ug):
    """Push ``volume_ml`` of reservoir fluid into the catheter while ``leaving_ml`` leaves at the tip.

    Args:
        state: PUMP_STATE record.
        volume_ml: volume, any size from 0 (more than the dead volume passes straight through), mL.
        leaving_ml: the same volume in an open catheter, mL.
        out_ug: ``[MAX_DRUGS]`` overwritten with the drug that left at the tip, µg.
    """
    for d in range(MAX_DRUGS):
        out_ug[d] = 0.0
    if volume_ml > 0.0:
        _append(state, volume_ml)
    if leaving_ml > 0.0:
        _draw(state, leaving_ml, out_ug)


@kernel
def take_up(state, par, out_ug):
    """The catheter's wall takes up a share of the passing drug until it is saturated."""
    for d in range(MAX_DRUGS):
        room = par.catheter_wall_ug[d] - state.on_catheter_ug[d]
        if room > 0.0 and out_ug[d] > 0.0:
            taken = min(par.catheter_share[d] * out_ug[d], room)
            out_ug[d] -= taken
            state.on_catheter_ug[d] += taken


@kernel
def fluid_mass(state, d):
    """Drug ``d`` in the catheter's fluid, µg."""
    mass = 0.0
    for k in range(state.n_slugs):
        mass += state.slug_ml[k] * state.slug_conc[k, d]
    return mass
