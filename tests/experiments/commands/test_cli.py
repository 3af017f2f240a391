"""The command line: help, listings, exit codes, one-sentence errors, and results that can be piped."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from thecal.agents.registry import policy_names
from thecal.core.errors import ConfigError
from thecal.envs.tasks import task_names
from thecal.envs.variants import entries
from thecal.experiments.cli import app, run
from thecal.experiments.commands.common import overrides, write_csv
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec

COMMANDS = (
    "demo",
    "train",
    "evaluate",
    "compare",
    "validate",
    "calibrate",
    "report",
    "play",
    "warmup",
    "tasks",
    "list",
    "cohort describe",
    "clinic charts",
    "clinic select",
    "clinic pathway",
    "clinic trialing",
)
SCRIPT = "from thecal.experiments.cli import main; main()"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder with its own tracking store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def outcome(capsys, *arguments):
    """Exit code, standard output and standard error of a command line."""
    code = run(list(arguments))
    seen = capsys.readouterr()
    return code, seen.out, seen.err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_reads_with_an_example(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"])
    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert f"thecal {command}" in shown.output


def test_help_lists_every_command_and_says_simulation_only():
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert all(command.split()[0] in shown.output for command in COMMANDS)
    assert "Research simulation only" in shown.output


def test_version_says_simulation_only(capsys):
    code, out, _ = outcome(capsys, "--version")
    assert code == 0
    assert out.startswith("thecal ")
    assert "simulation only" in out


def test_help_imports_nothing_heavy():
    check = f"import sys; sys.argv = ['thecal', '--help']\ntry:\n    exec({SCRIPT!r})\nfinally:\n    print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    for heavy in ("torch", "mlflow", "plotly", "pandas", "numba", "stable_baselines3", "scipy", "jinja2"):
        assert f"'{heavy}'" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("evaluate", "nope"), 2, "unknown policy 'nope'"),
        (("evaluate", "fixed", "--task", "Nope"), 2, "unknown task 'Nope'; known: BaclofenSpasticity"),
        (("evaluate", "fixed", "--difficulty", "nope", "-n", "1"), 2, "difficulty 'nope'"),
        (("evaluate", "fixed", "--set", "profile=nope", "--no-track"), 2, "unknown profile 'nope'; known: "),
        (("evaluate", "fixed", "--set", "nope=1"), 2, "nope: "),
        (("evaluate", "fixed", "--set", "nope"), 2, "is not of the form key=value"),
        (("evaluate", "fixed", "--shield", "nope"), 2, "shield_mode: "),
        (("train", "--algorithm", "nope"), 2, "algorithm: "),
        (("compare", "fixed", "guideline", "--reference", "pid", "-n", "1", "--no-track"), 2, "the reference 'pid'"),
        (("cohort", "describe", "--cohort", "nope"), 2, "unknown cohort 'nope'; known: cancer"),
        (("cohort", "export", "patients.txt"), 2, "the ending must be one of"),
        (("validate", "nope"), 2, "unknown validation target 'nope'"),
        (("report", "nope"), 2, "nope: no such folder"),
        (("list", "poliy"), 2, "unknown kind 'poliy' (did you mean 'policies'?)"),
        (("train", "--config", "nope.toml"), 2, "nope.toml: cannot be read"),
    ],
)
def test_expected_errors_are_one_sentence(capsys, arguments, code, words):
    found, out, err = outcome(capsys, *arguments)
    assert found == code
    assert out == ""
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [("nope",), ("evaluate",), ("evaluate", "fixed", "-n", "0")])
def test_wrong_usage_exits_with_two(capsys, arguments):
    code, _, err = outcome(capsys, *arguments)
    assert code == 2
    assert "Usage" in err


def test_a_corrupt_profile_exits_with_three(capsys, elsewhere):
    (elsewhere / "bare.toml").write_text("[morphine]\ncap = 15.0\n")
    code, _, err = outcome(capsys, "evaluate", "fixed", "-n", "1", "--no-track", "--set", "profile=bare.toml")
    assert code == 3
    assert "bare.toml: morphine.cap: " in err


def test_an_unwritable_folder_exits_with_four(capsys, elsewhere):
    (elsewhere / "file").write_text("")
    code, _, err = outcome(capsys, "compare", "fixed", "guideline", "-n", "1", "--no-track", "--out", "file/results")
    assert code == 4
    assert "cannot be written" in err


def test_interruption_exits_with_130(capsys, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("thecal.experiments.validation.validate.load_targets", lambda: interrupted())
    code, _, err = outcome(capsys, "validate")
    assert code == 130
    assert "Traceback" not in err


def test_the_script_returns_the_code_and_debug_shows_where():
    for extra, traced in (((), False), (("--debug",), True)):
        command = [sys.executable, "-c", SCRIPT, "cohort", "describe", "--cohort", "nope", *extra]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "error: unknown cohort 'nope'" in done.stderr
        assert ("Traceback" in done.stderr) is traced


def test_listings_as_json_hold_what_is_shipped(capsys):
    _, out, _ = outcome(capsys, "tasks", "--json")
    assert [row["name"] for row in json.loads(out)] == task_names()
    _, out, _ = outcome(capsys, "list", "policies", "--json")
    assert [row["name"] for row in json.loads(out)] == list(policy_names())
    _, out, _ = outcome(capsys, "list", "ids", "--json")
    assert {row["gymnasium id"] for row in json.loads(out)} == {entry.id for entry in entries()}
    for kind in ("drugs", "pumps", "cohorts", "profiles", "algorithms", "targets"):
        code, out, _ = outcome(capsys, "list", kind, "--json")
        assert code == 0
        assert json.loads(out)


@pytest.mark.parametrize(
    "kind", ["tasks", "ids", "drugs", "pumps", "cohorts", "profiles", "policies", "algorithms", "targets"]
)
def test_listings_as_tables(capsys, kind):
    code, out, _ = outcome(capsys, "list", kind)
    assert code == 0
    assert "simulation only" in out


def test_a_table_is_written_whole_in_a_folder_it_makes(tmp_path):
    file = write_csv(tmp_path / "new" / "t.csv", ("a", "b"), [(1, "x,y"), (2.5, "µ")])
    assert file.read_bytes().decode() == 'a,b\r\n1,"x,y"\r\n2.5,µ\r\n'
    assert list(file.parent.iterdir()) == [file]


def test_observations_say_which_side_is_better(capsys):
    _, out, _ = outcome(capsys, "list", "observations", "--json")
    better = {row["name"]: row["better"] for row in json.loads(out)}
    assert (better["nrs_report"], better["spo2"], better["clock_sin"]) == ("less", "more", "")


def test_cohort_describe_counts_what_was_drawn(capsys):
    _, out, _ = outcome(capsys, "cohort", "describe", "-n", "50", "--seed", "3", "--json")
    found = json.loads(out)
    drawn = draw(load_cohort_spec("cancer"), ["morphine"], list(range(50)), "train", 3)
    assert found["patients"] == 50
    assert found["columns"]["age_y"]["median"] == pytest.approx(np.median(drawn.covariates["age_y"]))
    code, table, _ = outcome(capsys, "cohort", "describe", "-n", "50")
    assert code == 0
    assert "age_y" in table


def test_cohort_export_is_the_drawn_cohort_in_every_format(capsys, elsewhere):
    import pandas as pd

    drawn = draw(load_cohort_spec("cancer"), ["morphine"], list(range(7)), "test", 1)
    for name in ("p.csv", "p.parquet", "p.npz"):
        code, _, _ = outcome(capsys, "cohort", "export", name, "-n", "7", "--split", "test", "--seed", "1")
        assert code == 0
    with (elsewhere / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["age_y"]) for row in rows] == drawn.covariates["age_y"].tolist()
    assert pd.read_parquet("p.parquet")["weight_kg"].tolist() == drawn.covariates["weight_kg"].tolist()
    with np.load("p.npz") as stored:
        assert stored["par"].tobytes() == drawn.par.tobytes()


def test_evaluate_prints_json_alone_on_standard_output(capsys):
    code, out, err = outcome(capsys, "evaluate", "fixed", "-n", "2", "--no-track", "--json")
    assert code == 0
    found = json.loads(out)
    assert 0 <= found["outcomes"]["time_controlled"]["mean"] <= 100
    assert "fixed on 2 patients" in err


def test_options_go_over_the_configuration_file(capsys, elsewhere):
    (elsewhere / "small.toml").write_text('patients = 1\npolicy = "pid"\ntrack = false\nsplit = "tune"\n')
    code, out, _ = outcome(capsys, "evaluate", "fixed", "--config", "small.toml", "--set", "patients=2")
    assert code == 0
    assert "fixed, thecal/CancerMorphine-v0, 2 tune patients" in out


def test_unshielded_results_are_marked(capsys):
    code, out, _ = outcome(capsys, "evaluate", "fixed", "-n", "1", "--no-track", "--shield", "off")
    assert code == 0
    assert "UNSHIELDED" in out


def test_overrides_read_toml_values_and_plain_text():
    found = overrides(["a.b=1", "c = 2.5", "d=true", "e=some text", "f=[1, 2]", "g=x=y"])
    assert found == {"a.b": 1, "c": 2.5, "d": True, "e": "some text", "f": [1, 2], "g": "x=y"}
    with pytest.raises(ConfigError, match="key=value"):
        overrides(["=1"])


def test_a_path_in_brackets_is_printed_as_it_is(capsys):
    name = "[red]a[b]" + "x" * 100 + ".csv"
    code, _, err = outcome(capsys, "cohort", "export", name, "-n", "2")
    assert code == 0
    assert f"written to {name}\n" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("validate", "csf_half_life"), "reproduce 1 observations: 100 %"),
        (("cohort", "describe", "-n", "2"), ""),
    ],
)
def test_long_commands_show_their_progress_in_logs(capsys, arguments, words):
    code, _, err = outcome(capsys, *arguments)
    assert code == 0
    assert words in err


def test_an_interrogation_explains_its_words(capsys):
    program = str(Path(__file__).resolve().parents[3] / "docs" / "examples" / "bridge.toml")
    code, out, err = outcome(capsys, "pump", "interrogate", program)
    assert code == 0
    assert ("ERI" in out) == ("elective replacement indicator" in err)
    assert "ERI" in out
