"""What the commands share: consoles, options, JSON output, overrides, progress bars."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.core.documents import value_of
from thecal.core.errors import ConfigError, ThecalError
from thecal.core.files import as_json, write_whole
from thecal.core.seeds import MOST_PATIENTS, SEED_LIMIT
from thecal.core.tables import plain_table as plain_table
from thecal.experiments.commands.streams import is_unicode

if TYPE_CHECKING:
    from rich.console import Console

    from thecal.envs.scenario import Scenario

INTERRUPTED = 130

Seed = Annotated[
    int, typer.Option("--seed", help="Seed of the run; the same seed repeats it.", min=0, max=SEED_LIMIT - 1)
]
Patients = Annotated[
    int, typer.Option("--patients", "-n", help="Number of virtual patients.", min=1, max=MOST_PATIENTS)
]
Split = Annotated[str, typer.Option("--split", help="Which disjoint patients: train, tune or test.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output instead of a table.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file (TOML).", dir_okay=False)]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Override one value, as `key=value`; may be given several times.")
]


def output() -> Console:
    """Console on standard output, for results."""
    from rich.console import Console

    return Console()


def errors() -> Console:
    """Console on standard error, for progress and errors, so that results can be piped."""
    from rich.console import Console

    return Console(stderr=True)


def say(text: str, style: str = "") -> None:
    """A line on standard output as it is: brackets in a path are no markup, and a long path is not broken."""
    output().print(text, style=style or None, highlight=False, markup=False, soft_wrap=True)


def note(text: str, style: str = "") -> None:
    """A line on standard error, as :func:`say`."""
    errors().print(text, style=style or None, highlight=False, markup=False, soft_wrap=True)


def left_out(error: ThecalError) -> None:
    """Say on standard error what is left out because it is broken, and why."""
    note(f"left out: {error}", "yellow")


def emit(value: Any) -> None:
    """Print ``value`` as JSON; numbers that are missing become null."""
    sys.stdout.write(as_json(value, ascii_only=not is_unicode(sys.stdout)))


def write_csv(path: Path, head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Path:
    """Write a table whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return write_whole(path, text.getvalue())


def overrides(pairs: list[str] | None) -> dict[str, Any]:
    """``["a.b=1", "c=text"]`` as ``{"a.b": 1, "c": "text"}``; values are read as TOML where they are, else as text.

    Raises:
        ConfigError: an entry has no ``=`` or no key, or gives one twice.
    """
    found: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {pair!r} is not of the form key=value")
        if key.strip() in found:
            raise ConfigError(f"--set {key.strip()} is given twice")
        found[key.strip()] = value_of(text)
    return found


def gathered(options: dict[str, Any], pairs: list[str] | None) -> dict[str, Any]:
    """Options that were given and what ``--set`` says; both go over the configuration file.

    Raises:
        ConfigError: see :func:`overrides`; or an option is given in both ways.
    """
    given, more = {key: value for key, value in options.items() if value is not None}, overrides(pairs)
    for key in more:
        if key in given:
            raise ConfigError(f"{key} is given twice: as an option of its own and with --set")
    return given | more


def tracked_at(run_id: str | None) -> None:
    """Say on standard error where a run is kept, and how to look at it."""
    if run_id is not None:
        from thecal.experiments.tracking.store import hidden, look_at, store_uri

        where = store_uri()
        note(f"run {run_id} in {hidden(where)} (look: {look_at(where)})", "dim")


def check_names(scenario: Scenario, policies: Iterable[str] = ()) -> None:
    """See that everything a run names is there before what the run needs is imported, so that a slip costs no time.

    Raises:
        ConfigError: something is unknown or does not fit the rest.
    """
    from thecal.agents.find import require_policy

    for name in policies:
        require_policy(name)
    scenario.resolve()


@contextmanager
def progress_bar(title: str, total: float | None) -> Iterator[Callable[..., None]]:
    """A bar with the time left, on standard error; yields ``update(done, note, total)``.

    Where standard error is not a terminal, a line is written at every tenth instead.
    """
    if not errors().is_terminal:
        yield _lines(title, total)
        return
    from rich import progress

    bars = progress.Progress(
        progress.TextColumn("[bold]{task.description}"),
        progress.BarColumn(bar_width=28),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("[dim]{task.fields[note]}"),
        console=errors(),
    )
    with bars:
        bar = bars.add_task(title, total=total, note="")

        def update(done: float, note: str = "", total: float | None = total) -> None:
            bars.update(bar, completed=done, note=note, total=total)

        yield update


def scoring_bar(title: str) -> AbstractContextManager[Callable[..., None]]:
    """The bar of a scorecard, whose number of steps is known once it begins."""
    return progress_bar(title, None)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say what is going on while its end cannot be foreseen: turning on a terminal, one line in a log."""
    console = errors()
    if console.is_terminal:
        with console.status(what):
            yield
        return
    note(what)
    yield


def _lines(title: str, expected: float | None) -> Callable[..., None]:
    """Progress as lines for logs."""
    shown = -1

    def update(done: float, what: str = "", total: float | None = expected) -> None:
        nonlocal shown
        tenth = int(10.0 * done / total) if total else 0
        if tenth > shown:
            shown = tenth
            note(f"{title}: {10 * tenth} %{', ' + what if what else ''}")

    return update
