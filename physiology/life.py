"""Events of a life: when they come, how they rise and fade, and what they change in the patient now.

Of each kind one event is there at a time, and the next is drawn when it is over (a kind that stays, when it has risen). Draws
are keyed by patient, kind and number, never by a tick or by what a policy did, so every policy meets the same events on the same
days. An event rises in a line, stays, and fades in a line; what several change adds up, factors on the log scale.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.rng import STREAM_LIFE, normal_quantile, uniforms
from thecal.physiology.life_records import FIRST_FACTOR, N_KINDS, N_LEVERS


@kernel
def envelope(since_h, rise_h, until_h, fade_h):
    """Share (0-1) of an event ``since_h`` after its onset: a rise, a plateau up to ``until_h`` after the onset, a fade."""
    up = min(1.0, max(0.0, since_h / rise_h))
    return up if since_h <= until_h else up * max(0.0, 1.0 - (since_h - until_h) / fade_h)


@kernel
def _draw(par, seed, patient, life, k, after_h):
    """Draw the next event of kind ``k``, which begins no sooner than ``after_h``."""
    kind = par.kind[k]
    n = life.drawn[k]
    a, b, c, d = uniforms(seed, patient, STREAM_LIFE, k + N_KINDS * n)
    onset = math.inf
    if kind.chance > 0.0:
        if n == 0 and a < kind.chance:
            onset = kind.earliest_h + b * (kind.latest_h - kind.earliest_h)
    elif kind.hazard_per_h > 0.0 and n < kind.most:
        onset = max(after_h, kind.earliest_h) - math.log(a) / kind.hazard_per_h
    life.drawn[k] = n + 1
    life.running &= ~(1 << k)
    life.onset_h[k] = onset
    life.until_h[k] = onset + kind.rise_h + kind.length_h * math.exp(kind.length_spread * normal_quantile(d))
    life.severity[k] = c


@kernel
def start_life(par, seed, patient, life):
    """Draw the first event of every kind on the day of the implant."""
    for k in range(N_KINDS):
        _draw(par, seed, patient, life, k, 0.0)


@kernel
def step_life(par, seed, patient, life, t_h):
    """Write what the events change at ``t_h`` after the start; called once in a slow step."""
    life.begun = 0
    life.present = life.settled
    for j in range(N_LEVERS):
        life.lever[j] = life.left[j]
    for k in range(N_KINDS):
        since = t_h - life.onset_h[k]
        if since < 0.0:
            continue
        kind = par.kind[k]
        until = life.until_h[k] - life.onset_h[k]
        share = envelope(since, kind.rise_h, until, kind.fade_h)
        life.present |= 1 << k
        if life.running >> k & 1 == 0:
            life.running |= 1 << k
            life.begun |= 1 << k
        for j in range(N_LEVERS):
            size = share * (kind.low[j] + life.severity[k] * (kind.high[j] - kind.low[j]))
            life.lever[j] += size
            if until == math.inf and share >= 1.0:
                life.left[j] += size
        if until == math.inf and share >= 1.0:
            life.settled |= 1 << k
            _draw(par, seed, patient, life, k, life.onset_h[k] + kind.rise_h)
        elif since >= until + kind.fade_h:
            _draw(par, seed, patient, life, k, life.until_h[k] + kind.fade_h)
    for j in range(FIRST_FACTOR, N_LEVERS):
        life.lever[j] = math.expm1(life.lever[j])
