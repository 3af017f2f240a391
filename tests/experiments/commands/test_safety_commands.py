"""``verify``, ``audit``, ``attack`` and ``safety-case`` as a user runs them."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs.scenario import Scenario
from thecal.experiments.assurance.attack import STRATEGIES, AttackCase, attack, attack_cases, run_attack
from thecal.experiments.assurance.audits import replay
from thecal.experiments.assurance.case_catalog import catalog, invariants_page
from thecal.experiments.cli import run
from thecal.experiments.studies.config import EvaluateConfig, TrainConfig
from thecal.experiments.studies.train import train
from thecal.safety.invariants import Invariant
from thecal.safety.trail import TrailWriter, read_trail

from support.task_files import SPASTICITY

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two tracked evaluations, one of them with a trail."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert run(["evaluate", "guideline", "-n", "2", "--trail", "--out", "kept"]) == 0
    return folder


def _json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, object]:
    capsys.readouterr()
    code = run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_kept_trail_is_audited_and_an_altered_one_is_found(audited, monkeypatch, capsys):
    monkeypatch.chdir(audited)
    code, found = _json(["audit", "kept"], capsys)
    assert code == 0
    assert (found[0]["patients"], found[0]["violations"], found[0]["integrity"]) == (2, 0, [])
    trail = audited / "kept" / "guideline.trail"
    assert run(["audit", "verify", str(trail)]) == 0
    assert "whole" in capsys.readouterr().out
    spoilt = bytearray(trail.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    (audited / "spoilt.trail").write_bytes(spoilt)
    assert run(["audit", "verify", "spoilt.trail"]) == 1
    assert run(["audit", "spoilt.trail"]) == 1
    (audited / "torn.trail").write_bytes(trail.read_bytes()[:-5])
    code, found = _json(["audit", "torn.trail"], capsys)
    assert code == 0
    assert "torn tail" in found[0]["integrity"][0]


def test_garbage_in_a_chain_that_fits_is_found(audited, monkeypatch, capsys):
    monkeypatch.chdir(audited)
    meta, rows, _ = read_trail(Path("kept") / "guideline.trail")
    writer = TrailWriter(Path("garbage.trail"), meta)
    for tick in range(100):
        writer.rows(rows[rows["tick"] == tick])
    writer._append(9, b"")
    writer.close()
    assert run(["audit", "verify", "garbage.trail"]) == 1
    code, found = _json(["audit", "garbage.trail"], capsys)
    assert (code, "unknown kind 9" in found[0]["integrity"][0]) == (1, True)


def test_a_tracked_run_is_replayed(audited, monkeypatch, capsys):
    monkeypatch.chdir(audited)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code, made = _json(["evaluate", "fixed_ptm", "-n", "2"], capsys)
    assert code == 0
    code, found = _json(["audit", made["run_id"]], capsys)
    assert code == 0
    assert found[0]["replayed"] is True
    assert (found[0]["policy"], found[0]["violations"]) == ("fixed_ptm", 0)


def test_a_training_run_is_replayed_through_its_policy(audited, monkeypatch, capsys):
    monkeypatch.chdir(audited)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    trained = train(
        TrainConfig(
            total_steps=2_048, pool=16, tune_patients=2, settings={"n_envs": 16, "n_steps": 64, "batch_size": 256}
        )
    )
    code, found = _json(["audit", trained.run_id], capsys)
    assert code == 0
    assert (found[0]["replayed"], found[0]["split"], found[0]["patients"]) == (True, "tune", 2)
    assert (found[0]["violations"], found[0]["integrity"]) == (0, [])
    code, made = _json(["compare", str(trained.folder), "fixed", "-n", "2"], capsys)
    shutil.rmtree(trained.folder)
    code, found = _json(["audit", made["run_id"]], capsys)
    assert code == 0
    assert [(one["policy"], one["violations"], one["integrity"]) for one in found] == [("ppo", 0, []), ("fixed", 0, [])]


def test_a_replay_that_differs_from_the_record_says_so(audited, monkeypatch):
    monkeypatch.chdir(audited)
    config = EvaluateConfig(policy="fixed", patients=1).model_dump(mode="json")
    tags = {"kind": "evaluate"}
    honest = replay(config, tags, {})[0]
    assert honest["integrity"] == []
    claimed = replay(config, tags, {"return": 1e9, "nrs_mean": -5.0, "time_nrs_3": 2.0})[0]
    assert any("differs from the record" in words for words in claimed["integrity"])
    for what in ("task", "cohort", "profile", "kernel", "scenario"):
        with pytest.raises(ConfigError, match=f"the {what} has changed since the run"):
            replay(config, {**tags, f"{what}_hash": "0" * 64}, {})


def test_a_run_that_cannot_be_replayed_says_why():
    config = EvaluateConfig(policy="fixed", patients=1).model_dump(mode="json")
    with pytest.raises(ConfigError, match="the run's configuration: mood: unknown; known: task"):
        replay({**config, "mood": 1}, {"kind": "evaluate"}, {})
    first = {name: value for name, value in config.items() if name not in ("stage", "cohort")}
    with pytest.raises(ConfigError, match=r"recorded by version 0\.1"):
        replay(first, {"kind": "evaluate", "task_hash": "0" * 64}, {})


@pytest.mark.parametrize(
    ("target", "words"),
    [("nowhere", "not the id of a run"), ("0" * 32, "neither a folder nor a run"), ("empty", "no audit trail")],
)
def test_what_cannot_be_audited_is_an_error(target, words, audited, monkeypatch, capsys):
    monkeypatch.chdir(audited)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (audited / "empty").mkdir(exist_ok=True)
    assert run(["audit", target]) in (2, 4)
    assert words in capsys.readouterr().err


@pytest.fixture
def own_profile(tmp_path, monkeypatch) -> str:
    """A profile file in the working directory, which nobody has proved."""
    from importlib.resources import files

    monkeypatch.chdir(tmp_path)
    text = files("thecal.safety").joinpath("data", "profiles", "seed_2025.toml").read_text(encoding="utf-8")
    Path("mine.toml").write_text(text.replace('value = 15.0, unit = "mg/day"', 'value = 14.0, unit = "mg/day"'))
    return "mine.toml"


def test_an_unproved_profile_is_refused_with_the_command(own_profile, capsys):
    assert run(["evaluate", "fixed", "-n", "1", "--no-track", "--set", f"profile={own_profile}"]) == 2
    assert f"thecal verify {own_profile}" in capsys.readouterr().err


@pytest.mark.slow
def test_verify_proves_a_profile_or_says_it_cannot(own_profile, capsys):
    assert run(["verify", own_profile]) == 0
    assert Path("mine.proof.json").exists()
    assert run(["evaluate", "fixed", "-n", "1", "--no-track", "--set", f"profile={own_profile}"]) == 0
    assert run(["verify", own_profile, "--units", "1000", "--out", "hurried.json"]) == 1, (
        "running out of units is a failure"
    )
    assert any(goal["status"] == "out of units" for goal in json.loads(Path("hurried.json").read_text())["shared"])
    assert "ran out of 1,000 resource units, retry with --units 8000" in capsys.readouterr().err
    assert run(["verify", own_profile, "--wiring"]) == 0, "what is proved already is kept"


def test_a_small_attack_finds_only_a_broken_shield(tmp_path, monkeypatch):
    cases = [case for case in attack_cases(11, 0, ["CancerMorphine"]) if case.scenario.pump == "synchromed_ii_40"][:2]
    result = run_attack(cases, workers=2)
    assert {"usable", "malformed", "wrong units", "stale or repeated"} >= set(result["commands"])
    assert min(result["tested"][name] for name in ("finite", "command", "clock", "cap_24h", "step_up", "floor")) > 0
    assert result["violations"] == 0
    assert result["ticks"] > 2 * 10 * 28 * 96
    assert {"cap_24h", "step_up", "interval", "floor"} <= set(result["margins"])
    assert min(result["margins"].values()) >= 0.0
    import thecal.experiments.assurance.attack as module

    broken = module.trail_meta

    def strict(batch, **more):  # the auditor knows tighter limits than the shield keeps
        meta = broken(batch, **more)
        meta["limits"]["cancer.step"] = 0.1
        return meta

    monkeypatch.setattr(module, "trail_meta", strict)
    found, why = attack(AttackCase(Scenario.of("CancerMorphine", seed=1), 11))
    assert why == ""
    assert {breach[0] for breach in found.breaches} == {11}


def test_every_task_pump_and_fault_is_attacked():
    cases = attack_cases(1, 0)
    assert len(cases) == 12 * 8 * 3 + 12 * 3
    assert len({tuple(case.label.values()) for case in cases}) == len(cases)
    assert {case.scenario.stage for case in cases} == {"auto", "confirm", "lower", "advise"}


def test_an_attack_on_an_unknown_scenario_is_an_error(tmp_path, capsys):
    words = ["attack", "--task", "CancerMorphine", "-n", "2", "--frames", "0", "--out", str(tmp_path / "a.json")]
    assert run([*words, "--difficulty", "nonsense"]) == 2
    assert "unknown difficulty 'nonsense'" in capsys.readouterr().err
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    ("ticks", "chosen", "code"),
    [
        pytest.param(0, False, 1, marks=pytest.mark.slow),
        (9, True, 1),
        pytest.param(9, False, 0, marks=pytest.mark.slow),
    ],
)
def test_cases_that_could_not_run_are_shown(ticks, chosen, code, tmp_path, monkeypatch, capsys):
    import thecal.experiments.assurance.attack as module

    refused = [{"task": "CancerMorphine", "pump": "one", "why": "it does not fit"}]
    found = {"ticks": ticks, "seconds": 0.0, "violations": 0, "tested": {}, "margins": {}, "refused": refused}
    monkeypatch.setattr(module, "run_attack", lambda *_cases, **_more: dict(found))
    monkeypatch.setattr("thecal.experiments.assurance.strength.strength", lambda **_more: [])
    monkeypatch.setattr("thecal.experiments.assurance.strength.wiring", lambda **_more: [])
    more = ["--task", "CancerMorphine"] if chosen else []
    assert run(["attack", "-n", "1", "--frames", "0", "--out", str(tmp_path / "a.json"), *more]) == code
    shown = capsys.readouterr()
    assert ("CancerMorphine, one: it does not fit" in shown.err, "1 cases could not run" in shown.out) == (True, True)
    kept = json.loads((tmp_path / "a.json").read_text())
    assert (kept["schema"], kept["options"], len(kept["scenarios_hash"])) == (2, {}, 64)
    assert "CancerMorphine" in kept["tasks"]


def test_the_adversary_of_a_task_file_has_a_place(tmp_path, monkeypatch):
    import thecal.experiments.assurance.adversary as module

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(SPASTICITY, encoding="utf-8")
    places = []

    def noted(_scenario, path, **_more):
        places.append(path)
        raise ConfigError("seen enough")

    monkeypatch.setattr(module, "train_adversary", noted)
    assert run(["attack", "--task", "./mine.toml", "-n", "1", "--out", "a.json"]) == 2
    assert places == [Path("a.Baclofen.npz")]


def test_the_recorded_attack_and_mutation_belong_to_this_kernel():
    from thecal.safety.certificate import kernel_hash

    attack_, mutation = (
        json.loads((ROOT / "safety" / "data" / f"{name}.json").read_text()) for name in ("attack", "mutation")
    )
    assert attack_["kernel"] == mutation["kernel"] == kernel_hash(), "run `make attack mutation`"
    assert attack_["ticks"] >= 10_000_000
    assert attack_["violations"] == 0
    assert set(attack_["strategies"]) == set(STRATEGIES)
    argued = tomllib.loads((ROOT / "safety" / "data" / "mutants.toml").read_text(encoding="utf-8"))
    assert set(mutation["survived"]) == set(argued), "a survivor is neither killed nor argued"
    assert mutation["killed_by_proof"] + len(argued) == mutation["mutants"] > 1_000


def test_the_adversary_learns_and_its_weights_are_no_pickle(tmp_path):
    from thecal.core.errors import StoreError
    from thecal.experiments.assurance.adversary import load_adversary, train_adversary

    path = tmp_path / "a.npz"
    learned = train_adversary("CancerMorphine", path, frames=4096, seed=0)
    assert np.isfinite(list(learned.values())).all()
    found, _ = attack(AttackCase(Scenario.of("CancerMorphine", seed=1), 13, adversary=str(path)))
    assert found.breaches == []
    np.savez(tmp_path / "bad.npz", a=np.array([{}], dtype=object))
    for bad in ("bad.npz", "none.npz"):
        with pytest.raises((StoreError, KeyError)):
            load_adversary(str(tmp_path / bad))


def test_the_catalog_names_code_and_tests_that_exist():
    known = catalog()
    assert set(known) == set(Invariant)
    tests = {path.stem: path.read_text() for path in ROOT.glob("tests/**/test_*.py")}
    for entry in known.values():
        for test in entry["tests"]:
            module, _, name = test.partition("::")
            assert f"def {name}(" in tests[module], test
        for place in entry["code"]:
            file, _, thing = place.partition(".")
            source = (ROOT / "safety" / f"{file}.py").read_text()
            assert f"def {thing}(" in source or f"class {thing}" in source or f"class {thing}(" in source, place
        assert entry["source"]
        assert entry["fail_safe"]


def test_the_table_of_invariants_is_up_to_date():
    assert (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8") == invariants_page(), "run docs/generate.py"
