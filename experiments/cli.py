"""The command line ``thecal``: gathers the commands, and turns an expected error into one sentence and an exit code."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Annotated

import typer

from thecal.core.errors import StoreError, ThecalError
from thecal.core.files import reason
from thecal.core.signals import Watch, ending, exit_code
from thecal.experiments.commands import (
    benchmark,
    calibrate,
    catalog,
    clinic,
    cohort,
    doctor,
    end_to_end,
    evaluate,
    events,
    exchange,
    fit,
    headroom,
    play,
    pump,
    reporting,
    safety,
    sensitivity,
    system,
    train,
    trial,
    validation,
)
from thecal.experiments.commands.common import INTERRUPTED, errors
from thecal.experiments.commands.streams import finish_output, guarded_streams

FAULT = 70  # exit code of a fault of our own
# Commands of rooms above this one, by name: nothing here may import them, and each is light until it runs.
ABOVE = ("thecal.dashboard.command",)

app = typer.Typer(
    name="thecal",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for module in (
    system,
    doctor,
    validation,
    train,
    evaluate,
    headroom,
    benchmark,
    trial,
    reporting,
    sensitivity,
    calibrate,
    events,
    fit,
    exchange,
    cohort,
    clinic,
    play,
    pump,
    safety,
    end_to_end,
    catalog,
):
    module.register(app)
for name in ABOVE:
    import_module(name).register(app)


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
        code = _run(arguments, watch)
    return exit_code(watch.first) if code == INTERRUPTED and watch.first is not None else code


def _run(arguments: list[str] | None, watch: Watch) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given  # accepted anywhere on the line
    with guarded_streams() as is_open:
        try:
            if not is_open:
                raise StoreError("standard output is closed; where nothing shall be shown, send it to /dev/null")
            code = _call([word for word in given if word != "--debug"])
            finish_output()
            if code == INTERRUPTED:
                _tell_end(watch)
            return code
        except ThecalError as error:
            return _ended(str(error), error.exit_code, debug)
        except KeyboardInterrupt:
            _tell_end(watch)
            return INTERRUPTED
        except OSError as error:  # of a file without a sentence of its own
            place = f"{error.filename}: " if error.filename else ""
            return _ended(f"{place}{reason(error)}", StoreError.exit_code, debug)
        except Exception as error:
            if watch.first is not None:  # compiled code turned the signal into an error of its own
                _tell_end(watch)
                return INTERRUPTED
            what = " ".join(f"{type(error).__name__}: {error}".removesuffix(": ").split())
            way = "report it with the lines above" if debug else "run it again with --debug, and report what that shows"
            return _ended(f"a fault of Thecal itself ({what}); please {way} and the command", FAULT, debug)


def _tell_end(watch: Watch) -> None:
    """Say which signal ended the command; Ctrl-C is an interruption."""
    name = "" if watch.first is None else signal.Signals(watch.first).name
    errors().print(f"[bold red]{'interrupted' if name in ('', 'SIGINT') else f'ended by {name}'}[/]")


def _call(words: list[str]) -> int:
    """Run a command line in the application and return its exit code."""
    try:
        app(args=words, prog_name="thecal")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    return 0


def _ended(text: str, code: int, debug: bool) -> int:
    """Say in one sentence on standard error why a command ended; returns the exit code."""
    from rich.markup import escape

    console = errors()
    if debug:
        console.print_exception()
    console.print(f"[bold red]error:[/] [red]{escape(' '.join(text.split()))}[/]", soft_wrap=True, highlight=False)
    return code


def main() -> None:
    """Entry point of the ``thecal`` script."""
    sys.exit(run())
