"""Random effects of patients: keyed draws, truncated without rejection, and correlated as one file states.

A draw depends on (cohort seed, patient identity, name of the parameter) only, so a patient is the same in any cohort, order
or batch.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thecal.core.distributions import truncated_normal
from thecal.core.errors import ParameterError
from thecal.core.jit import kernel
from thecal.core.parameters import ParameterFile, Quantity
from thecal.core.rng import normals, uniforms
from thecal.core.units import factor

Floats = NDArray[np.float64]


@kernel
def _fill(seed, patients, stream, normal, out):
    for i in range(patients.shape[0]):
        if normal:
            out[i] = normals(seed, patients[i], stream, 0)[0]
        else:
            out[i] = uniforms(seed, patients[i], stream, 0)[0]


@kernel
def _fill_shared(seed, patients, streams, lower, out):
    # Added up term by term, so that a patient's sum does not depend on the number of patients.
    effects = streams.shape[0]
    free = np.empty(effects)
    for i in range(patients.shape[0]):
        for j in range(effects):
            free[j] = normals(seed, patients[i], streams[j], 0)[0]
        for j in range(effects):
            total = 0.0
            for k in range(j + 1):
                total += lower[j, k] * free[k]
            out[j, i] = total


class Sampler:
    """Draws of one cohort: standard normals and uniforms by name, for the patients given at construction.

    Args:
        seed: of the cohort.
        patients: identities, ``[B]`` uint64.
        names: effects that share the correlation matrix, in its order.
        correlation: ``[len(names), len(names)]``.
    """

    def __init__(
        self, seed: int, patients: NDArray[np.uint64], names: Sequence[str] = (), correlation: Floats | None = None
    ) -> None:
        self._seed = np.uint64(seed)
        self._patients = patients
        self._shared: dict[str, Floats] = {}
        if names and correlation is not None:
            streams = np.array([_stream(name) for name in names])
            out = np.empty((len(names), len(patients)))
            _fill_shared(self._seed, patients, streams, np.linalg.cholesky(correlation), out)
            self._shared = dict(zip(names, out, strict=True))

    def normal(self, name: str) -> Floats:
        """Standard normal draws ``[B]`` of the effect ``name`` (correlated where the matrix holds it)."""
        return self._shared[name] if name in self._shared else self._draw(name, normal=True)

    def uniform(self, name: str) -> Floats:
        """Uniform draws ``[B]`` in (0, 1) for ``name``."""
        return self._draw(name, normal=False)

    def quantity(self, quantity: Quantity, name: str, unit: str) -> Floats:
        """Values ``[B]`` of a quantity in ``unit``; its median (log-normal) or mean where it has no spread."""
        if quantity.distribution is None:
            return np.full(len(self._patients), quantity.to(unit))
        scale = factor(quantity.unit, unit)
        z = self.normal(name)
        if quantity.distribution == "uniform":
            low, high = quantity.range or (quantity.value, quantity.value)
            return scale * (low + (high - low) * uniform_of(z))
        if quantity.distribution == "lognormal":
            spread = math.sqrt(math.log1p(_relative(quantity) ** 2))
            if quantity.range is not None and spread > 0:
                low, high = (math.log(edge / quantity.value) / spread if edge > 0 else -9.0 for edge in quantity.range)
                z = truncated_normal(z, low, high)
            return np.asarray(scale * quantity.value * np.exp(spread * z))
        spread = quantity.sd if quantity.sd is not None else abs(quantity.value) * (quantity.cv or 0.0)
        if quantity.range is not None and spread > 0:
            z = truncated_normal(z, *((edge - quantity.value) / spread for edge in quantity.range))
        return np.asarray(scale * (quantity.value + spread * z))

    def _draw(self, name: str, *, normal: bool) -> Floats:
        out = np.empty(len(self._patients))
        _fill(self._seed, self._patients, _stream(name), normal, out)
        return out


def _stream(name: str) -> int:
    return zlib.crc32(name.encode())


def uniform_of(z: Floats) -> Floats:
    """Standard normal draws as uniform ones, by the normal distribution function."""
    return np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z])


def _relative(quantity: Quantity) -> float:
    return quantity.cv if quantity.cv is not None else (quantity.sd or 0.0) / quantity.value


def correlation_matrix(file: ParameterFile, names: Sequence[str]) -> Floats:
    """The matrix of a file of pairs ``a__b``.

    Raises:
        ParameterError: a pair names an unknown effect, one effect twice or a pair already given, or the matrix is not
            positive definite.
    """
    matrix = np.eye(len(names))
    given: dict[frozenset[str], str] = {}
    for key in file:
        first, _, second = key.removeprefix("pair.").partition("__")
        for name in (first, second):
            if name not in names:
                raise ParameterError(f"{file.path}: {key}: {name!r} is not one of {', '.join(names)}")
        if first == second:
            raise ParameterError(f"{file.path}: {key}: an effect correlates with itself by 1")
        pair = frozenset((first, second))
        if pair in given:
            raise ParameterError(f"{file.path}: {key}: already given as {given[pair]}")
        given[pair] = key
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = file.get_in(key, "dimensionless", minimum=-1.0, maximum=1.0)
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest <= 1e-9:
        raise ParameterError(
            f"{file.path}: pair: the correlations are not positive definite (smallest eigenvalue {smallest:.3g})"
        )
    return matrix
