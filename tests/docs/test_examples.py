"""The Python blocks of the README and the guide run as they stand there, only trained for a shorter time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/guide.md")
WHOLE_TRAINING = ".learn(1_000_000)"


def blocks():
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        code = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert code, f"{page} shows no Python"
        found += [pytest.param(block, id=f"{page}-{k}") for k, block in enumerate(code)]
    return found


@pytest.mark.parametrize("code", blocks())
def test_example_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace(WHOLE_TRAINING, ".learn(1)"), "example", "exec"), {"__name__": "example"})
    assert not list(tmp_path.iterdir()), "an example leaves files behind"
