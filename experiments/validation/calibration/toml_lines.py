"""Numbers changed in the text of a parameter file: every other byte stays, comments and order included.

Only the two forms in which parameters are written are edited, ``key = { value = 1.0, ... }`` on one line and a table
``[key]`` with lines ``value = 1.0``. Afterwards the text is read again: had anything else changed, the edit is refused.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from thecal.core.errors import ParameterError

Edits = Mapping[str, Mapping[str, float | str]]  # new entries of numbers, by dotted key
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")
_ENTRY = re.compile(r"(\s*)([A-Za-z0-9_\-]+(?:\s*\.\s*[A-Za-z0-9_\-]+)*)(\s*=\s*)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')


def edited(text: str, edits: Edits, name: str) -> str:
    """The text of a file with changed entries of its numbers; an entry that a number lacks is added at its end.

    Args:
        text: of the file, line ends as they are.
        edits: ``{"breathing.sensitivity": {"cv": 0.4}}``.
        name: of the file, for messages.

    Raises:
        ParameterError: a number is not there or not written in a form that can be edited.
    """
    lines = text.splitlines(keepends=True)
    places = dict(_places(lines))
    for key, entries in edits.items():
        if key not in places:
            raise ParameterError(f"{name}: {key}: not found in a form that can be edited")
        for field, value in entries.items():
            _set(lines, places[key], field, _written(value))
    found = "".join(lines)
    try:
        only = tomllib.loads(_plain(found)) == _wanted(tomllib.loads(_plain(text)), edits)
    except (KeyError, TypeError, AttributeError, tomllib.TOMLDecodeError) as error:
        raise ParameterError(f"{name}: cannot be edited ({type(error).__name__}: {error})") from error
    if not only:
        raise ParameterError(f"{name}: cannot be edited without a change of something else")
    return found


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff")


def _written(value: float | str) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(float(value))


def _wanted(tables: dict[str, Any], edits: Edits) -> dict[str, Any]:
    for key, entries in edits.items():
        here = tables
        for part in key.split("."):
            here = here[part]
        here.update(entries)
    return tables


def _places(lines: list[str]) -> Iterator[tuple[str, list[int]]]:
    """Dotted keys of numbers with the lines they are written in: one, or those of their table."""
    table = ""
    rows: list[int] = []
    for number, line in enumerate(lines):
        if header := _HEADER.fullmatch(line.lstrip("\ufeff").rstrip("\r\n")):
            table, rows = re.sub(r"[\s\"']", "", header[1]), []
            continue
        entry = _ENTRY.match(line.lstrip("\ufeff"))
        if entry is None:
            continue
        key = re.sub(r"\s", "", entry[2])
        if line[line.index("=") + 1 :].lstrip().startswith("{"):
            yield ".".join(filter(None, (table, key))), [number]
        else:
            rows.append(number)
            if key == "value" and table:
                yield table, rows


def _set(lines: list[str], rows: list[int], field: str, text: str) -> None:
    inline = lines[rows[0]][lines[rows[0]].index("=") + 1 :].lstrip().startswith("{")
    if inline:
        lines[rows[0]] = _set_inline(lines[rows[0]], field, text)
        return
    for row in rows:
        entry = _ENTRY.match(lines[row])
        if entry is not None and entry[2] == field:
            begin = entry.end()
            end = begin + len(_value_at(lines[row], begin))
            lines[row] = lines[row][:begin] + text + lines[row][end:]
            return
    last = rows[-1]
    ending = lines[last][len(lines[last].rstrip("\r\n")) :] or "\n"
    lines[last] = lines[last].rstrip("\r\n") + f"{ending}{field} = {text}{ending}"


def _set_inline(line: str, field: str, text: str) -> str:
    """One entry of an inline table; strings, lists and nested tables are stepped over."""
    at = line.index("{", line.index("=")) + 1
    while True:
        entry = _ENTRY.match(line, at)
        if entry is None:
            return f"{line[:at]} {field} = {text} {line[at:].lstrip()}"  # an empty table
        begin = entry.end()
        end = begin + len(_value_at(line, begin))
        if entry[2] == field:
            return line[:begin] + text + line[end:]
        rest = line[end:].lstrip()
        if not rest.startswith(","):
            return f"{line[:end]}, {field} = {text}{line[end:]}"
        at = line.index(",", end) + 1


def _value_at(line: str, begin: int) -> str:
    """The value that is written from a place on: up to the comma, brace, comment or end of line that follows it."""
    depth, at = 0, begin
    while at < len(line):
        if line[at] in "\"'" and (string := _STRING.match(line, at)):
            at = string.end()
            continue
        if line[at] in "[{":
            depth += 1
        elif line[at] in "]}" and depth:
            depth -= 1
        elif line[at] in ",}#\r\n" and not depth:
            break
        at += 1
    return line[begin:at].rstrip()
