"""Words of commands: a wrong name is answered at once with the near one, no check shows through, and every help reads well."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from thecal.core.glossary import TERMS, explained, in_text
from thecal.experiments.cli import app, run
from thecal.experiments.commands.listings import KINDS

HEAVY = ("torch", "mlflow", "scipy.stats", "plotly", "pandas", "stable_baselines3", "pyarrow", "matplotlib")
# Phrases of the checking library, which no user should meet.
FOREIGN = ("Value error", "Input should", "Extra inputs", "Field required", "type=", "validation error", "pydantic")
WRONG = (
    (("evaluate", "guidline"), "unknown policy 'guidline' (did you mean 'guideline'?)"),
    (("evaluate", "fixed", "--task", "Cancer"), "unknown task 'Cancer' (did you mean 'CancerCourse'?)"),
    (("evaluate", "fixed", "--profile", "seed"), "unknown profile 'seed' (did you mean 'seed_2025'?)"),
    (("evaluate", "fixed", "--pump", "synchromed"), "(did you mean 'synchromed_ii_20'?)"),
    (("evaluate", "fixed", "--cohort", "cancr"), "unknown cohort 'cancr' (did you mean 'cancer'?)"),
    (("evaluate", "fixed", "--faults", "stres"), "unknown fault preset 'stres' (did you mean 'stress'?)"),
    (("evaluate", "fixed", "--split", "tset"), "must be 'train', 'tune' or 'test', not 'tset' (did you mean 'test'?)"),
    (("evaluate", "fixed", "--stage", "atuo"), "(did you mean 'auto'?)"),
    (("evaluate", "fixed", "--shield", "projekt"), "(did you mean 'project'?)"),
    (("evaluate", "fixed", "--difficulty", "rael"), "unknown difficulty 'rael' (did you mean 'real'?)"),
    (("evaluate", "fixed", "--set", "patiens=3"), "patiens: unknown (did you mean 'patients'?)"),
    (("evaluate", "fixed", "--set", "seed=x"), "seed: must be a whole number, not 'x'"),
    (("compare", "fixed", "pidd"), "unknown policy 'pidd' (did you mean 'pid'?)"),
    (("benchmark", "guidline"), "unknown policy 'guidline' (did you mean 'guideline'?)"),
    (("benchmark", "hindsigt"), "unknown policy 'hindsigt' (did you mean 'hindsight'?)"),
    (("benchmark", "fixed", "--tasks", "Cancer"), "unknown task 'Cancer' (did you mean 'CancerCourse'?)"),
    (("benchmark", "fixed", "--difficulties", "real,rael"), "unknown difficulty 'rael' (did you mean 'real'?)"),
    (("benchmark", "fixed", "--shields", "projekt"), "(did you mean 'project'?)"),
    (
        ("benchmark", "fixed", "--reference", "fxed"),
        "the reference 'fxed' is not among the policies fixed (did you mean 'fixed'?)",
    ),
    (("train", "--task", "Cancer"), "(did you mean 'CancerCourse'?)"),
    (("train", "-a", "pppo"), "(did you mean 'ppo'?)"),
    (("demo", "--task", "Cancer"), "(did you mean 'CancerCourse'?)"),
    (("attack", "--task", "Cancer", "--frames", "0"), "(did you mean 'CancerCourse'?)"),
    (("cohort", "describe", "--cohort", "canser"), "(did you mean 'cancer'?)"),
    (("cohort", "describe", "--drug", "morfine"), "unknown drug 'morfine' (did you mean 'morphine'?)"),
    (("cohort", "describe", "--split", "tset"), "(did you mean 'test'?)"),
    (("pump", "solution", "--drug", "morfine=1"), "unknown drug 'morfine' (did you mean 'morphine'?)"),
    (
        ("pump", "bridge", "--old", "1", "--new", "2", "--dose", "1", "--pump", "synchromed"),
        "(did you mean 'synchromed",
    ),
    (("pump", "interrogate", "--task", "Cancer"), "(did you mean 'CancerCourse'?)"),
    (("validate", "csf_half"), "unknown validation target 'csf_half' (did you mean 'csf_half_life'?)"),
    (("calibrate", "opioid_win"), "unknown calibration study 'opioid_win' (did you mean 'opioid_window'?)"),
    (("verify", "seed"), "unknown profile 'seed' (did you mean 'seed_2025'?)"),
    (("sensitivity", "morphine"), "(did you mean 'morphine"),
    (("list", "polices"), "unknown kind 'polices' (did you mean 'policies'?)"),
)


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    if not hasattr(command, "commands"):
        return [(path, command)]
    return [leaf for name, inner in command.commands.items() for leaf in leaves(inner, (*path, name))]


COMMANDS = leaves(typer.main.get_command(app))
IDS = [" ".join(path) for path, _ in COMMANDS]


@pytest.mark.parametrize(("words", "answer"), WRONG, ids=[" ".join(words)[:40] for words, _ in WRONG])
def test_a_wrong_name_is_answered_with_the_near_one(capsys, monkeypatch, tmp_path, words, answer):
    monkeypatch.chdir(tmp_path)
    assert run(list(words)) == 2
    seen = capsys.readouterr()
    assert answer in seen.err
    assert not any(phrase in seen.err for phrase in FOREIGN)
    assert seen.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("evaluate", "guidelin"), ("compare", "pidd"), ("train", "--task", "Cancer"), ("demo", "--profile", "x")]
)
def test_a_wrong_name_costs_no_heavy_import(words, tmp_path):
    code = (
        "import sys; from thecal.experiments.cli import run; code = run(sys.argv[1:]); "
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "2 []\n"


def test_the_folder_of_a_policy_is_offered_beside_the_names(capsys):
    run(["evaluate", "nope"])
    known = re.search(r"known: (.*); or the folder of a trained policy$", capsys.readouterr().err.strip())
    assert known is not None
    assert known[1].split(", ") == sorted(known[1].split(", "))


def test_wrong_commands_and_options_get_the_near_one(capsys):
    assert run(["lst"]) == 2
    assert "Did you mean 'list'?" in capsys.readouterr().err
    assert run(["evaluate", "fixed", "--patiens", "3"]) == 2
    assert "--patients" in capsys.readouterr().err


def test_list_alone_shows_its_kinds(capsys):
    assert run(["list"]) == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"^{kind}\b", out, re.MULTILINE) for kind in KINDS)


def test_drugs_are_listed_with_doses_and_not_with_counts(capsys):
    import json

    run(["list", "drugs", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["baclofen"]["usual start"] == "100 µg/day"
    assert rows["baclofen"]["range of starts"] == "25 to 200 µg/day"
    assert (
        "15 mg/day (monitored_closed_loop, pacc_2017, seed_2025); 20 mg/day (label_us)"
        in rows["morphine"]["cap in 24 h"]
    )
    cap = rows["morphine"]["caps"]["label_us"]
    assert (cap["value"], cap["unit"]) == (20.0, "mg/day")
    assert "US label" in cap["source"]
    assert "numbers" not in rows["morphine"]


def test_policies_say_what_their_rule_rests_on(capsys):
    from thecal.agents.registry import policy_info, policy_names

    texts = {name: policy_info(name).text for name in policy_names()}
    assert "ASA 2009" in texts["guideline"]
    assert len(set(texts.values())) == len(texts)
    assert all(len(text) > 40 for text in texts.values())


def test_terms_are_explained_where_they_appear(capsys):
    assert in_text("medd_mg_per_d, rr0; fixed_ptm (POSS 3)") == ("MEDD", "POSS", "PTM", "rr0")
    assert in_text("a shift in the real split of the profile") == ()
    run(["list", "terms"])
    out = capsys.readouterr().out
    assert all(f"\n{name}" in out for name in TERMS)
    run(["list", "outcomes"])
    assert explained("POSS").split(",")[0] in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_help_fits_80_columns_and_its_examples_parse(path, command):
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert shown.exit_code == 0
    assert max(len(line) for line in shown.output.splitlines()) <= 80
    examples = re.findall(r"`(thecal [^`]+)`", command.help or "")
    assert examples, "no example"
    for example in examples:
        _parses(shlex.split(example.replace("...", "")))


def _parses(words: list[str]) -> None:
    """See that a command line is understood, without running it."""
    command: click.Command = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context("thecal", rest, resilient_parsing=False)


def test_no_help_speaks_in_foreign_words():
    for path, _ in COMMANDS:
        text = CliRunner().invoke(app, [*path, "--help"]).output
        assert not any(phrase in text for phrase in FOREIGN), path


def test_examples_of_the_project_exist():
    root = Path(__file__).resolve().parents[3]
    named = {word for _, command in COMMANDS for word in re.findall(r"docs/examples/\S+?\.toml", command.help or "")}
    assert named
    assert all((root / place).is_file() for place in named)
