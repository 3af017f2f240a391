"""Counter-based random numbers (Philox4x32-10), keyed by (seed, patient, stream, tick).

A draw depends on nothing but its key, so a patient's disturbances, sensor noise and demand do not change with the action,
the batch or the number of threads. Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11;
the tests hold it to that paper's known-answer vectors.
"""

from __future__ import annotations

import math

import numpy as np

from thecal.core.jit import kernel

STREAM_DISTURBANCE = 1
STREAM_SENSOR_A = 2
STREAM_SENSOR_B = 3
STREAM_REPORT = 4
STREAM_DEVICE = 5
STREAM_HARM = 6
STREAM_DRIFT_A = 7
STREAM_DRIFT_B = 8
STREAM_FAULT = 9
STREAM_FAULT_SIZE = 10
STREAM_KINK = 11
STREAM_REFILL = 12
STREAM_BODY = 13
STREAM_LIFE = 14

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_TO_UNIT = 1.0 / 4294967296.0
SLICE = 65536.0
_HALF_STEP = 0.5 / SLICE


@kernel
def philox(c0, c1, c2, c3, k0, k1):
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
def uniforms(seed, patient, stream, tick):
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
def normal_quantile(p):
    """Standard normal quantile of ``p`` in (0, 1) to seven digits: algorithm AS 241 (PPND7), Wichura 1988, Appl Stat 37:477."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
        return q * top / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        top = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777
        z = top / ((0.12021132975 * r + 0.73700164250) * r + 1.0)
    else:
        r -= 5.0
        top = ((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150
        z = top / ((0.012258202635 * r + 0.24197894225) * r + 1.0)
    return z if q > 0.0 else -z


@kernel
def normal_pair(u):
    """Two standard normals from one uniform of 32 bits, 16 bits each (so within 4.2 SD)."""
    scaled = u * SLICE
    high = math.floor(scaled)
    return normal_quantile((high + 0.5) / SLICE), normal_quantile(min(scaled - high + _HALF_STEP, 1.0 - _HALF_STEP))


@kernel
def normals(seed, patient, stream, tick):
    """Four independent standard normals for one key."""
    a, b, c, d = uniforms(seed, patient, stream, tick)
    return normal_quantile(a), normal_quantile(b), normal_quantile(c), normal_quantile(d)
