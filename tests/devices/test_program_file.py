"""Program files: what a line does not use, what never happens and what the pump cannot do is refused; roundings are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.core.errors import ConfigError
from thecal.devices.program_file import ProgramFile, program_roundings, read_program, run_program
from thecal.devices.program_lines import VERBS, verb_rows
from thecal.devices.records import ML_PER_NL
from thecal.devices.specs import load_pump

ROOT = Path(__file__).parents[2]
SOLUTION = {"drugs": ["morphine"], "mg_per_ml": [10.0]}
# One whole line of every verb.
GOOD = {
    "continuous": {"ml_per_d": 0.24},
    "flex": {"parts": [{"at": "08:00", "ml_per_d": 0.24}]},
    "bolus": {"ml": 0.01, "minutes": 60},
    "patient_bolus": {"mg": 0.1, "lockout_h": 4, "per_day": 3},
    "press": {},
    "bridge": {"mg_per_d": 2.5},
    "prime": {"ml": 0.3},
    "stop": {},
    "minimum_rate": {},
    "refill": {"ml": 20.0, "mg_per_ml": [20.0]},
    "reset": {},
}
VALUES = {
    "ml_per_d": 0.24, "mg_per_d": 2.5, "ml": 0.01, "mg": 0.1, "minutes": 60, "lockout_h": 4, "per_day": 3,
    "parts": [{"at": "08:00", "ml_per_d": 0.24}], "mg_per_ml": [20.0],
}  # fmt: skip


def _program(*lines: dict, pump: str = "synchromed_ii_40", days: float = 3, **more) -> ProgramFile:
    return ProgramFile.model_validate({"pump": pump, "days": days, "solution": SOLUTION, "do": lines, **more})


def _line(verb: str, at_h: float = 1.0, **more) -> dict:
    return {"at_h": at_h, "do": verb, **more}


def _refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(f'days = 3\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [10.0]\n{text}', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_program(path)
    assert str(caught.value).startswith("mine.toml: ")
    return str(caught.value)


@pytest.mark.parametrize("verb", VERBS)
def test_a_whole_line_of_every_verb_is_taken(verb):
    program_roundings(load_pump("synchromed_ii_40"), _program(_line(verb, **GOOD[verb])))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("key", VALUES)
def test_a_key_that_the_verb_does_not_take_is_an_error(verb, key):
    if key in VERBS[verb].keys:
        return
    with pytest.raises(ValueError, match=rf"{key}: not a key of {verb}, which takes"):
        _program(_line(verb, **GOOD[verb], **{key: VALUES[key]}))


@pytest.mark.parametrize("verb", VERBS)
def test_a_key_that_the_verb_needs_is_missed(verb):
    for key in (*VERBS[verb].one_of, *VERBS[verb].needs):
        if key in GOOD[verb]:
            with pytest.raises(ValueError, match="missing|one of the two"):
                _program(_line(verb, **{name: value for name, value in GOOD[verb].items() if name != key}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[do]]\nat_h = 1\ndo = "continuous"\nmg_per_d = 1e9', "but synchromed_ii_40 runs 0.048 to 24 mL/d"),
        ('[[do]]\nat_h = 1\ndo = "continuous"\nml_per_d = 0.01', "for less say minimum_rate or stop"),
        ('[[do]]\nat_h = 1\ndo = "flex"\nparts = [{ at = "08:00", ml_per_d = 99 }]', "parts.0: 99 mL/d"),
        ('[[do]]\nat_h = 1\ndo = "bridge"\nmg_per_d = 1e5', "highest rate"),
        ('[[do]]\nat_h = 1\ndo = "bolus"\nml = 41', "holds 40 mL"),
        ('[[do]]\nat_h = 1\ndo = "prime"\nmg = 1e9', "holds 40 mL"),
        ('[[do]]\nat_h = 1\ndo = "bolus"\nml = 1e-9', "less than the pump's step"),
        ('[[do]]\nat_h = 1\ndo = "bolus"\nml = 0', "a bolus of nothing"),
        ('[[do]]\nat_h = 1\ndo = "bolus"\nml = 0.1\nminutes = 1', "takes 6 to"),
        ('[[do]]\nat_h = 1\ndo = "bolus"\nml = 0.001\nminutes = 1e6', "minutes for it"),
        ('[[do]]\nat_h = 1\ndo = "refill"\nml = 41', "holds 40 mL"),
        ('[[do]]\nat_h = 1\ndo = "refill"\nmg_per_ml = [1, 2]', "needs 1 numbers"),
        ('[[do]]\nat_h = 1\ndo = "refill"\nml = 0\nmg_per_ml = [1]', "no concentration"),
        ('[[do]]\nat_h = 1\ndo = "patient_bolus"\nmg = 0.1\nlockout_h = 1', "per_day: missing"),
        ('[[do]]\nat_h = 1\ndo = "patient_bolus"\nmg = 0.1\nlockout_h = 1\nper_day = 0', "per_day: must be at least 1"),
        ('[[do]]\nat_h = 1\ndo = "patient_bolus"\nmg = 0\nlockout_h = 1', "lockout_h: means nothing"),
        ('[[do]]\nat_h = 72\ndo = "stop"', "do.0: at_h: 72 is past the end"),
        ('[[do]]\nat_h = 71.9\ndo = "stop"', "is past the end"),
        ('[[do]]\nat_h = 1\ndo = "stop"\n[[do]]\nat_h = 1\ndo = "continuous"\nml_per_d = 1', "fall into the same quarter"),
        ('[[do]]\nat_h = "24"\ndo = "stop"', "do.0.at_h: must be a number, not '24'"),
        ('[[do]]\nat_h = true\ndo = "stop"', "do.0.at_h: must be a number, not True"),
        ('[[do]]\nat_h = 1\ndo = "continuos"', "did you mean 'continuous'?"),
        ('[[do]]\nat_h = 1\ndo = "continuous"\nml_per_day = 1', "did you mean 'ml_per_d'?"),
        ("[faults]\nplanned = [{ fault = 'occlusion', at_h = 72 }]", "faults: planned.0: at_h: 72 is past the end"),
        ("[faults]\nwrong_drug = 'baclofen'", "wrong_drug: means nothing"),
        ("[faults]\npreset = 'worst'", "unknown fault preset"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_line_and_reason(tmp_path, text, words):
    assert words in _refused(tmp_path, text)


def test_what_another_pump_lacks_is_refused():
    for pump, verb, words in (
        ("prometra_ii_20", "minimum_rate", "no minimum-rate mode"),
        ("constant_0p5", "stop", "takes no program"),
    ):
        with pytest.raises(ConfigError, match=words):
            program_roundings(load_pump(pump), _program(_line(verb), pump=pump))


def test_roundings_are_told_and_nothing_else_is():
    spec = load_pump("synchromed_ii_40")
    exact = _program(_line("continuous", ml_per_d=0.24), _line("bolus", 2.0, ml=0.01, minutes=60))
    assert program_roundings(spec, exact) == []
    found = program_roundings(
        spec, _program(_line("continuous", 1.1, ml_per_d=0.25), _line("refill", 2.0, ml=40.0), days=3.001)
    )
    assert [(one.line, one.what) for one in found] == [
        ("the program", "days"), ("do.0 (continuous)", "at_h"), ("do.0 (continuous)", "ml_per_d"), ("do.1 (refill)", "ml"),
    ]  # fmt: skip
    assert [one.runs for one in found] == pytest.approx([3.0, 1.25, 0.2496, 38.6])


@settings(max_examples=40, deadline=None)
@given(
    ml_per_d=st.floats(0.001, 30.0), at_h=st.floats(0.0, 20.0), pump=st.sampled_from(["synchromed_ii_20", "prometra_ii_40"])
)  # fmt: skip
def test_a_rate_runs_as_it_is_told_or_is_refused(ml_per_d, at_h, pump):
    program = _program(_line("continuous", at_h, ml_per_d=ml_per_d), pump=pump, days=1)
    spec = load_pump(pump)
    try:
        told = {one.what: one.runs for one in program_roundings(spec, program)}
    except ConfigError:
        low, high = (rate * ML_PER_NL * 96 for rate in (spec.min_rate_nl, spec.max_rate_nl))
        assert not low <= ml_per_d <= high
        return
    run, _, _ = run_program(program)
    begin = round(told.get("at_h", at_h) * 4)
    assert run.samples["programmed_ml_per_d"][begin:] == pytest.approx(told.get("ml_per_d", ml_per_d), rel=1e-9)
    assert (run.samples["programmed_ml_per_d"][:begin] == 0.0).all()


def test_the_documented_table_is_the_one_that_is_checked():
    page = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | {keys or 'nothing'} | {text} |" for name, keys, text in verb_rows()]
    assert "\n".join(rows) in page


def test_the_shipped_example_runs_as_before():
    run, _, _ = run_program(read_program(ROOT / "docs" / "examples" / "bridge.toml"))
    assert float(run.state["delivered_ml"]) == pytest.approx(9.827, abs=1e-3)
    assert np.isfinite(run.samples["true_ml"]).all()
