"""``thecal list limits``: a profile's limits beside what the references say, as a table and as JSON."""

from __future__ import annotations

import json

import pytest

from thecal.experiments.cli import run
from thecal.experiments.commands.limits import limits
from thecal.safety.profiles import load_profile


def _row(name: str, **asked: str) -> dict[str, object]:
    return next(row for row in limits(**asked) if row["name"] == name)


def test_a_drug_s_limits_stand_beside_their_references():
    row = _row("ziconotide.step_abs", drug="ziconotide")
    assert (row["seed_2025"], row["review"], row["label"]) == ("0.5 µg/day", "0.5 µg/day", "2.4 µg/day")
    assert row["ceiling"] == "2.4 µg/day at most"
    assert {entry["name"].partition(".")[0] for entry in limits(drug="ziconotide")} == {"ziconotide"}
    assert _row("ziconotide.step_abs", drug="ziconotide", profile="label_us")["label_us"] == "2.4 µg/day"


@pytest.mark.parametrize("key", ["fentanyl.cap", "sufentanil.cap", "bupivacaine.cap", "midazolam.bolus"])
def test_doses_of_studies_stand_apart(key):
    row = _row(key)
    assert row["dose of a study, no limit"]
    assert row["review"] == ""


def test_every_limit_of_a_profile_is_shown():
    profile = load_profile("seed_2025")
    assert {row["name"] for row in limits()} == {key for key in profile.file if not key.startswith("mixture.")}


def test_the_command_takes_a_profile_and_a_drug(capsys):
    assert run(["list", "limits", "--profile", "pacc_2017", "--drug", "bupivacaine", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    cap = next(row for row in rows if row["name"] == "bupivacaine.cap")
    assert cap["pacc_2017"] == "20 mg/day"
    assert cap["consensus"] == "15 mg/day (15 to 20)"
    assert "recalled" in cap["evidence"]["consensus"]["source"]
    assert cap["evidence"]["value"]["value"] == 20.0
    assert run(["list", "limits", "--drug", "baclofen"]) == 0
    assert "baclofen.step_cerebral" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "pumps", "--drug", "morphine"], "--drug belongs to `thecal list limits`"),
        (["list", "--profile", "seed_2025"], "--profile belongs to `thecal list limits`"),
        (["list", "limits", "--drug", "morfine"], "did you mean 'morphine'?"),
        (["list", "limits", "--profile", "strict"], "unknown profile 'strict'"),
    ],
)
def test_what_does_not_fit_is_refused(words, said, capsys):
    assert run(words) == 2
    assert said in capsys.readouterr().err
