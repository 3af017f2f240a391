"""How reports look: one color, marker and dash for each policy, readable on white and on black and without color vision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from thecal.agents.info import PolicyInfo

FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

# Roles inside one patient's figure; the same colors as the policies', so only one vocabulary has to be learned.
INK = "#7D828A"
FELT = "#1F77D0"
UNTREATED = "#7D828A"
LIMIT = "#DB5A2B"
DOSE = "#0E9A6C"
SECOND = "#C06BB0"
THIRD = "#BF8A00"


# Plotly's dash names as SVG dash arrays, for keys drawn in HTML.
DASHES = {
    "solid": "none",
    "dot": "2 3",
    "dash": "8 4",
    "longdash": "13 4",
    "dashdot": "8 3 2 3",
    "longdashdot": "13 3 2 3",
}


@dataclass(frozen=True)
class Style:
    """How one policy is drawn and named.

    Attributes:
        label: name for people.
        color: hex color with a contrast of at least 3 on both page backgrounds.
        symbol: Plotly marker.
        dash: Plotly line dash.
    """

    label: str
    color: str
    symbol: str
    dash: str


# Looks of the policies of one kind, in their order: colors and markers come round after six, dashes after twelve. Learned
# policies are solid and blue; sanity baselines are amber and orange; policies by rule have what lies between.
_BLUE = ("#1F77D0", "#6A6FE0", "#3B8FB5", "#5B7FB8", "#8A6BD1", "#4C86E8")
_HUES = ("#7D828A", "#0E9A6C", "#96704A", "#3E9FC4", "#C06BB0", "#7A9032")
_AMBER = ("#BF8A00", "#DB5A2B", "#C2752E", "#A8822A", "#D0694A", "#B07A50")
_ROUND = ("circle", "star", "hexagon", "circle-open", "star-open", "hexagon-open")
_ANGLED = ("square", "triangle-up", "square-open", "triangle-up-open", "pentagon", "pentagon-open")
_CROSSED = ("x", "diamond", "cross", "x-open", "diamond-open", "cross-open")
_SOLID = ("solid",) * 6 + ("longdash",) * 6
_BROKEN = (
    "dot", "dash", "dashdot", "longdash", "longdashdot", "dot", "dash", "dot", "longdash", "longdashdot", "dashdot", "dash",
)  # fmt: skip
_CRUDE = ("dot", "dash", "dot", "dash", "dot", "dash", "dash", "dot", "dash", "dot", "dash", "dot")
_LOOKS = {
    "learned": (_BLUE, _ROUND, _SOLID),
    "rule": (_HUES, _ANGLED, _BROKEN),
    "model-based": (_HUES, _ANGLED, _BROKEN),
    "sanity": (_AMBER, _CROSSED, _CRUDE),
}


def styles_of(infos: Iterable[PolicyInfo]) -> dict[str, Style]:
    """A style for each policy by its name, from its kind and its place among those of its kind; twelve of a kind differ."""
    found: dict[str, Style] = {}
    seen: dict[tuple[str, ...], int] = {}
    for info in infos:
        colors, symbols, dashes = _LOOKS[info.kind]
        k = seen.get(colors, 0)
        seen[colors] = k + 1
        look = (colors[k % len(colors)], symbols[k % len(symbols)], dashes[k % len(dashes)])
        found[info.name] = Style(info.marked_label, *look)
    return found


def faded(color: str, opacity: float) -> str:
    """``color`` (#rrggbb) as rgba with ``opacity``."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def dress(figure: Any, height: int, *, legend: bool = False, **layout: Any) -> Any:
    """Give a figure the house look: clear background, system type, hairline grid.

    The page's style sheet recolors text and grid for light, dark and print.
    """
    figure.update_layout(
        height=height,
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12.5, "color": INK},
        margin={"l": 60, "r": 20, "t": 34, "b": 48},
        showlegend=legend,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": faded(INK, 0.7), "activecolor": FELT, "orientation": "v"},
        hoverlabel={"font": {"family": FONT, "size": 12}},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        **layout,
    )
    axis = {"gridcolor": faded(INK, 0.22), "zeroline": False, "linecolor": INK, "ticks": "", "automargin": True}
    figure.update_xaxes(title_font={"size": 12.5}, **axis)
    figure.update_yaxes(title_font={"size": 12.5}, **axis)
    return figure
