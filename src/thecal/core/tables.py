"""Tables for a terminal, all of one look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table


def plain_table(title: str, columns: list[str], *, numbers: bool = False) -> Table:
    """A terminal table with rules only where they help; ``numbers`` aligns all but the first column right."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"{title} (simulation only)",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
    )
    for position, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if numbers and position else "left"
        table.add_column(column, overflow="fold", justify=justify, no_wrap=position == 0)
    return table
