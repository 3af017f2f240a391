"""Models of pump as data: the shipped file, corrupt files, individual pumps, and the order for a first filling."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.core.errors import ConfigError, ParameterError, UnknownNameError
from thecal.core.parameters import read_parameters
from thecal.devices.orders import choose_concentration
from thecal.devices.pump import new_pump_state
from thecal.devices.pump_draws import sample_flow_bias
from thecal.devices.records import MIN_RATE, PUMP_PAR, PUMP_STATE
from thecal.devices.specs import load_pump, pump_names, pump_parameters

from support.pumps import PUMP, pump_par

SPEC = load_pump("synchromed_ii_40")
TEXT = (files("thecal.devices") / "data" / "pumps" / "synchromed_ii_40.toml").read_text(encoding="utf-8")
OPTIONS = (1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 25_000.0)


# What the SynchroMed II's description adds to the pump of the device tests.
SHIPPED = {
    "mechanism": 0, "stroke_nl": 5.0, "temp_per_c": 0.005, "ambient_per_mmhg": 1e-4, "internal_ml": 0.199,
    "compliance_ml": 0.05, "release_h": 0.5, "battery_h": 5.65 * 8766, "battery_flow_share": 0.3,
    "battery_reference_nl": 0.5e6 / 96, "battery_hard_h": 7 * 8766, "eri_left_h": 2160.0, "stall_log_h": 1 / 3,
    "stop_warning_h": 48.0, "mri_resume_h": 1 / 3, "mri_no_resume": 0.003, "mri_leak_ml": 0.0,
}  # fmt: skip


def test_the_shipped_pump_is_the_described_one() -> None:
    par = pump_parameters(SPEC)
    assert par.shape == (1,)
    solution = {"decay_per_h", "soluble_ug_per_ml", "wall_ug", "wall_per_h", "catheter_wall_ug", "catheter_share"}
    described = PUMP | SHIPPED
    assert set(described) | solution == set(PUMP_PAR.names)
    assert {name: par[name][0] for name in described} == pytest.approx(described, rel=1e-4)
    assert (SPEC.label_tolerance, SPEC.flow_bias, SPEC.flow_bias_low, SPEC.flow_bias_high) == (
        0.145,
        1.01,
        0.855,
        1.145,
    )
    assert SPEC.kind == "programmable"


def test_every_shipped_file_loads_and_names_its_evidence() -> None:
    assert "synchromed_ii_40" in pump_names()
    for name in pump_names():
        assert load_pump(name).name == name
        parameters = read_parameters(files("thecal.devices") / "data" / "pumps" / f"{name}.toml")
        for key, quantity in parameters.items():
            proposed = quantity.kind == "proposed"
            assert proposed == quantity.source.startswith("engineering choice: "), key
            assert not proposed or quantity.confidence == "low", key


def corrupt(tmp_path: Path, old: str, new: str) -> Path:
    assert TEXT.count(old) == 1, f"{old!r} must occur once"
    path = tmp_path / "broken.toml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    return path


STEP_HEAD = '[flow.rate_step]\nvalue = 40.0\nunit = "nL/hour"'
RESIDUAL_SOURCE = 'value = 1.4\nunit = "mL"\nsource = "Medtronic SynchroMed II 8637 implant manual"\n'


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('value = 40.0\nunit = "mL"', 'value = 40.0\nunit = "mg"', "reservoir.capacity", "cannot be read as 'mL'"),
        ('value = 0.048\nunit = "mL/day"', 'value = 0.048\nunit = "mL"', "flow.min_rate", "cannot be read"),
        (RESIDUAL_SOURCE, 'value = 1.4\nunit = "mL"\n', "reservoir.residual.source", "is missing"),
        (RESIDUAL_SOURCE, 'value = 1.4\nunit = "mL"\nsource = " "\n', "reservoir.residual.source", "empty"),
        ("value = 0.199", "value = nan", "catheter.internal.value", "finite"),
        ("value = 0.199", "value = 0.0", "catheter.internal", "outside"),
        ("value = 0.0022", "value = -0.0022", "catheter.volume_per_length", "outside"),
        ('value = 0.0022\nunit = "mL/cm"', 'value = "0.0022"\nunit = 5', "catheter.volume_per_length", "must be a number"),
        ("[catheter.length]", "[catheter.lenght]", "catheter.lenght", "no such parameter of a programmable pump (did you"),
        ("[catheter.length]", "[spare]\nvalue = 1\n[catheter.length]", "spare", "is missing"),
        ('kind = "programmable"', 'kind = "peristaltic"', "kind", "programmable, constant"),
        ('title = "SynchroMed II, 40 mL"', 'title = ""', "title", "missing"),
        (STEP_HEAD, STEP_HEAD.replace("40.0", "50.0"), "flow.rate_step", "whole number"),
        (STEP_HEAD, STEP_HEAD.replace("40.0", "0.0"), "flow.rate_step", "at least 1"),
        ("value = 0.048", "value = 48.0", "flow.min_rate", "<= flow.max_rate"),
        ("value = 2.0", "value = 1.0", "reservoir.low", "reservoir.residual <="),
        ('distribution = "normal"', 'distribution = "uniform"', "accuracy.flow_bias.distribution", "normal"),
        ("range = [0.855, 1.145]", "range = [-1.0, 1.145]", "accuracy.flow_bias.range", "above 0"),
        ("range = [0.855, 1.145]", "range = [1.1, 1.145]", "accuracy.flow_bias", "outside its range"),
        ('title = "SynchroMed II, 40 mL"', "title = ", "broken.toml", "not valid TOML"),
        ('title = "SynchroMed II, 40 mL"', "title = 7", "title", "bare number"),
    ],
)  # fmt: skip
def test_a_corrupt_file_is_refused_with_file_key_and_reason(
    tmp_path: Path, old: str, new: str, key: str, reason: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        load_pump(corrupt(tmp_path, old, new))
    message = str(caught.value)
    assert message.startswith("broken.toml: ")
    assert key in message
    assert reason in message


def test_a_missing_number_is_named(tmp_path: Path) -> None:
    head, tail = TEXT.split("[practice.start_flow]")
    path = tmp_path / "short.toml"
    path.write_text(head, encoding="utf-8")
    assert tail
    with pytest.raises(ParameterError, match=r"short\.toml: practice\.start_flow: missing"):
        load_pump(str(path))


def test_unknown_names_and_files() -> None:
    with pytest.raises(UnknownNameError, match="synchromed_ii_40"):
        load_pump("synchromed_ix")
    with pytest.raises(ParameterError, match="nowhere.toml: cannot be read"):
        load_pump(Path("/nowhere.toml"))


def test_rates_off_the_step_are_rounded_to_the_safe_side(tmp_path: Path) -> None:
    path = corrupt(tmp_path, "value = 0.048", "value = 0.0483")
    assert load_pump(path).min_rate_nl == 510  # 503.1 nL a tick: up, so that nothing below it is programmable
    assert SPEC.min_mode_rate_nl == 60  # 62.5 nL a tick: down


def test_pumps_of_a_cohort_get_their_own_bias_and_catheter() -> None:
    par = pump_parameters(SPEC, catheter_cm=[60.0, 80.0, 110.0], flow_bias=[0.95, 1.0, 1.05])
    assert par["flow_bias"].tolist() == [0.95, 1.0, 1.05]
    assert par["dead_ml"] == pytest.approx([0.331, 0.375, 0.441], rel=1e-12)
    assert SPEC.dead_ml(60.0) == pytest.approx(0.331, rel=1e-12)
    assert (par["capacity_ml"] == 40.0).all()


@pytest.mark.parametrize(
    "bad", [{"catheter_cm": -1.0}, {"catheter_cm": np.nan}, {"flow_bias": [1.0, 0.0]}, {"flow_bias": np.inf}]
)
def test_impossible_pumps_are_refused(bad) -> None:
    with pytest.raises(ConfigError, match="not finite and positive"):
        pump_parameters(SPEC, **bad)


def test_the_bias_follows_the_truncated_normal_distribution() -> None:
    unit = NormalDist()
    drawn = np.array([sample_flow_bias(SPEC, unit.inv_cdf((k + 0.5) / 4000)) for k in range(4000)])
    assert drawn.mean() == pytest.approx(1.01, abs=1e-3)
    assert drawn.std() == pytest.approx(0.0483, rel=0.03)
    assert (np.diff(drawn) >= 0).all()
    assert len(np.unique(drawn)) == 4000  # truncation leaves no heap at its edges


@given(st.floats(-1e9, 1e9))
def test_the_bias_stays_within_the_label(value: float) -> None:
    assert 0.855 <= sample_flow_bias(SPEC, value) <= 1.145


def test_the_bias_without_spread_and_from_a_bad_number() -> None:
    assert sample_flow_bias(SPEC.model_copy(update={"flow_bias_sd": 0.0}), 2.0) == 1.01
    wide = SPEC.model_copy(update={"flow_bias_sd": 1e-4})
    assert 1.0108 < sample_flow_bias(wide, 50.0) < 1.0109  # where the distribution function becomes 1 to the last bit
    with pytest.raises(ConfigError, match="finite"):
        sample_flow_bias(SPEC, float("nan"))


@pytest.mark.parametrize(
    ("dose", "highest", "chosen"),
    [
        (50.0, np.inf, 1_000.0),  # too little for any option: the weakest, which flows fastest
        (200.0, np.inf, 1_000.0),  # 0.2 mL/d; twice as strong would flow at 0.1 mL/d
        (1_500.0, np.inf, 5_000.0),  # 127 d counted as 90 d; 2 mg/mL would last 51 d
        (6_000.0, np.inf, 20_000.0),  # 127 d
        (6_000.0, 10_000.0, 10_000.0),  # as strong as is allowed, 63 d
        (9_000.0, np.inf, 25_000.0),  # 106 d; 20 mg/mL would last 84 d
        (700_000.0, np.inf, 25_000.0),  # more than the pump can give of any
    ],
)
def test_the_first_concentration_is_practical(dose: float, highest: float, chosen: float) -> None:
    assert choose_concentration(dose, OPTIONS, SPEC, max_interval_d=90.0, max_ug_per_ml=highest) == chosen


@pytest.mark.parametrize(
    "bad",
    [
        (np.nan, OPTIONS, 90.0, 1e9),
        (-1.0, OPTIONS, 90.0, 1e9),
        (1e3, (), 90.0, 1e9),
        (1e3, (0.0,), 90.0, 1e9),
        (1e3, OPTIONS, np.inf, 1e9),
        (1e3, OPTIONS, 90.0, 500.0),
    ],
)
def test_an_impossible_order_is_refused(bad) -> None:
    dose, options, interval, highest = bad
    with pytest.raises(ConfigError):
        choose_concentration(dose, options, SPEC, max_interval_d=interval, max_ug_per_ml=highest)


def test_new_pumps_fill_a_given_view() -> None:
    world = np.zeros(3, np.dtype([("other", "f8"), ("pump", PUMP_STATE)], align=True))
    world["pump"]["refills"] = 9
    par = np.concatenate([pump_par(), pump_par(dead_ml=0.5), pump_par()])
    state = new_pump_state(par, [1e4, 0, 0], [40.0, 30.0, 20.0], rate_nl=[2605, 0, 70], primed=False, out=world["pump"])
    assert state.base is not None
    assert world["pump"]["true_ml"].tolist() == world["pump"]["estimated_ml"].tolist() == [40.0, 30.0, 20.0]
    assert world["pump"]["rate_nl"].tolist() == [2600, 0, 60]
    assert world["pump"]["mode"][2] == MIN_RATE
    assert world["pump"]["slug_ml"][:, 0].tolist() == [0.375, 0.5, 0.375]
    assert world["pump"]["slug_conc"].max() == 0.0
    assert world["pump"]["refills"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("conc", "fill", "rate"),
    [([1e4, 0, 0], 41.0, 0), ([1e4, 0, 0], 1.0, 0), ([1e4, 0, 0], np.nan, 0), ([-1.0, 0, 0], 40.0, 0),
     ([np.inf, 0, 0], 40.0, 0), ([1e4, 0], 40.0, 0), ([1e4, 0, 0], 40.0, -1), ([1e4, 0, 0], 40.0, np.nan)],
)  # fmt: skip
def test_an_impossible_start_is_refused(conc, fill, rate) -> None:
    with pytest.raises(ConfigError):
        new_pump_state(pump_par(), conc, fill, rate_nl=rate)


def test_reading_constants_loads_no_kernel() -> None:
    code = "import sys, thecal.devices.records; print('thecal.devices.pump' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
