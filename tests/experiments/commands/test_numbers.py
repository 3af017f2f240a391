"""Numbers on the command line: every count and seed has a bound, and what is beyond it is one complaint before any work."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from thecal.core.errors import ConfigError
from thecal.core.seeds import COHORT_SEED_LIMIT, SEED_LIMIT
from thecal.envs.options import Options
from thecal.envs.scenario import Scenario
from thecal.experiments.cli import app, run
from thecal.experiments.commands.common import gathered, overrides
from thecal.experiments.studies.config import EvaluateConfig, TrainConfig, load_config

HUGE = str(2**64)


def _counts() -> Any:
    def walk(command: Any, name: str) -> Any:
        if hasattr(command, "commands"):
            for key, inner in command.commands.items():
                yield from walk(inner, f"{name} {key}".strip())
            return
        for option in command.params:
            kind = getattr(getattr(option, "type_descriptor", None), "annotation", None)
            if kind is int and option.name not in Options.model_fields:
                yield name, option

    yield from walk(typer.main.get_command(app), "")


COUNTS = list(_counts())


@pytest.mark.parametrize(("name", "option"), COUNTS, ids=[f"{name} {option.opts[0]}" for name, option in COUNTS])
def test_every_count_has_a_bound(name, option, capsys):
    assert option.max is not None
    assert run([*name.split(), option.opts[0], HUGE]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_walk_finds_counts():
    assert len(COUNTS) > 12


@pytest.mark.parametrize("value", [HUGE, "-1", "1.0", "true", "many", "1e3"])
@pytest.mark.parametrize("key", ["seed", "cohort_seed", "patients"])
def test_a_count_by_set_is_whole_and_bounded(key, value, capsys):
    assert run(["evaluate", "fixed", "--no-track", "--set", f"{key}={value}"]) == 2
    assert f"error: configuration: {key}: " in capsys.readouterr().err


@pytest.mark.parametrize("value", [HUGE, "-1", "1.0", "many"])
def test_a_seed_of_the_environment_is_whole_and_bounded(value, monkeypatch):
    monkeypatch.setenv("THECAL_SEED", value)
    with pytest.raises(ConfigError, match="configuration: seed: must be"):
        load_config(EvaluateConfig)


def test_the_environment_says_numbers_and_flags_as_texts(monkeypatch):
    for name, value in (("SEED", "7"), ("TRACK", "no"), ("SETTINGS__GAMMA", "0.9"), ("SETTINGS__NET_ARCH", "[8, 8]")):
        monkeypatch.setenv(f"THECAL_{name}", value)
    found = load_config(TrainConfig)
    assert (found.seed, found.track, found.settings) == (7, False, {"gamma": 0.9, "net_arch": [8, 8]})
    monkeypatch.setenv("THECAL_TRACK", "perhaps")
    with pytest.raises(ConfigError, match="track: must be true or false"):
        load_config(TrainConfig)


@pytest.mark.parametrize("value", [2**64, -1, 1.0, True, "3", 10**400])
@pytest.mark.parametrize(("name", "limit"), [("seed", SEED_LIMIT), ("cohort_seed", COHORT_SEED_LIMIT)])
def test_a_scenario_takes_whole_seeds_below_their_limits(name, limit, value):
    with pytest.raises(ConfigError, match=f"^{name}: must be"):
        Scenario.of("CancerMorphine", **{name: value})
    assert getattr(Scenario.of("CancerMorphine", **{name: limit - 1}), name) == limit - 1


def test_a_value_given_twice_is_an_error():
    with pytest.raises(ConfigError, match="--set seed is given twice"):
        overrides(["seed=1", "seed=2"])
    with pytest.raises(ConfigError, match="seed is given twice"):
        gathered({"seed": 1, "out": None}, ["seed=2"])
    assert gathered({"seed": 1, "out": None}, ["out=x"]) == {"seed": 1, "out": "x"}
