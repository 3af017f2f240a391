"""The last step of a comparison: its report and the data behind it, written into its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.reports.build import build_report, stored_curve
from thecal.experiments.reports.store import save_report_data


def finish_report(
    found: Comparison,
    folder: Path,
    origin: dict[str, Any],
    sources: Sequence[Path],
    validation: bool,
    bar: Callable[[str], AbstractContextManager[Callable[..., None]]] = lambda _title: nullcontext(_quiet),
) -> Path:
    """Write ``report.html`` and the data behind it into ``folder``.

    Args:
        found: the comparison.
        folder: of its results.
        origin: provenance of the comparison.
        sources: what the policies were named by; a training curve that lies beside one is shown.
        validation: whether to run the short form of the validation (minutes) and show it.
        bar: makes the display of how far that is, called with (done, what was done, of how many).

    Returns:
        Path of the page.

    Raises:
        StoreError: a file cannot be written.
        ConfigError: Plotly or Jinja2 is not installed.
    """
    from thecal.experiments.reports.page import write_report

    curve = next((curve for curve in map(stored_curve, sources) if curve is not None), None)
    scores, checks = [], []
    if validation:
        from thecal.experiments.validation.validate import records, validate, visual_checks

        with bar("reproduce published observations") as update:
            scores = records(validate(progress=lambda done, of, what: update(done, what, of)))
        checks = visual_checks()
    data = build_report(found, provenance=origin, curve=curve, validation=scores, checks=checks)
    save_report_data(data, folder)
    return write_report(data, folder / "report.html")


def _quiet(*_of: Any) -> None:
    """Tell nobody."""
