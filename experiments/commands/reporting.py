"""``thecal report``: render a comparison again, from its folder or from its tracked run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from thecal.core.errors import ConfigError, StoreError
from thecal.core.extras import require
from thecal.experiments.commands.common import say
from thecal.experiments.commands.places import check_outputs, page


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report", rich_help_panel="Experiments")(report)


def report(
    source: Annotated[str, typer.Argument(help="Folder of a comparison, or id of its MLflow run.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file to write; default: beside the data.")
    ] = None,
) -> None:
    """Write the HTML report of a finished comparison: one file, no network needed to read it.

    Examples: `thecal report runs/compare`, `thecal report 3f2a... --out report.html`
    """
    require("a report", "report")
    from thecal.experiments.reports.page import write_report
    from thecal.experiments.reports.store import FILE, load_report_data

    place = Path(source)
    check_outputs(inputs=[place] if place.is_file() else [], files={"--out": page(out)})
    if place.exists():
        data = load_report_data(place)
        folder = place if place.is_dir() else place.parent
    else:
        data = load_report_data(_from_run(source, FILE))
        folder = Path.cwd()
    say(f"report: {write_report(data, out or folder / 'report.html')}")


def _from_run(run_id: str, name: str) -> Path:
    """The stored data of a tracked run.

    Raises:
        ConfigError: neither a folder nor a run, or MLflow is not installed.
        StoreError: the run holds no report.
    """
    from thecal.experiments.tracking.store import check_store, store_uri
    from thecal.experiments.tracking.tracker import open_client

    if not re.fullmatch("[0-9a-f]{32}", run_id):
        raise ConfigError(f"{run_id}: no such folder, and not the id of a run")
    uri = store_uri()
    check_store(uri)
    client = open_client(uri)
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(run_id)
    except MlflowException as error:
        raise ConfigError(f"{run_id}: neither a folder nor a run in {uri}") from error
    try:
        return Path(client.download_artifacts(run_id, name))
    except (MlflowException, OSError) as error:
        raise StoreError(f"run {run_id} holds no {name}; only comparisons have a report") from error
