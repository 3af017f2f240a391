"""A chart of a report: panels over one another on one axis, as part of a page or as an SVG file of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from thecal.experiments.reports.svg import Key, Panel
from thecal.experiments.reports.svg_parts import mark
from thecal.experiments.reports.theme import DASHES, FONT, LIMIT

GUTTER = 40  # px left of a plot, for the labels of the height axis
_FILE_WIDTH, _HEADING, _SIDE = 900, 22, 14
_CHAR = 6.4  # px of a letter of a heading, for keys of a file
# The look of what panels draw, in a file by itself; the page has the same in its style sheet.
_STYLE = (
    "svg{{font:11px {font};--ink:#1a1d21;--soft:#565d66;--page:#fff;--hair:#dcdfe4}}"
    "@media(prefers-color-scheme:dark){{svg{{--ink:#e6e8eb;--soft:#a3abb5;--page:#14181d;--hair:#323942}}}}"
    "text:not([fill]){{fill:var(--soft)}}text.h{{fill:var(--ink);font-weight:600;font-size:12px}}"
    ".g{{stroke:var(--hair)}}.r{{stroke-width:1}}.r:not([stroke]){{stroke:var(--soft)}}"
    ".l{{fill:none;vector-effect:non-scaling-stroke}}"
    ".s,.m{{overflow:visible}}.p{{fill:var(--page)}}"
)


@dataclass(frozen=True)
class Chart:
    """What one figure shows.

    Attributes:
        name: of its element and its file.
        title: what a screen reader says it is.
        summary: what it shows, in a sentence or two with numbers.
        panels: from the top.
        read: how the pointer's place is said: its name and unit, ``("day", "")``; empty for a chart without a common axis.
        mark: loud words for results that support no claim.
        columns: 1, or how many panels (2 to 4) stand beside each other at least where the page is wide.
    """

    name: str
    title: str
    summary: str
    panels: list[Panel] = field(default_factory=list)
    read: tuple[str, str] | None = None
    mark: str = ""
    columns: int = 1

    @property
    def id(self) -> str:
        """Of its element on the page."""
        return f"figure-{self.name}"

    @property
    def html(self) -> str:
        """The chart as part of a page; its readings follow the pointer and the arrow keys."""
        said = escape(f"{self.title}. {self.summary}".strip())
        moves = ""
        if self.read is not None:
            moves = f' tabindex="0" data-read="{escape(self.read[0])}" data-unit="{escape(self.read[1])}"'
        head = f'<p class="marked">{escape(self.mark)}</p>' if self.mark else ""
        many = f" grid g{self.columns}" if self.columns > 1 else ""
        body = "".join(_shown(panel, self.read is not None) for panel in self.panels)
        out = '<output class="reading" aria-live="polite"></output>' if self.read is not None else ""
        return f'<div class="chart{many}" id="{self.id}" role="img" aria-label="{said}"{moves}>{head}{body}</div>{out}'

    @property
    def file(self) -> str:
        """The chart as the text of an SVG file, readable by itself on white and on black."""
        parts, top = [], 8.0
        for words, weight in ((self.title, "h"), (self.mark, "w")):
            if words:
                look = f' fill="{LIMIT}" font-weight="700"' if weight == "w" else ' class="h"'
                parts.append(f'<text x="{_SIDE}" y="{top + 13:g}"{look}>{escape(words)}</text>')
                top += 22.0
        for panel in self.panels:
            drawn, top = _filed(panel, top)
            parts.append(drawn)
        style = _STYLE.format(font=FONT.replace("'", ""))
        size = f'width="{_FILE_WIDTH}" height="{top:g}" viewBox="0 0 {_FILE_WIDTH} {top:g}"'
        said = f"<title>{escape(self.title)}</title><desc>{escape(self.summary)} Research simulation only.</desc>"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{said}<style>{style}</style>'
            f'<rect width="100%" height="100%" class="p"/>{"".join(parts)}</svg>\n'
        )


def _shown(panel: Panel, aligned: bool) -> str:
    """One panel on the page: heading and key, labels (also where there are none, if ``aligned``), plot."""
    ends = f'data-x="{panel.x.low:g} {panel.x.high:g}" data-y="{panel.y.low:g} {panel.y.high:g}"'
    scale = f' data-log="{int(panel.x.log)}{int(panel.y.log)}"' if panel.x.log or panel.y.log else ""
    unit = f" <small>{escape(panel.unit)}</small>" if panel.unit else ""
    keys = "".join(f'<span class="k">{_swatch(key)}{escape(key.name)}</span>' for key in panel.keys)
    head = f'<div class="ph"><b>{escape(panel.title)}</b>{unit}{keys}</div>' if panel.title or keys else ""
    foot = f'<div class="pf">{escape(panel.x_title)}</div>' if panel.x_title.strip() else ""
    labeled = aligned or bool(panel.marks()[0])
    size = f'width="{GUTTER}" height="{panel.full}"'
    left = f'<svg class="y" {size} aria-hidden="true">{panel.gutter(GUTTER - 6)}</svg>' if labeled else ""
    plot = f'<svg class="plot" height="{panel.full}" aria-hidden="true" {ends}{scale}>{panel.plot()}</svg>'
    return f'<div class="panel">{head}<div class="pb">{left}{plot}</div>{foot}</div>'


def _swatch(key: Key, x: float = 0.0, y: float = 0.0) -> str:
    """What stands before a name in a key: a piece of the line, a mark, or a patch of the area."""
    kind, _, more = key.look.partition(" ")
    if kind == "band":
        inner = f'<rect width="18" height="8" y="1" fill="{key.color}" fill-opacity="{more}"/>'
    elif kind == "mark":
        inner = mark("9", "5", key.color, more, 3.2)
    else:
        dash = f' stroke-dasharray="{DASHES[key.look]}"' if key.look != "solid" else ""
        inner = f'<line x2="18" y1="5" y2="5" stroke="{key.color}" stroke-width="2"{dash}/>'
    place = f' x="{x:g}" y="{y:g}"' if x or y else ""
    return f'<svg{place} width="18" height="10" aria-hidden="true">{inner}</svg>'


def _filed(panel: Panel, top: float) -> tuple[str, float]:
    """One panel in a file from ``top`` on, and where the next begins."""
    parts, left, width = [], float(_SIDE), _FILE_WIDTH - GUTTER - 2 * _SIDE
    if panel.title or panel.keys:
        words = f"{panel.title} [{panel.unit}]" if panel.unit else panel.title
        parts.append(f'<text x="{left:g}" y="{top + 14:g}" class="h">{escape(words)}</text>')
        left += _CHAR * 1.08 * len(words) + 16
        for key in panel.keys:
            if left + 28 + _CHAR * len(key.name) > _FILE_WIDTH - _SIDE:
                left, top = float(_SIDE), top + 17
            parts.append(_swatch(key, left, top + 5))
            parts.append(f'<text x="{left + 23:g}" y="{top + 14:g}">{escape(key.name)}</text>')
            left += 36 + _CHAR * len(key.name)
        top += _HEADING
    place = f'y="{top:g}" height="{panel.full}" class="s"'
    parts.append(f'<svg x="{_SIDE}" width="{GUTTER}" {place}>{panel.gutter(GUTTER - 6)}</svg>')
    parts.append(f'<svg x="{_SIDE + GUTTER}" width="{width}" {place}>{panel.plot()}</svg>')
    top += panel.full + 4
    if panel.x_title.strip():
        middle = _SIDE + GUTTER + width / 2
        parts.append(f'<text x="{middle:g}" y="{top + 9:g}" text-anchor="middle">{escape(panel.x_title)}</text>')
        top += 18
    return "".join(parts), top


def charts_in(values: Any) -> Iterator[Chart]:
    """Every chart in what a section gives its template, however deep."""
    if isinstance(values, Chart):
        yield values
    elif isinstance(values, Mapping):
        for entry in values.values():
            yield from charts_in(entry)
    elif isinstance(values, (list, tuple)):
        for entry in values:
            yield from charts_in(entry)


def file_name(chart: Chart) -> str:
    """Of the chart's SVG file: letters, digits and hyphens of its name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", chart.name).strip("-") + ".svg"
