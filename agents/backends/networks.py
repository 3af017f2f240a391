"""Networks of full layers at work, made of stored weights whose shapes are checked before memory is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import StoreError
from thecal.core.extras import importing


def import_torch() -> Any:
    """Torch.

    Raises:
        MissingExtraError: it is not installed.
    """
    with importing("a learned policy", "train"):
        import torch
    return torch


def full_layers(
    keys: Sequence[str], sizes: Sequence[int], activation: str, last: Any, weights: Mapping[str, NDArray[Any]]
) -> Any:
    """A ``torch.nn.Sequential`` of full layers, ready to act.

    Args:
        keys: names of the layers in ``weights``, input first; each has a ``weight`` and a ``bias``.
        sizes: of input, hidden layers and output; one more than there are keys.
        activation: ``"tanh"`` or ``"relu"``, between the layers.
        last: module after the last layer; None for none.
        weights: by name.

    Raises:
        StoreError: a layer is missing or has the wrong shape.
        MissingExtraError: Torch is not installed.
    """
    torch = import_torch()
    nn = torch.nn
    shapes = list(zip(keys, sizes[1:], sizes[:-1], strict=True))
    for key, rows, columns in shapes:  # all of them before the first layer takes memory
        for part, shape in ((f"{key}.weight", (rows, columns)), (f"{key}.bias", (rows,))):
            value = weights.get(part)
            if value is None or value.shape != shape:
                found = "missing" if value is None else f"of shape {value.shape}"
                raise StoreError(f"weights: {part} is {found}, expected shape {shape}")
    layers: list[Any] = []
    for key, rows, columns in shapes:
        layer = nn.Linear(columns, rows)
        for part in ("weight", "bias"):
            getattr(layer, part).data = torch.from_numpy(np.array(weights[f"{key}.{part}"], np.float32))
        layers += [layer, nn.Tanh() if activation == "tanh" else nn.ReLU()]
    layers[-1:] = [] if last is None else [last]
    return nn.Sequential(*layers).eval().requires_grad_(False)
