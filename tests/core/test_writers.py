"""Nobody writes a file past ``core/files.py``: a file written in place would be left half by a full disk or a kill."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("src/thecal/core", "physiology", "devices", "safety", "envs", "agents", "experiments", "benchmarks", "docs")
# Methods and functions that write a file by themselves, whatever they belong to.
WRITERS = {
    "write_text", "write_bytes", "to_csv", "to_parquet", "to_pickle", "write_html", "write_image", "savez",
    "savez_compressed", "savetxt", "savefig", "tofile", "save_file", "save_model", "copyfile", "copy2",
}  # fmt: skip
# Each of these hands the writer a buffer, or the path of a draft that `core/files.py` gave it.
ALLOWED = {
    ("experiments/assurance/adversary.py", "savez"): "into memory",
    ("experiments/commands/cohort.py", "savez_compressed"): "into memory",
    ("experiments/reports/vector.py", "savefig"): "into memory",
    ("experiments/analysis/benchmark_parts.py", "write_table"): "onto a draft that is put in place whole",
    ("experiments/sensitivity/page.py", "savefig"): "into memory",
    ("experiments/rollouts/parquet.py", "ParquetWriter"): "onto a draft",
    ("experiments/rollouts/transitions.py", "ParquetWriter"): "onto a draft",
    ("physiology/cohort_table.py", "write_table"): "into memory",
    ("experiments/rollouts/parquet.py", "write_table"): "of a writer onto a draft",
    ("experiments/rollouts/transitions.py", "write_table"): "of a writer onto a draft",
    ("experiments/commands/cohort.py", "write_table"): "our own, which writes whole",
    ("experiments/fitting/patient_file.py", "write_table"): "our own, which writes whole",
    ("safety/trail.py", "open"): "a log that only grows, whose torn end its reader knows",
    ("experiments/commands/streams.py", "open"): "the null device",
    ("experiments/tracking/schema.py", "open"): "a lock, which holds nothing",
    ("experiments/tracking/schema.py", "copyfile"): "a database in the making, linked into its place when it is whole",
}


def sources() -> list[Path]:
    found = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in found if path != ROOT / "src/thecal/core/files.py"]


def writes(tree: ast.AST) -> list[tuple[str, int]]:
    """Names and lines of calls that can write a file."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in WRITERS or name in ("ParquetWriter", "write_table") or (name == "open" and _may_write(node)):
            found.append((name, node.lineno))
    return found


def _may_write(call: ast.Call) -> bool:
    """Whether an ``open`` has a mode or flags that write."""
    texts = [
        ast.unparse(value) for value in (*call.args, *(word.value for word in call.keywords if word.arg == "mode"))
    ]
    modes = [text.strip("'\"") for text in texts if text[:1] in "'\""]
    return any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes) or any(
        "O_WRONLY" in text or "O_RDWR" in text for text in texts
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("open(p, 'w')", ["open"]), ("p.open('rb')", []), ("p.open(mode='xb')", ["open"]), ("open(p)", []),
        ("path.write_text('x')", ["write_text"]), ("frame.to_csv(p)", ["to_csv"]), ("os.open(p, os.O_WRONLY)", ["open"]),
    ],
)  # fmt: skip
def test_what_counts_as_writing(code: str, expected: list[str]) -> None:
    assert [name for name, _ in writes(ast.parse(code))] == expected


def test_every_file_is_written_whole() -> None:
    used, past = set(), []
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        for name, line in writes(ast.parse(path.read_text(encoding="utf-8"))):
            used.add((place, name))
            if (place, name) not in ALLOWED:
                past.append(f"{place}:{line}: {name}")
    assert past == []
    assert set(ALLOWED) == used  # an exception that is no longer needed is taken back
