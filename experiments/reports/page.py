"""Renders a comparison as one HTML file that needs no network: its sections in their order, bundled scripts, no more."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from thecal.core.extras import importing
from thecal.core.files import write_whole
from thecal.experiments.reports.chart import charts_in, file_name
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import sections
from thecal.experiments.reports.theme import styles_of
from thecal.experiments.reports.words import number, short, tight


def write_report(data: ReportData, path: str | Path) -> Path:
    """Render ``data`` into the HTML file ``path`` (its folder is made if missing).

    Raises:
        StoreError: the file cannot be written.
        ConfigError: Jinja2 is not installed.
    """
    return write_whole(path, render(data))


def render(data: ReportData) -> str:
    """The report as the text of one HTML page.

    Raises:
        ConfigError: Jinja2 is not installed, or two sections have one key.
    """
    environment = templates()
    shared: dict[str, Any] = {
        "data": data,
        "styles": styles_of(data.infos),
        "mark": f" ({data.result.mark})" if data.result.mark else "",
    }
    chosen = sections()
    bodies = {
        section.key: environment.get_template(section.file).render(**shared, **section.build(data))
        for section in chosen
    }
    page: str = environment.get_template("report.html.j2").render(
        **shared,
        sections=chosen,
        bodies=bodies,
        css=resource("report.css"),
        script=resource("report.js"),
    )
    return page


def figures(data: ReportData) -> dict[str, str]:
    """Every chart of the report as SVG text by file name, in the order of the page.

    Raises:
        ConfigError: two sections have one key.
    """
    charts = (chart for section in sections() for chart in charts_in(section.build(data)))
    return {file_name(chart): chart.file for chart in charts}


def write_figures(data: ReportData, folder: str | Path) -> list[Path]:
    """Write every chart of the report as an SVG file into ``folder`` (made if missing).

    Raises:
        StoreError: one cannot be written.
    """
    return [write_whole(Path(folder) / name, text) for name, text in figures(data).items()]


def templates() -> Any:
    """The pages' templates, with the filters by which numbers are set.

    Raises:
        ConfigError: Jinja2 is not installed.
    """
    with importing("a report", "report"):
        from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(resource),
    )
    environment.filters |= {"number": number, "short": short, "tight": tight}
    return environment


@cache
def resource(name: str) -> str:
    """The text of a template, style sheet or script."""
    return (files("thecal.experiments.reports") / "templates" / name).read_text(encoding="utf-8")
