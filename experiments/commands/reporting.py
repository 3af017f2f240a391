"""``thecal report``: render a comparison again, from its folder or from its tracked run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from thecal.core.errors import ConfigError, StoreError
from thecal.core.extras import require
from thecal.experiments.commands.common import say
from thecal.experiments.commands.places import Output, check_outputs, page

KINDS = ("compare", "demo")  # kinds of runs that keep what a report is made from


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report", rich_help_panel="Experiments")(report)


def report(
    source: Annotated[str, typer.Argument(help="Folder of a comparison, or id of its MLflow run.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file to write; default: beside the data.")
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", help="Print it to this PDF file, too (needs Chromium or Chrome).")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="Folder for every chart as an SVG file.", file_okay=False)
    ] = None,
) -> None:
    """Write the HTML report of a finished comparison: one file, no network needed to read it. Research simulation only.

    Examples: `thecal report runs/compare`, `thecal report 3f2a... --out report.html --pdf report.pdf --figures figures`
    """
    require("a report", "report", only=("jinja2",))
    from thecal.experiments.reports.page import write_figures, write_report
    from thecal.experiments.reports.pdf import browser, write_pdf
    from thecal.experiments.reports.store import FILE, load_report_data

    place = Path(source)
    files = {"--out": page(out), "--pdf": Output(pdf, (".pdf",))}
    check_outputs(inputs=[place] if place.is_file() else [], files=files, folders={"--figures": figures})
    if pdf is not None:
        browser()
    if place.exists():
        data = load_report_data(place)
        folder = place if place.is_dir() else place.parent
    else:
        with TemporaryDirectory(prefix="thecal-report-") as passing:
            data = load_report_data(_from_run(source, FILE, passing))
        folder = Path.cwd()
    written = write_report(data, out or folder / "report.html")
    say(f"report: {written}")
    if pdf is not None:
        say(f"printed: {write_pdf(written, pdf)}")
    if figures is not None:
        say(f"figures: {len(write_figures(data, figures))} in {figures}")


def _from_run(run_id: str, name: str, folder: str) -> Path:
    """A copy of the stored data of a tracked run, in ``folder``.

    Raises:
        ConfigError: neither a folder nor a run, or a run of another kind.
        StoreError: the run holds no report, or the store cannot be read.
        MissingExtraError: MLflow is not installed.
    """
    from thecal.experiments.tracking.client import download, find_run

    client, run = find_run(run_id)
    kind = run.data.tags.get("kind", "")
    if kind not in KINDS:
        what = f"a run of thecal {kind}" if kind else "no run of thecal"
        raise ConfigError(f"run {run_id} is {what}; only comparisons have a report")
    found = download(client, run, name, folder)
    if found is None:
        end = "" if run.info.status == "FINISHED" else f"; it is {run.info.status}"
        raise StoreError(
            f"run {run_id} holds no {name}, from which a report is made (was it compared with --out?){end}"
        )
    return found
