"""What a proof is of: the hash covers every file that the shield's tick is made from, wherever it lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.safety import certificate
from thecal.safety.certificate import SOURCES, kernel_hash

from support.modules import modules, reached

# How the tick is compiled and where that is kept; no number of it.
HOW_NOT_WHAT = {"thecal.core.jit", "thecal.core.cache", "thecal.core.machine"}


def test_the_proof_covers_every_file_the_tick_imports() -> None:
    covered = {f"{package}.{Path(name).stem}" for package, names in SOURCES.items() for name in names}
    assert covered <= set(modules())
    made_from = reached("thecal.safety.shield") - HOW_NOT_WHAT
    assert "thecal.safety.tick" in made_from
    assert "thecal.core.layout" in made_from
    assert {name for name in made_from if modules()[name].stem != "__init__"} <= covered


@pytest.mark.parametrize(("package", "name"), [(package, name) for package in SOURCES for name in SOURCES[package]])
def test_a_change_of_any_source_changes_the_hash(
    package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kernel_hash()
    changed = tmp_path / name
    changed.write_bytes(modules()[f"{package}.{Path(name).stem}"].read_bytes() + b"\n")

    class Elsewhere:
        def __init__(self, asked: str) -> None:
            self.asked = asked

        def joinpath(self, file: str) -> Path:
            return changed if (self.asked, file) == (package, name) else modules()[f"{self.asked}.{Path(file).stem}"]

    monkeypatch.setattr(certificate, "files", Elsewhere)
    certificate.kernel_hash.cache_clear()
    try:
        assert kernel_hash() != before
    finally:
        certificate.kernel_hash.cache_clear()
