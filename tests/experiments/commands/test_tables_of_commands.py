"""Every table of every command at 60, 80 and 120 columns: each word stands there as it does in a very wide terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from thecal.experiments.cli import run
from thecal.experiments.commands.listings import KINDS

EXAMPLE = str(Path(__file__).resolve().parents[3] / "docs" / "examples" / "bridge.toml")
QUICK = (
    *(("list", kind) for kind in KINDS), ("list",), ("tasks",), ("cohort", "describe", "-n", "20"),
    ("clinic", "select", "-n", "20"), ("clinic", "pathway", "--patient", "3"),
    ("pump", "simulate", EXAMPLE), ("pump", "solution", "--drug", "morphine=10", "--drug", "ziconotide=0.005"),
    ("pump", "bridge", "--old", "10", "--new", "20", "--dose", "2.5"), ("evaluate", "fixed", "-n", "1", "--no-track"),
    ("validate", "csf_half_life"), ("validate", "csf_half_life", "--long"),
)  # fmt: skip
SLOW = (
    ("compare", "-n", "2", "--no-track"), ("verify", "seed_2025", "--out", "proof.json"),
    ("sensitivity", "morphine_bolus", "--trajectories", "2", "--base", "8"),
    ("headroom", "CancerMorphine", "-n", "12", "--seeds", "1", "--horizon-d", "0.5"),
    ("benchmark", "fixed", "guideline", "-n", "4", "--horizon-d", "0.5"),
    ("pump", "detection", "-n", "2"), ("attack", "-n", "1", "--task", "CancerMorphine", "--frames", "0", "--workers", "1"),
    ("train", "--frames", "2048", "--no-track", "--set", "settings.n_envs=8", "--set", "settings.n_steps=32",
     "--set", "settings.batch_size=64", "--set", "tune_patients=2"),
)  # fmt: skip
CASES = [
    *(pytest.param(words, id=" ".join(words)[-40:]) for words in QUICK),
    *(pytest.param(words, id=" ".join(words)[:40], marks=pytest.mark.slow) for words in SLOW),
]
_CHANGING = re.compile(r"\d")  # times differ from run to run


def shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], width: int
) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(list(words)) == 0
    return capsys.readouterr().out


def tokens(text: str) -> set[str]:
    found = {word.strip(":;") for word in text.split() if not set(word) <= set("─│")}
    return {word for word in found if not _CHANGING.search(word)}


@pytest.mark.parametrize("words", CASES)
def test_no_word_is_broken(capsys, monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    widths = (60, 80, 120) if words[0] not in ("verify", "attack", "sensitivity", "train", "compare") else (60,)
    wide = tokens(shown(capsys, monkeypatch, words, 1000))
    for width in widths:
        text = shown(capsys, monkeypatch, words, width)
        assert tokens(text) - wide == set(), width
        assert "-0.0 " not in text
        if words[:2] not in (
            ("pump", "solution"),
            ("train", "--frames"),
            ("headroom", "CancerMorphine"),
            ("benchmark", "fixed"),
        ):  # these also print plain lines
            assert max(len(line) for line in text.splitlines()) <= width
