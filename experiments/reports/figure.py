"""A Plotly figure as a section places it: element id, JSON that is safe inside a script element, height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from thecal.experiments.analysis.results import UNSHIELDED
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.theme import LIMIT


@dataclass(frozen=True)
class Figure:
    """A figure on the page.

    Attributes:
        id: of its element.
        json: Plotly's data.
        height: of its element, px.
    """

    id: str
    json: str
    height: int


def placed(data: ReportData, name: str, figure: Any) -> Figure:
    """A Plotly figure for the page; one of unshielded results says so itself, as it may be saved apart from the page."""
    if not data.shielded:
        place = {
            "xref": "paper",
            "yref": "paper",
            "x": 1,
            "y": 1,
            "xanchor": "right",
            "yanchor": "bottom",
            "yshift": 14,
        }
        font = {"size": 13, "color": LIMIT}
        figure.add_annotation(text=f"<b>{UNSHIELDED}</b>", showarrow=False, font=font, **place)
        figure.update_layout(margin_t=(figure.layout.margin.t or 0) + 18)
    return Figure(f"figure-{name}", figure.to_json().replace("</", "<\\/"), int(figure.layout.height))
