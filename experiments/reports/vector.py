"""Drawings for the documentation as SVG text: one look, and equal content gives equal bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from thecal.core.extras import importing
from thecal.experiments.reports.theme import INK

TEXT, HAIR = "#1A1D21", "#ECEEF1"
_STYLE: Any = {
    "svg.hashsalt": "thecal",  # the identifiers inside the file, else drawn at random
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
}


@contextmanager
def drawing(what: str) -> Iterator[None]:
    """The look of the documentation while ``what`` is drawn; a reader's own style changes no file.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    with importing(what, "study"):
        import matplotlib as mpl
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def svg(figure: Any, **metadata: str) -> str:
    """A figure as SVG text, with ``metadata`` (``Description``) inside."""
    text = io.StringIO()
    marks = {"Date": None, "Creator": "thecal", **metadata}
    figure.savefig(text, format="svg", facecolor="white", metadata=marks)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
