"""The command line ``thecal``: gathers the commands, and turns an expected error into one sentence and an exit code."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from thecal.core.errors import ThecalError
from thecal.core.signals import ending, exit_code
from thecal.experiments.commands import (
    catalog,
    cohort,
    doctor,
    evaluate,
    pump,
    reporting,
    safety,
    sensitivity,
    system,
    train,
)
from thecal.experiments.commands.common import INTERRUPTED, errors

app = typer.Typer(
    name="thecal",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for module in (system, doctor, train, evaluate, reporting, sensitivity, cohort, pump, safety, catalog):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from thecal import __version__

        typer.echo(f"thecal {__version__} (research simulation only, never a clinical tool)")
        raise typer.Exit


@app.callback()
def thecal(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Adaptive closed-loop intrathecal dosing: virtual patients, an implanted pump, a hard safety shield.

    **Research simulation only.** Nothing here may drive a real pump or inform the care of a person.

    Start with `thecal demo --quick` (a minute), then `thecal demo`.
    """


def run(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code; expected errors become one sentence on standard error.

    SIGTERM and SIGHUP end it as Ctrl-C does, with the exit code of the signal.
    """
    with ending() as watch:
        code = _run(arguments)
    if watch.first is not None:
        errors().print(f"ended by {signal.Signals(watch.first).name}", highlight=False)
    return exit_code(watch.first) if code == INTERRUPTED and watch.first is not None else code


def _run(arguments: list[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given  # accepted anywhere on the line
    try:
        app(args=[word for word in given if word != "--debug"], prog_name="thecal")
    except ThecalError as error:
        if debug:
            errors().print_exception()
        errors().print(f"[bold red]error:[/] [red]{_plain(error)}[/]", soft_wrap=True, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        errors().print("[bold red]interrupted[/]")
        return INTERRUPTED
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    return 0


def _plain(error: ThecalError) -> str:
    from rich.markup import escape

    return escape(" ".join(str(error).split()))


def main() -> None:
    """Entry point of the ``thecal`` script."""
    sys.exit(run())
