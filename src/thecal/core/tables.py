"""Tables for a terminal, all of one look: they wrap between words, and stand row under row where a terminal is too narrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from thecal.core.glossary import explained, in_text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

_GAP = 2  # columns of space between two columns
_EDGE = 1
_READABLE = 100  # characters of a line of text
_SHORT = 28  # characters up to which a column is not wrapped while there is room
_TALLEST = 4  # lines of one row, beyond which a list reads better


class PlainTable:
    """A table that no width breaks: cells wrap between words only; too narrow even for that, it becomes a list of rows.

    Args:
        title: said to be of a simulation.
        columns: their heads.
        numbers: whether all but the first column are aligned right.
        caption: below the table.
        explain: whether the terms of the glossary that it uses are explained below it.
    """

    def __init__(
        self, title: str, columns: Iterable[str], *, numbers: bool = False, caption: str = "", explain: bool = True
    ) -> None:
        self.title = f"{title} (simulation only)"
        self.columns = list(columns)
        self.caption = caption
        self._numbers = numbers
        self._explain = explain
        self._rows: list[tuple[list[Text], str]] = []
        self._sections: set[int] = set()

    def add_row(self, *cells: str | Text, style: str = "") -> None:
        """Append a row; cells that are left out at its end are empty."""
        from rich.text import Text

        whole = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
        self._rows.append((whole + [Text("")] * (len(self.columns) - len(whole)), style))

    def add_section(self) -> None:
        """Leave a line free after the last row."""
        self._sections.add(len(self._rows) - 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table in the width that there is."""
        from rich.constrain import Constrain
        from rich.text import Text

        yield Text(self.title, style="bold")
        widths = self._widths(options.max_width - _EDGE)
        if widths is None:
            yield from self._listed()
        else:
            yield self._lined(widths)
        for line in (self.caption, self._terms()):
            if line:
                yield Constrain(Text(line, style="dim"), _READABLE)
        yield Text("")

    def _terms(self) -> str:
        """What the terms mean that the table uses."""
        if not self._explain:
            return ""
        cells = (cell.plain for row, _ in self._rows for cell in row)
        return explained(*in_text(" ".join((self.title, self.caption, *self.columns, *cells))))

    def _widths(self, room: int) -> list[int] | None:
        """A width for each column, none less than its longest word; None where the rows would grow too tall for a table."""
        columns = [[head, *(row[k].plain for row, _ in self._rows)] for k, head in enumerate(self.columns)]
        least = [max((_wide(word) for text in texts for word in text.split()), default=1) for texts in columns]
        whole = [max((_wide(line) for text in texts for line in text.splitlines()), default=1) for texts in columns]
        left = room - sum(least) - _GAP * (len(columns) - 1)
        if left < 0:
            return None
        widths = list(least)
        cells = [max((_wide(line) for text in texts[1:] for line in text.splitlines()), default=1) for texts in columns]
        # Short columns get all their cells need, so that numbers do not wrap; heads and long columns share the rest.
        for k in sorted(range(len(columns)), key=lambda k: cells[k]):
            more = max(0, cells[k] - least[k])
            if cells[k] <= _SHORT and more <= left:
                widths[k] += more
                left -= more
        while left > 0 and any(width < most for width, most in zip(widths, whole, strict=True)):
            tightest = max(range(len(columns)), key=lambda k: whole[k] / widths[k])
            widths[tightest] += 1
            left -= 1
        tallest = max(_height(text, widths[k]) for k, texts in enumerate(columns) for text in texts[1:] or [""])
        return widths if tallest <= _TALLEST else None

    def _lined(self, widths: list[int]) -> RenderableType:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False, show_edge=False)
        for k, head in enumerate(self.columns):
            right = self._numbers and k > 0
            table.add_column(_text(head), justify="right" if right else "left", width=max(1, widths[k]))
        for k, (row, style) in enumerate(self._rows):
            table.add_row(*row, style=style)
            if k in self._sections:
                table.add_section()
        return table

    def _listed(self) -> Iterable[Any]:
        """Row under row: the first cell, and below it every other with its head."""
        from rich.padding import Padding
        from rich.text import Text

        for row, _ in self._rows:
            first, *others = row
            yield Text.assemble(first, style="bold")
            for head, cell in zip(self.columns[1:], others, strict=True):
                if cell.plain.strip():
                    yield Padding(Text.assemble((f"{head}: " if head else "", "dim"), cell), (0, 0, 0, 2))


def _text(words: str) -> Text:
    from rich.text import Text

    return Text(words)


def _height(text: str, width: int) -> int:
    """Lines of a text that wraps between words."""
    lines, used = 1, 0
    for word in text.split():
        if used and used + 1 + _wide(word) > width:
            lines, used = lines + 1, 0
        used += _wide(word) + (1 if used else 0)
    return lines


def _wide(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def plain_table(title: str, columns: Iterable[str], *, numbers: bool = False, caption: str = "") -> PlainTable:
    """A terminal table; ``numbers`` aligns all but the first column right."""
    return PlainTable(title, columns, numbers=numbers, caption=caption)
