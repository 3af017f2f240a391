"""``thecal tasks`` and ``thecal list``: what is shipped, by name."""

from __future__ import annotations

from typing import Annotated

import typer

from thecal.core.errors import ConfigError
from thecal.core.tables import PlainTable
from thecal.experiments.commands.common import Json, emit, output
from thecal.experiments.commands.limits import limits
from thecal.experiments.commands.listings import ORIGIN, Row, kinds, listed

_JSON_ONLY = ("id", "cohort", "profile", "caps", "start from", "evidence")  # the table stays within a narrow terminal


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("tasks", rich_help_panel="Look around")(tasks)
    app.command("list", rich_help_panel="Look around")(list_kind)


def tasks(as_json: Json = False) -> None:
    """The tasks: what is treated, with what, for how long, and what counts.

    Example: `thecal tasks`
    """
    _show("tasks", listed("tasks"), as_json)


def list_kind(
    kind: Annotated[str | None, typer.Argument(help="What to list; without it, the kinds.", show_default=False)] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="Of limits: the profile, by name or .toml file.", show_default=False)
    ] = None,
    drug: Annotated[str | None, typer.Option("--drug", help="Of limits: only this drug.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Names of what is shipped or added by other packages: tasks, drugs, pumps, policies, and what tasks pick from.

    `thecal list terms` explains the words that are used here.

    Examples: `thecal list`, `thecal list profiles`, `thecal list limits --profile label_us --drug morphine`
    """
    asked = {name: value for name, value in {"profile": profile, "drug": drug}.items() if value is not None}
    if asked and kind != "limits":
        raise ConfigError(f"--{next(iter(asked))} belongs to `thecal list limits`")
    if kind == "limits":
        _show(kind, limits(**asked), as_json)
    elif kind is None:
        _show("kinds", kinds(), as_json)
    else:
        _show(kind, listed(kind), as_json)


def _show(title: str, rows: list[Row], as_json: bool) -> None:
    if as_json:
        emit(rows)
        return
    # Where something comes from is worth a column only where another package adds something.
    shown = [
        column
        for column in rows[0]
        if column not in _JSON_ONLY and (column != ORIGIN or any(row[ORIGIN] for row in rows))
    ]
    table = PlainTable(title, shown, explain=title != "terms")
    for row in rows:
        table.add_row(*(str(row[column]) for column in shown))
    output().print(table)
