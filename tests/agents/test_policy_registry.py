"""Names, settings and what importing the package may load."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files

import pytest

from thecal.agents import load_rl_settings, make_policy, policy_names
from thecal.agents.base import Policy
from thecal.core.errors import ConfigError, ParameterError, UnknownNameError
from thecal.core.parameters import read_parameters

EXPECTED = {"fixed", "fixed_ptm", "guideline", "guideline_ptm", "pid", "random", "max_request"}


def test_every_name_makes_its_policy() -> None:
    assert set(policy_names()) == EXPECTED
    for name in policy_names():
        policy = make_policy(name)
        assert isinstance(policy, Policy)
        assert policy.name == name


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="guideline_ptm"):
        make_policy("oracle of delphi")
    with pytest.raises(UnknownNameError, match="ppo, sac"):
        load_rl_settings("dqn")


@pytest.mark.parametrize(
    ("name", "settings", "key"),
    [
        ("pid", {"gian": 1.0}, "gian"),
        ("pid", {"gain": -1.0}, "gain"),
        ("guideline", {"visit_monitored": float("nan")}, "visit_monitored"),
        ("guideline_ptm", {"share_of_day": 2.0}, "share_of_day"),
        ("fixed", {"rate": 1.0}, "rate"),
        ("random", {"seed": -1}, "seed"),
    ],
)
def test_bad_settings_are_named(name: str, settings: dict[str, float], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        make_policy(name, **settings)


def test_settings_override_the_file() -> None:
    assert make_policy("pid", gain=0.5).settings.gain == 0.5  # type: ignore[attr-defined]
    assert make_policy("pid").settings.gain != 0.5  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", ["demand", "guideline", "pid"])
def test_every_number_has_a_source(file: str) -> None:
    table = read_parameters(files("thecal.agents") / "data" / f"{file}.toml")
    assert len(table) > 0
    assert not table.texts
    for key in table:
        assert len(table[key].source) > 10, key


def test_guideline_matches_practice() -> None:
    """Restated, not imported: 24 h monitored, 7 d outpatients, steps of 10-20 %, target 3, POSS 3, RR 10, SpO2 92."""
    rule = make_policy("guideline").settings  # type: ignore[attr-defined]
    assert (rule.visit_monitored, rule.visit_outpatient) == (24.0, 168.0)
    assert (rule.raise_small, rule.raise_large, rule.lower_nausea, rule.lower_signs) == (0.1, 0.2, 0.1, 0.2)
    assert (rule.target_nrs, rule.meaningful_relief) == (3.0, 0.3)
    assert (rule.poss_limit, rule.rr_limit, rule.spo2_limit) == (3.0, 10.0, 92.0)


def test_rl_settings_load_override_and_refuse() -> None:
    ppo = load_rl_settings("ppo", "CancerMorphine")
    assert ppo.n_envs == 256
    assert load_rl_settings("sac", gamma=0.9).gamma == 0.9
    with pytest.raises(ConfigError, match="gamma"):
        load_rl_settings("ppo", gamma=1.5)
    with pytest.raises(ConfigError, match="n_step"):
        load_rl_settings("ppo", n_step=3)
    with pytest.raises(ConfigError, match="batch_size"):
        load_rl_settings("ppo", n_envs=2, n_steps=2)


def test_learning_rate_falls_linearly() -> None:
    settings = load_rl_settings("ppo", learning_rate=1.0, learning_rate_end=0.5)
    assert [settings.learning_rate_at(left) for left in (1.0, 0.5, 0.0)] == [1.0, 0.75, 0.5]


def test_corrupt_settings_file_names_file_and_key(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import thecal.agents.settings as module

    folder = tmp_path / "data"  # type: ignore[operator]
    folder.mkdir()
    (folder / "pid.toml").write_text("[gain]\nvalue = 1.0\nunit = '1/nrs'\n")
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    with pytest.raises(ParameterError, match=r"pid.toml: gain"):
        make_policy("pid")


def test_importing_the_package_loads_neither_torch_nor_sb3() -> None:
    code = (
        "import sys, thecal.agents as a; [a.make_policy(n) for n in a.policy_names()]; a.load_rl_settings('ppo');"
        "bad = [m for m in ('torch', 'stable_baselines3', 'safetensors', 'mlflow') if m in sys.modules];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
