"""Random numbers: the published vectors of Philox, and the independence that paired comparison rests on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from thecal.core.rng import normal_quantile, normals, philox, uniforms

# Known-answer vectors of the Random123 distribution (kat_vectors, philox4x32-10): counter, key, output.
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_philox_gives_the_published_answers(counter, key, expected):
    words = philox(*(np.uint64(value) for value in counter + key))
    assert tuple(int(word) for word in words) == expected


def test_draws_are_uniform_and_normal():
    u = np.array([uniforms(1, 2, 3, tick) for tick in range(20_000)]).ravel()
    z = np.array([normals(1, 2, 3, tick) for tick in range(20_000)]).ravel()
    assert u.min() > 0.0
    assert u.max() < 1.0
    n = u.size
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / n)
    assert abs(np.histogram(u, 20, (0, 1))[0] / n - 0.05).max() < 4 * np.sqrt(0.05 * 0.95 / n)
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.var() - 1.0) < 4 * np.sqrt(2 / n)


@pytest.mark.parametrize("changed", range(4))
def test_every_part_of_the_key_matters(changed):
    key = [5, 6, 7, 8]
    other = list(key)
    other[changed] += 1
    a = np.array([uniforms(key[0], key[1], key[2], key[3] + 2 * t) for t in range(500)]).ravel()
    b = np.array([uniforms(other[0], other[1], other[2], other[3] + 2 * t) for t in range(500)]).ravel()
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


def test_high_words_of_seed_and_patient_matter():
    assert uniforms(1, 2, 3, 4) != uniforms(1 + 2**40, 2, 3, 4)
    assert uniforms(1, 2, 3, 4) != uniforms(1, 2 + 2**40, 3, 4)


def test_the_normal_quantile_is_accurate_to_seven_digits():
    p = np.concatenate((np.linspace(1e-6, 1 - 1e-6, 4001), 2.0 ** -np.arange(8, 34), 1 - 2.0 ** -np.arange(8, 34)))
    found = np.array([normal_quantile(x) for x in p])
    assert np.max(np.abs(found - ndtri(p)) / np.maximum(1.0, np.abs(ndtri(p)))) < 1e-6
