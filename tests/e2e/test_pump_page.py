"""``thecal pump``: the commands, and the page of a simulated program in a real browser."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from thecal.experiments.cli import run

from support.browser import load

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "bridge.toml"
PROBE = """<script>
const probe = document.createElement("pre"); probe.id = "probe";
probe.textContent = document.querySelectorAll("path.js-line").length + " lines, " +
  document.querySelectorAll(".annotation-text").length + " texts"; document.body.append(probe);</script>"""


@pytest.mark.e2e
def test_the_page_draws_every_panel_and_logs_nothing(tmp_path):
    page = tmp_path / "bridge.html"
    assert run(["pump", "simulate", str(EXAMPLE), "--plot", str(page)]) == 0
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    shown = load(probed, tmp_path)
    assert '<pre id="probe">14 lines, 5 texts</pre>' in shown.dom
    assert shown.console == []
    assert "virtual pump" in shown.dom
    assert "bridge complete" in shown.dom
    assert "http" not in page.read_text(encoding="utf-8").split("<h2>")[-1]


def test_the_table_of_a_program_adds_up_to_its_summary(tmp_path, capsys):
    table = tmp_path / "deep" / "bridge.csv"
    assert run(["pump", "simulate", str(EXAMPLE), "--csv", str(table), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    with table.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 60 * 96
    dose = sum(float(row["dose_ug_per_d_morphine"]) for row in rows) / 96 / 1e3
    assert dose == pytest.approx(summary["morphine: into the CSF (mg)"], rel=1e-9)


def test_a_pump_is_interrogated_on_a_day_or_at_the_end(capsys):
    assert run(["pump", "interrogate", str(EXAMPLE), "--day", "21"]) == 0
    text = capsys.readouterr().out
    assert "bridge" in text
    assert "day 21 00:00" in text
    assert "Simulation only" in text
    assert run(["pump", "interrogate", "--task", "CancerMorphine", "--day", "3", "--faults", "stress", "--json"]) == 0
    sections = json.loads(capsys.readouterr().out)
    assert "battery" in sections["status"]


def test_a_solution_is_assessed_and_a_bridge_planned(capsys):
    assert run(["pump", "solution", "--drug", "morphine=20", "--drug", "ziconotide=0.025", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "limited"
    assert found["refill"]["limited_by"] == "stability"
    assert run(["pump", "bridge", "--old", "10", "--new", "20", "--dose", "2.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hours"] == pytest.approx(36.0, rel=0.01)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("days = 3", "solution"),
        ('days = 3\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [1, 2]', "as many concentrations"),
        ('days = 3\npump = "none"\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [1]', "unknown pump"),
        ('days = 3\n[solution]\ndrugs = ["water"]\nmg_per_ml = [1]', "unknown drug"),
        ('days = 3\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [1]\nfill_ml = 99', "fill volume"),
        ('days = 3\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [1]\n[[do]]\nat_h = 1\ndo = "bolus"', "ml or mg"),
        ('days = 3\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [1]\n[[do]]\nat_h = 1\ndo = "dance"', "do"),
        (
            'days = 3\npump = "constant_0p5"\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [1]\n[[do]]\nat_h = 1\ndo = "stop"',
            "takes no program",
        ),
        ("days = nan\n", "days"),
        ("\x00", "NUL"),
    ],
)
def test_a_senseless_program_is_refused_in_one_sentence(tmp_path, capsys, text, reason):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    assert run(["pump", "simulate", str(path)]) != 0
    said = " ".join(capsys.readouterr().err.split())
    assert reason.lower() in said.lower()
    assert "Traceback" not in said


def test_a_prime_into_a_full_catheter_is_reported(tmp_path, capsys):
    path = tmp_path / "prime.toml"
    lines = (
        'days = 2\n[solution]\ndrugs = ["morphine"]\nmg_per_ml = [10.0]\n[[do]]\nat_h = 24\ndo = "prime"\nml = 0.3\n'
    )
    path.write_text(lines, encoding="utf-8")
    assert run(["pump", "simulate", str(path), "--json"]) == 0
    (refused,) = json.loads(capsys.readouterr().out)["refused_orders"]
    assert (refused["at_h"], refused["order"]) == (24.0, "prime")
    assert run(["pump", "simulate", str(path)]) == 0
    assert "would refuse the prime at 24 h" in " ".join(capsys.readouterr().err.split())


def test_interrogation_needs_exactly_one_pump(capsys):
    assert run(["pump", "interrogate"]) != 0
    assert run(["pump", "interrogate", str(EXAMPLE), "--task", "CancerMorphine"]) != 0
    assert run(["pump", "interrogate", str(EXAMPLE), "--day", "99"]) != 0
    assert "not between" in capsys.readouterr().err


def test_a_policy_is_evaluated_under_faults_with_another_pump(tmp_path, capsys):
    line = ["evaluate", "fixed", "-n", "4", "--no-track", "--pump", "prometra_ii_20", "--faults", "stress", "--json"]
    assert run([*line, "--out", str(tmp_path / "run")]) == 0
    assert json.loads(capsys.readouterr().out)["policy"] == "fixed"
    assert "prometra_ii_20" in (tmp_path / "run" / "config.json").read_text(encoding="utf-8")
    assert run(["evaluate", "fixed", "-n", "4", "--no-track", "--faults", "worst"]) != 0
    assert "worst" in capsys.readouterr().err
