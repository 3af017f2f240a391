"""The sections of a report: every module here that has a ``SECTION`` is one, placed by its order; nothing else lists them.

A section is a module with ``SECTION = Section(...)`` and a template ``templates/sections/<key>.html.j2``. The template is
given ``data`` (the report's data), ``styles`` (how each policy is drawn and named), ``mark`` (a word behind headings of
unshielded results) and what ``build`` returns, and has the macros of ``templates/macros.html.j2`` at hand.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from thecal.core.errors import ConfigError
from thecal.experiments.reports.data import ReportData


@dataclass(frozen=True)
class Section:
    """One section of a report.

    Attributes:
        key: its anchor on the page, and the name of its template.
        title: in the list of contents.
        order: sections stand by rising order; the shipped ones are at 10, 20 and so on.
        build: gives the template its values.
        heading: over the section, where it is not the title.
        template: file under ``templates``; by default ``sections/<key>.html.j2``.
    """

    key: str
    title: str
    order: int
    build: Callable[[ReportData], dict[str, Any]]
    heading: str = ""
    template: str = ""

    @property
    def file(self) -> str:
        """The template's file under ``templates``."""
        return self.template or f"sections/{self.key}.html.j2"


def sections() -> list[Section]:
    """All sections in their order.

    Raises:
        ConfigError: two modules give a section the same key.
    """
    found: dict[str, Section] = {}
    for module in pkgutil.iter_modules(__path__):
        section = getattr(import_module(f"{__name__}.{module.name}"), "SECTION", None)
        if not isinstance(section, Section):
            continue
        if section.key in found:
            raise ConfigError(
                f"two sections of the report have the key {section.key!r}; the second is in {module.name}.py"
            )
        found[section.key] = section
    return sorted(found.values(), key=lambda section: (section.order, section.key))
