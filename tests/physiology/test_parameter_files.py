"""The shipped parameter files: each is whole and cites, and a corrupt one is named with its key and the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from thecal.core.errors import ParameterError, UnknownNameError
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.physiology import (
    cohort,
    cohort_spec,
    cord,
    covariate_draws,
    covariate_models,
    geometry,
    population,
    variability,
)
from thecal.physiology.known_keys import known_keys

UNFILLED = {"step", "channel", "spinal", "granuloma", "jet_shift", "potency", "load", "renal"}  # in some drug
FILES = (
    "adaptation", "anatomy", "breathing", "correlations", "covariates", "function", "harm", "rescue", "sensors",
    "structures", "variability",
)  # fmt: skip
SITES = [f"site_{name}" for name in ("center", "community", "early", "hospice", "rural")]
COHORTS = ("cancer", "elderly", "five_sites", "high_oih", "noncancer", "opioid_tolerant", "renal", *SITES, "spasticity")
DRUGS = (
    "baclofen", "bupivacaine", "clonidine", "dexmedetomidine", "fentanyl", "hydromorphone", "midazolam", "morphine",
    "sufentanil", "ziconotide",
)  # fmt: skip
RECEPTORS = ("alpha2", "gaba_a", "gaba_b", "mu", "n_calcium", "sodium_channel")
DRUG_KEYS = {
    "transport": ("uptake", "return", "cord_loss", "csf_loss", "baricity"),
    "plasma": ("clearance", "v_central", "k12", "k21", "renal_share"),
    "effect": (
        "ke0_dorsal", "ke0_brainstem", "ke0_plasma", "ec50", "ec50_brainstem", "ec50_plasma", "efficacy", "tolerance_share",
    ),
}  # fmt: skip
Swap = Callable[[str, str, Callable[[str], str]], Path]


def _file(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _shipped_text(name: str) -> str:
    return files("thecal.physiology").joinpath("data", *f"{name}.toml".split("/")).read_text(encoding="utf-8")


def _edited(name: str, key: str, edit: Callable[[str], str]) -> str:
    """A shipped file with the line of ``key`` changed."""
    table, _, leaf = key.rpartition(".")
    lines, here, done = [], "", 0
    for line in _shipped_text(name).splitlines():
        here = line.strip("[]") if line.startswith("[") else here
        if here == table and line.startswith(f"{leaf} "):
            line, done = edit(line), done + 1
        lines.append(line)
    assert done == 1, key
    return "\n".join(lines)


def _value(value: float, unit: str | None = None) -> Callable[[str], str]:
    def edit(line: str) -> str:
        line = re.sub(r"value = -?[\d.]+(e-?\d+)?", f"value = {value}", line)
        return line if unit is None else re.sub(r'unit = "[^"]*"', f'unit = "{unit}"', line)

    return edit


def _spread(line: str) -> str:
    return re.sub(r" }$", ', cv = 0.1, distribution = "lognormal" }', line)


def _rangeless(line: str) -> str:
    return re.sub(r", range = \[[^]]*\]", "", line)


@pytest.fixture
def swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swap:
    """Put an edited copy in the place of a shipped file."""

    def put(name: str, key: str, edit: Callable[[str], str]) -> Path:
        path = _file(tmp_path, _edited(name, key, edit), f"{name.rpartition('/')[2]}.toml")
        honest = population.shipped

        def look(asked: str) -> ParameterFile:
            return read_parameters(path) if asked == name else honest(asked)

        for module in (population, cohort, cord, geometry, covariate_draws, covariate_models, cohort_spec, variability):
            monkeypatch.setattr(module, "shipped", look)
        return path

    return put


def _draw(drug: str = "morphine", spec: str | Path = "cancer") -> cohort.Cohort:
    return cohort.draw(cohort_spec.load_cohort_spec(spec), (drug,), range(3), "train", 1)


@pytest.mark.parametrize(
    "name",
    [
        *FILES,
        *(f"cohorts/{c}" for c in COHORTS),
        *(f"drugs/{d}" for d in DRUGS),
        *(f"receptors/{r}" for r in RECEPTORS),
    ],
)
def test_a_shipped_file_loads_and_cites(name: str) -> None:
    file = population.shipped(name)
    assert len(file) > 0 or "sites.train" in file.texts
    for key, number in file.items():
        assert len(number.source) >= len("engineering choice"), key
        assert not re.search(r"\.md\b|/work|design doc", number.source), key
        assert number.range is None or number.range[0] < number.range[1], key
        if number.source.startswith("engineering choice"):
            assert number.kind in ("proposed", "derived"), key


def test_the_tests_know_every_shipped_file() -> None:
    assert population.names_in("drugs") == list(DRUGS)
    assert population.names_in("cohorts") == list(COHORTS)
    assert population.names_in("receptors") == list(RECEPTORS)
    assert population.names_in("") == sorted(FILES)


@pytest.mark.parametrize("drug", DRUGS)
def test_a_drug_file_supplies_all_that_is_needed(drug: str) -> None:
    file = population.drug_file(drug)
    assert set(file) >= {f"{table}.{key}" for table, keys in DRUG_KEYS.items() for key in keys}
    filled = _draw(drug).par["drug"][:, 0]
    for name in filled.dtype.names or ():
        glucuronide = ("m6g" in name or "m3g" in name) and (drug != "morphine" or name.endswith(("keep", "share")))
        if not glucuronide and name not in UNFILLED:
            assert (filled[name] > 0.0).all(), name


def test_an_unknown_drug_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown drug 'ketamine'; known: baclofen, bupivacaine, .*ziconotide"):
        _draw("ketamine")


def test_every_drug_starts_within_its_own_range() -> None:
    for drug in DRUGS:
        doses = _draw(drug, "noncancer").covariates["start_dose_ug_per_d"]
        if drug != "morphine":
            file = population.drug_file(drug)
            lowest = file.get_in("start.lowest", "ug/day")
            assert lowest <= file.get_in("start.usual", "ug/day") <= file.get_in("start.highest", "ug/day")
            assert (doses >= lowest).all(), drug
        assert np.isfinite(doses).all()


@pytest.mark.parametrize("drug", DRUGS)
@pytest.mark.parametrize("key", ["transport.uptake", "plasma.renal_share", "effect.ec50", "effect.efficacy"])
def test_a_drug_file_with_a_gap_is_refused_by_name(drug: str, key: str, swap: Swap) -> None:
    swap(f"drugs/{drug}", key, lambda line: "")
    with pytest.raises(ParameterError, match=rf"{drug}\.toml: {key}: missing"):
        _draw(drug)


@pytest.mark.parametrize(
    ("name", "key", "edit", "reason"),
    [
        ("anatomy", "csf.spinal", _value(-100.0), "positive"),
        ("anatomy", "csf.production", _value(-0.35), "positive"),
        ("anatomy", "tip.volume", _value(-2.0), "outside"),
        ("anatomy", "tip.volume", _value(0.0), "outside"),
        ("anatomy", "tip.volume", _value(2.0, "cm"), "cannot be read as 'mL'"),
        ("anatomy", "canal.length", _value(-60.0), "outside"),
        ("anatomy", "canal.length", _value(60.0, "mL"), "cannot be read as 'cm'"),
        ("anatomy", "csf.lumbar_share", _value(1.2), "outside"),
        ("anatomy", "csf.lumbar_share", _value(0.8), "leaves -0.12 of the CSF"),
        ("anatomy", "csf.bmi_power", _value(-50.0), "outside"),
        ("anatomy", "canal.length", _spread, "cannot have a distribution"),
        ("anatomy", "csf.spinal_absorption", _value(1.2), "outside"),
        ("anatomy", "canal.heart_rate_power", _value(-1.0), "outside"),
        ("receptors/mu", "analgesia.hill", _value(0.0), "outside"),
        ("receptors/mu", "breathing.emax", _value(1.5), "outside [0.0, 1.0]"),
        ("receptors/mu", "analgesia.hill", lambda line: "hill = 2.4", "bare number"),
        ("receptors/mu", "analgesia.sensitivity", lambda line: line.replace("value", "valve", 1), "value"),
        ("receptors/mu", "tolerance.fast_tau", _value(45.0, "mg"), "cannot be read as 'hour'"),
        ("receptors/mu", "tolerance.cross", lambda line: "", "missing"),
        ("receptors/mu", "sedation.hill", lambda line: line.replace("hill", "hills", 1), "missing"),
        ("receptors/mu", "withdrawal.temperature", _value(0.3, "mmHg"), "cannot be read as 'delta_degC'"),
        ("covariates", "height.men", _value(-176.0, "cm"), "outside its range"),
        ("covariates", "sleep_apnea.drive", _value(-0.1), "outside"),
        ("covariates", "neuropathic.crps", lambda line: "", "missing"),
        ("harm", "granuloma.rate", _value(0.4, "mL"), "cannot be read as '1/h'"),
        ("function", "mood.tau", _value(-7.0, "day"), "outside"),
        ("sensors", "eeg.rest", _value(-1.0), "positive"),
        ("sensors", "hrv.stuck", _value(1.5), "outside"),
        ("adaptation", "tolerance.prior_medd", _value(0.0), "outside"),
        ("breathing", "rest.paco2", lambda line: "", "missing"),
        ("breathing", "rest.paco2", _rangeless, "spread reaches [-inf, inf]"),
        (
            "variability",
            "receptor.analgesia.hill",
            lambda line: line.replace("1.9]", "19.0]"),
            "its range takes mu.toml to",
        ),
        ("variability", "occasion.correlation", _value(-0.995), "outside its range"),
        (
            "covariates",
            "site.cancer_nociceptive",
            lambda line: line.replace("27.0]", "37.0]"),
            "spread reaches [9, 37]",
        ),
        ("covariates", "renal.highest", _value(0.5), "outside"),
        ("anatomy", "cord.C8", _value(0.5), "outside"),
        ("anatomy", "cord.S5", _value(19.0), "do not descend"),
        ("adaptation", "tolerance.prior_medd", _spread, "cannot have a distribution"),
        ("sensors", "hr.noise", _spread, "cannot have a distribution"),
        ("breathing", "circulation.map_ratio", _value(-0.7), "outside"),
        ("sensors", "hr.noise", _value(-4.0), "outside"),
        ("sensors", "spo2.gain_pain", lambda line: "", "missing"),
        ("drugs/morphine", "plasma.renal_share", lambda line: _value(1.5)(_rangeless(line)), "outside"),
        ("drugs/morphine", "transport.baricity", _value(0.0, "mL"), "cannot be read as 'g/L'"),
        ("drugs/morphine", "plasma.clearance", _value(0.0), "outside"),
        ("drugs/morphine", "effect.ec50", _spread, "cannot have a distribution"),
        ("drugs/morphine", "plasma.v_central", _value(80.0, "hour"), "cannot be read as 'mL'"),
        ("drugs/morphine", "effect.ec50", lambda line: re.sub(r'source = "[^"]*", ', "", line), "source"),
    ],
)
def test_a_corrupt_shipped_file_is_named_with_key_and_reason(
    name: str, key: str, edit: Callable[[str], str], reason: str, swap: Swap
) -> None:
    path = swap(name, key, edit)
    with pytest.raises(ParameterError) as caught:
        _draw()
    assert str(caught.value).startswith(f"{path.name}: {key}")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("key", "edit", "reason"),
    [
        ("covariates.age", _value(60.0, "kg"), "cannot be read as 'year'"),
        ("covariates.male", _value(0.5, "mL"), "cannot be read"),
        ("pain.baseline", lambda line: "", "missing"),
        ("pain.episodes", _value(3.0, "day"), "cannot be read as '1/h'"),
        ("pain.responsiveness", _rangeless, "outside [0, 1]; give it a range"),
        ("pain.responsiveness", lambda line: line.replace("0.97]", "1.2]"), "spread reaches [0.1, 1.2]"),
        ("pain.baseline", lambda line: _value(14.0)(_rangeless(line)), "outside [0.0, 10.0]"),
        ("pain.placebo", lambda line: line.replace("[0.0,", "[-0.1,"), "spread reaches [-0.1, 0.4]"),
        ("pain.wake", lambda line: line.replace("9.0]", "21.5]"), "can reach 21.5 h, past pain.sleep at 21 h"),
        ("covariates.age", _rangeless, "outside [0, 120]; give it a range"),
        ("covariates.age", lambda line: line.replace("90.0]", "150.0]"), "reaches beyond 120 year"),
        ("covariates.medd", lambda line: _rangeless(line).replace("lognormal", "normal"), "outside [0, inf]"),
        ("covariates.male", _spread, "cannot have a distribution"),
        ("site.half_width", _value(1.5), "not a whole number"),
        ("start.fraction", _spread, "cannot have a distribution"),
        ("start.oral_ratio", _value(0.0), "outside"),
        ("start.highest", _value(0.1), "outside"),
        ("start.fraction", _value(1.5), "outside"),
        ("start.lowest", lambda line: "", "missing"),
    ],
)
def test_a_corrupt_cohort_file_is_named_with_key_and_reason(
    key: str, edit: Callable[[str], str], reason: str, tmp_path: Path
) -> None:
    path = _file(tmp_path, _edited("cohorts/cancer", key, edit), "mine.toml")
    with pytest.raises(ParameterError) as caught:
        _draw(spec=path)
    assert str(caught.value).startswith(f"mine.toml: {key}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("correlations", "variability")])
def test_what_the_model_reads_is_what_a_file_holds(name: str) -> None:
    assert known_keys(name) == set(population.shipped(name))


@pytest.mark.parametrize("folder", ["drugs", "receptors"])
def test_every_key_of_a_drug_or_receptor_is_read_of_some(folder: str) -> None:
    names = population.names_in(folder)
    assert known_keys(f"{folder}/{names[0]}") == {
        key for name in names for key in population.shipped(f"{folder}/{name}")
    }


@pytest.mark.parametrize(
    ("key", "value", "unit"),
    [("covariates.bmi", 300.0, "kg/m**2"), ("covariates.medd", 2e5, "mg/day"), ("pain.episode_height", 60.0, "nrs")],
)
def test_a_number_that_no_patient_has_is_refused(key: str, value: float, unit: str, tmp_path: Path) -> None:
    edit = _value(value, unit)
    path = _file(tmp_path, _edited("cohorts/cancer", key, lambda line: edit(_rangeless(line))), "mine.toml")
    with pytest.raises(ParameterError, match=f"^mine.toml: {key}: .*outside"):
        cohort_spec.load_cohort_spec(path)
