"""The record of how the structures stand: what qualifies, what is refused, and of which model it speaks."""

from __future__ import annotations

import json

import pytest

from thecal.core.errors import ParameterError
from thecal.physiology import structures
from thecal.physiology.structures import Standing, model_hash, read_record, second_offered, why_not

from support.structures import GOOD, POOR, put_record, record


@pytest.mark.parametrize(
    ("counts", "enough"),
    [
        ((85, 100, 30, 40), True), ((84, 100, 30, 40), False), ((85, 100, 29, 40), False), ((100, 100, 0, 0), False),
        ((0, 0, 0, 0), False), ((82, 82, 1, 1), True),
    ],
)  # fmt: skip
def test_both_shares_are_asked_for(counts, enough):
    assert Standing(*counts).qualifies is enough


def test_the_second_structure_is_offered_by_its_counts(monkeypatch, tmp_path):
    put_record(monkeypatch, tmp_path, GOOD)
    assert second_offered()
    put_record(monkeypatch, tmp_path, POOR)
    assert not second_offered()
    said = why_not()
    for part in ("2026-11-29", "41 of 100", "85%", "10 of 40", "75%"):
        assert part in said
    assert "changed" not in said


def test_a_record_of_another_model_says_so(monkeypatch, tmp_path):
    put_record(monkeypatch, tmp_path, POOR, model="0123")
    assert read_record().stale
    assert "the model has changed since" in why_not()


def test_without_a_record_nothing_is_offered(monkeypatch, tmp_path):
    monkeypatch.setattr(structures, "FILE", tmp_path / "none.json")
    assert read_record() is None
    assert not second_offered()
    assert "no score of it is recorded" in why_not()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "cannot be read"),
        ("[]", "not a table"),
        (record(GOOD, model=3), "model: missing"),
        (record(GOOD, date=None), "date: missing"),
        (record(GOOD, seeds=[1.5]), "seeds: missing"),
        (record(GOOD, structures=[]), "structures: missing"),
        (record({**GOOD, "met": -1}), r"structures\.compartment\.met: -1 is not a count"),
        (record({**GOOD, "met": True}), "met: True is not a count"),
        (record({**GOOD, "met": 101}), "larger than its whole"),
        (record({**GOOD, "untouched_of": 200}), "larger than its whole"),
        (record({"met": 1}), "needs met, of"),
    ],
)
def test_a_damaged_record_is_named_and_offers_nothing(content, said, monkeypatch, tmp_path):
    path = tmp_path / "structures.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    monkeypatch.setattr(structures, "FILE", path)
    with pytest.raises(ParameterError, match=said):
        read_record()
    assert not second_offered()


def test_the_hash_follows_numbers_and_code_not_words(monkeypatch, tmp_path):
    def hashed(toml, code):
        (tmp_path / "a.toml").write_text(toml)
        (tmp_path / "b.py").write_text(code)
        model_hash.cache_clear()
        return model_hash()

    monkeypatch.setattr(structures, "FOLDER", tmp_path)
    toml, code = (
        '[a]\nvalue = 1.0\nsource = "x"\n',
        '"""Words."""\n\n\ndef f(x):\n    """More."""\n    return "#" + x\n',
    )
    first = hashed(toml, code)
    assert hashed(toml.replace('"x"', '"y"'), code.replace("More", "Fewer") + "# a note\n") == first
    assert hashed(toml.replace("1.0", "1.1"), code) != first
    assert hashed(toml, code.replace("+ x", "+ x + x")) != first
    assert hashed(toml, code.replace('"#"', '"##"')) != first
    model_hash.cache_clear()
