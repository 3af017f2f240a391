"""Counter-based random numbers (Philox4x32-10), keyed by (seed, patient, stream, tick).

A draw depends on nothing but its key, so a patient's disturbances, sensor noise and demand do not change with the action,
the batch or the number of threads. Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11;
the tests hold it to that paper's known-answer vectors.
"""

from __future__ import annotations

import math

import numpy as np

from thecal.physiology.jit import kernel

STREAM_DISTURBANCE = 1
STREAM_SENSOR_A = 2
STREAM_SENSOR_B = 3
STREAM_SENSOR_C = 4
STREAM_REPORT = 5

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_TO_UNIT = 1.0 / 4294967296.0


@kernel
def philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Ten rounds of Philox4x32: four counter words and two key words (uint64 holding 32 bits) to four words."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _SHIFT) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _SHIFT) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@kernel
def uniforms(seed, patient, stream, tick):  # type: ignore[no-untyped-def]
    """Four independent uniforms in (0, 1) for one key."""
    a, b, c, d = philox(
        np.uint64(tick) & _LOW,
        np.uint64(stream),
        np.uint64(patient) & _LOW,
        np.uint64(patient) >> _SHIFT,
        np.uint64(seed) & _LOW,
        np.uint64(seed) >> _SHIFT,
    )
    return (
        (float(a) + 0.5) * _TO_UNIT,
        (float(b) + 0.5) * _TO_UNIT,
        (float(c) + 0.5) * _TO_UNIT,
        (float(d) + 0.5) * _TO_UNIT,
    )


@kernel
def box_muller(u, v):  # type: ignore[no-untyped-def]
    """Two independent standard normals from two uniforms in (0, 1)."""
    radius = math.sqrt(-2.0 * math.log(u))
    angle = 2.0 * math.pi * v
    return radius * math.cos(angle), radius * math.sin(angle)


@kernel
def normals(seed, patient, stream, tick):  # type: ignore[no-untyped-def]
    """Four independent standard normals for one key."""
    a, b, c, d = uniforms(seed, patient, stream, tick)
    w, x = box_muller(a, b)
    y, z = box_muller(c, d)
    return w, x, y, z
