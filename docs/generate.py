"""Writes the generated pages: of model, invariants and gaps, coverage, room, headroom, validation, and tasks.

The first shows every parameter of every file, so that a reader can see which number rests on what. The scores of
validation.md come from ``thecal validate --full --record .``, which takes half an hour; here only the texts follow the targets.
The pictures of the tasks are drawn anew, which runs a patient of each.
"""

from __future__ import annotations

from pathlib import Path

from thecal.core.files import write_whole
from thecal.core.parameters import ParameterFile, Quantity, read_parameters
from thecal.devices.chemistry import load_mixtures
from thecal.experiments.assurance.case_catalog import invariants_page, with_gaps
from thecal.experiments.reports import coverage_page, headroom_page, room_page, task_page
from thecal.experiments.reports.validation_page import load, refreshed, save, write_page

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    ("The virtual patient", "physiology/data"),
    ("Devices", "devices/data"),
    ("Limit profiles", "safety/data/profiles"),
    ("Ceilings above every profile", "safety/data/ceilings.toml"),
    ("What references say of limits", "safety/data/references.toml"),
    ("Charts that are drawn", "clinic/data/charts.toml"),
    ("How therapy moves on", "clinic/data/pathway.toml"),
    ("Trials before a pump", "clinic/data/trialing.toml"),
)
INTRO = """# Model reference

Generated from the parameter files by `python docs/generate.py`; do not edit. Spread is between patients. Kinds: *source* (read in
the source named), *memory* (recalled from it), *derived* (arithmetic on sourced numbers), *calibrated* (fitted to the targets
named), *proposed* (an engineering choice without a source). Research simulation only.
"""


def spread(quantity: Quantity) -> str:
    """The between-patient spread of a number as text."""
    parts = []
    if quantity.cv is not None:
        parts.append(f"CV {100 * quantity.cv:g} %")
    if quantity.sd is not None:
        parts.append(f"SD {quantity.sd:g}")
    if quantity.distribution is not None:
        parts.append(quantity.distribution)
    if quantity.range is not None:
        parts.append(f"{quantity.range[0]:g} to {quantity.range[1]:g}")
    return ", ".join(parts)


def table(file: ParameterFile) -> str:
    """One file as a Markdown table."""
    rows = ["| key | value | unit | spread | source | confidence | kind |", "|---|---|---|---|---|---|---|"]
    for key, quantity in file.items():
        source = f"{quantity.source}. {quantity.note}" if quantity.note else quantity.source
        cells = (f"`{key}`", f"{quantity.value:g}", quantity.unit, spread(quantity), source)
        escaped = [str(cell).replace("|", "\\|") for cell in (*cells, quantity.confidence, quantity.kind)]
        rows.append("| " + " | ".join(escaped) + " |")
    return "\n".join(rows)


def compatibility() -> str:
    """Every mixture studied, and how long it is good at the concentrations studied, as a Markdown table."""
    rows = ["| mixture | status | studied for (d) | source | note |", "|---|---|---|---|---|"]
    for mixture in sorted(load_mixtures().values(), key=lambda item: item.drugs):
        cells = (" + ".join(mixture.drugs), mixture.status, f"{mixture.stable_d:g}", mixture.source, mixture.note)
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def render() -> str:
    """The whole page."""
    parts = [INTRO]
    for title, folder in SOURCES:
        parts.append(f"## {title}\n")
        place = ROOT / folder
        for path in [place] if place.is_file() else sorted(place.rglob("*.toml")):
            parts.append(f"### `{path.relative_to(ROOT).as_posix()}`\n\n{table(read_parameters(path))}\n")
        if title == "Devices":
            parts.append(f"### Compatibility of mixtures\n\n{compatibility()}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    write_whole(ROOT / "docs" / "model.md", render())
    write_whole(ROOT / "docs" / "invariants.md", invariants_page())
    safety = ROOT / "docs" / "safety.md"
    write_whole(safety, with_gaps(safety.read_text(encoding="utf-8")))
    coverage_page.write_page(ROOT / "docs")
    room_page.write_page(ROOT / "docs")
    headroom_page.write_page(ROOT / "docs")
    save(refreshed(load(ROOT / "docs")), ROOT / "docs")
    write_page(ROOT / "docs")
    task_page.write_pages(ROOT / "docs")
