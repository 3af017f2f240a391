"""How reports look: one color, marker and dash for each policy, readable on white and on black and without color vision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


_STYLES = {
    "fixed": Style("Fixed rate", "#7D828A", "square", "dot"),
    "fixed_ptm": Style("Fixed rate + demand bolus", "#96704A", "square-open", "dashdot"),
    "guideline": Style("Guideline titration", "#0E9A6C", "triangle-up", "dash"),
    "guideline_ptm": Style("Guideline + demand bolus", "#3E9FC4", "triangle-up-open", "longdash"),
    "pid": Style("PID control", "#C06BB0", "pentagon", "longdashdot"),
    "random": Style("Random requests", "#BF8A00", "x", "dot"),
    "max_request": Style("Maximal requests", "#DB5A2B", "diamond", "dash"),
    "ppo": Style("PPO (trained)", "#1F77D0", "circle", "solid"),
    "sac": Style("SAC (trained)", "#6A6FE0", "circle-open", "solid"),
}
_EXTRA = (
    Style("", "#1F77D0", "circle", "solid"),
    Style("", "#6A6FE0", "star", "solid"),
    Style("", "#0E9A6C", "hexagon", "dash"),
    Style("", "#DB5A2B", "cross", "dash"),
)


def style_of(policy: str, position: int = 0) -> Style:
    """The style of ``policy``; a name that is not known gets the extra style number ``position`` and its own name."""
    if policy in _STYLES:
        return _STYLES[policy]
    extra = _EXTRA[position % len(_EXTRA)]
    return Style(policy, extra.color, extra.symbol, extra.dash)


def styles_of(policies: list[str]) -> dict[str, Style]:
    """A style for each policy, distinct among names that are not known."""
    unknown = [name for name in policies if name not in _STYLES]
    return {name: style_of(name, unknown.index(name) if name in unknown else 0) for name in policies}


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
