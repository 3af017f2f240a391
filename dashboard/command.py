"""``thecal dashboard``: the page over stored results, on this machine only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thecal.core.extras import require
from thecal.experiments.commands.common import note, say

PORT = 8787


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("dashboard", rich_help_panel="Look around")(dashboard)


def dashboard(
    roots: Annotated[
        list[Path] | None,
        typer.Option("--root", help="Folder with results; may be repeated. Default: runs.", file_okay=False),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = PORT,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Look at stored results in a browser: runs, patients, decisions, whom a policy helps, leaderboards.

    Reads what `thecal compare`, `evaluate`, `benchmark` and `headroom` wrote, and changes nothing. It answers this machine
    only (127.0.0.1). Ctrl-C ends it. Research simulation only.

    Examples: `thecal dashboard`, `thecal dashboard --root results --open`
    """
    require("the dashboard", "dashboard")
    from thecal.dashboard.server import HOST, bound, server

    chosen = roots or [Path("runs")]
    for root in chosen:
        if not root.is_dir():
            note(f"{root}: there is no such folder yet; results appear as they are written", "yellow")
    own = bound(port)
    where = f"http://{HOST}:{own.getsockname()[1]}/"

    def started() -> None:
        say(f"dashboard: {where} (research simulation only; Ctrl-C ends it)")
        if browser:
            import webbrowser

            webbrowser.open(where)

    server(chosen, started).run(sockets=[own])
