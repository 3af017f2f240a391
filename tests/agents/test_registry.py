"""Names, settings, policies of other packages, and what importing the package may load."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import pytest

from thecal.agents import load_rl_settings, make_policy, policy_info, policy_names
from thecal.agents.base import BatchPolicy, Policy
from thecal.agents.info import PolicyInfo
from thecal.agents.registry import _warn_taken
from thecal.core.errors import ConfigError, ParameterError, UnknownNameError
from thecal.core.parameters import read_parameters

SHIPPED = (
    "fixed", "guideline", "day_night", "fixed_ptm", "guideline_ptm", "pid", "pid_guarded", "fault_response",
    "random", "max_request", "mpc", "bayes", "oracle",
)  # fmt: skip
RULE_FILES = ("demand", "guideline", "day_night", "pid", "pid_guarded", "fault_response", "oracle", "mpc", "bayes")
GROUP = "thecal.policies"


class Outside(BatchPolicy):
    """What another package might add."""

    info = PolicyInfo(name="outside", label="From outside", kind="rule")


class Nameless:
    """No policy: it says nothing of itself and cannot act."""

    def reset(self, context: object) -> None:
        pass


def other_name() -> object:
    """A factory whose policy calls itself otherwise than its entry point."""
    return Outside()


def broken(wrong: int = 0) -> object:
    raise ZeroDivisionError("no luck")


NOT_CALLABLE = 3


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Adds entry points, as an installed package would, to those of the environment."""

    def added(**values: str) -> None:
        dist = SimpleNamespace(name="other-package", version="2.0")
        points = {}
        for name, value in sorted(values.items()):
            points[name] = EntryPoint(name, value, GROUP)._for(dist)  # type: ignore[attr-defined]
        monkeypatch.setattr("thecal.core.plugins.plugins", lambda group: points)
        monkeypatch.setattr("thecal.agents.registry.plugins", lambda group: points)
        monkeypatch.setitem(sys.modules, "other_package", sys.modules[__name__])

    return added


def test_every_name_makes_its_policy() -> None:
    assert policy_names()[: len(SHIPPED)] == SHIPPED
    for name in policy_names():
        policy = make_policy(name)
        assert isinstance(policy, Policy)
        assert policy.info.name == name


def test_other_packages_add_policies_after_the_shipped(add: Any) -> None:
    add(outside="other_package:Outside", beside="other_package:other_name")
    assert policy_names() == (*SHIPPED, "beside", "outside")
    assert make_policy("outside").info == policy_info("outside") == Outside.info
    with pytest.raises(UnknownNameError, match=r"known: bayes, beside, .*outside"):
        make_policy("inside")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("other_package:Nameless", "it lacks act, info"),
        ("other_package:other_name", "calls itself 'outside'"),
        ("other_package:broken", "ZeroDivisionError: no luck"),
        ("other_package:NOT_CALLABLE", "neither a class nor a factory"),
        ("other_package:missing", "cannot be loaded"),
    ],
)
def test_what_is_no_policy_is_refused_by_package(add: Any, value: str, reason: str) -> None:
    add(mine=value)
    with pytest.raises(ConfigError, match=rf"'mine' of other-package 2.0.*{reason}"):
        make_policy("mine")


def test_wrong_settings_of_another_package_are_named(add: Any) -> None:
    add(outside="other_package:Outside")
    assert make_policy("outside", gain=2.0).info.parameters == {"gain": 2.0}
    add(mine="other_package:broken")
    with pytest.raises(ConfigError, match=r"other-package 2.0.*TypeError.*gain"):
        make_policy("mine", gain=2.0)


def test_a_shipped_name_cannot_be_taken(add: Any) -> None:
    _warn_taken.cache_clear()
    add(pid="other_package:Outside", outside="other_package:Outside")
    with pytest.warns(RuntimeWarning, match="other-package 2.0 adds a policy 'pid'"):
        assert policy_names() == (*SHIPPED, "outside")
    assert policy_names() == (*SHIPPED, "outside")  # without a second warning
    with pytest.raises(ConfigError, match=r"other-package 2.0.*shipped policy has that name"):
        make_policy("pid")
    assert make_policy("guideline").info.name == "guideline"


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="guideline_ptm"):
        make_policy("oracle of delphi")
    with pytest.raises(UnknownNameError, match="dagger, ppo"):
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


@pytest.mark.parametrize("file", RULE_FILES)
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
    assert ppo.n_envs == 32
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
