"""What the page is told of runs, patients, decisions and groups is what the comparison's own result says."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from thecal.experiments.analysis.decision import decide
from thecal.experiments.analysis.stored import load_result
from thecal.experiments.rollouts.parquet import load_trajectories

from support.dashboards import served, store


@pytest.fixture(scope="module")
def result(site):
    return load_result(site.root / "small")


def test_the_list_is_sent_once_for_each_state(site):
    answer = site.ask("/api/runs")
    assert answer.status == 200
    again = site.ask("/api/runs", If_None_Match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert site.ask("/api/runs", If_None_Match='"other"').status == 200


def test_a_run_says_what_its_result_says(site, result):
    run = site.get(f"/api/runs/{site.id_of('small')}")
    assert [policy["name"] for policy in run["policies"]] == list(result.policies)
    assert all(policy["tracks"] for policy in run["policies"])
    for row in run["rows"]:
        key = row["outcome"]["key"]
        for name, one in result.policies.items():
            assert row["cells"][name]["mean"] == pytest.approx(one.estimates[key].mean, nan_ok=True)
            gap = row["cells"][name].get("gap")
            assert (gap is None) == (name == result.reference)
            assert gap is None or gap["verdict"] == result.differences[name][key].verdict
    verdicts = {policy["name"]: policy["verdict"] for policy in run["head"]["policies"]}
    assert verdicts == {"fixed": "reference", **{name: decide(result, name).words for name in result.others}}


def test_patients_stand_worst_first(site, result):
    at = f"/api/runs/{site.id_of('small')}/patients"
    for policy in result.policies:
        found = site.get(f"{at}?policy={policy}")
        values = [row["values"][policy] for row in found["patients"]]
        assert values == sorted(values)
        assert sorted(row["patient"] for row in found["patients"]) == list(result.patients)
    nausea = site.get(f"{at}?policy=pid&outcome=mean_nrs")
    pains = [row["values"]["pid"] for row in nausea["patients"]]
    assert pains == sorted(pains, reverse=True)
    assert (
        site.get(f"/api/runs/{site.id_of('small')}")["first_patient"]
        == site.get(f"{at}?policy=guideline")["patients"][0]["patient"]
    )


def test_an_evaluation_orders_its_patients_too(site):
    id_ = site.id_of("alone")
    run = site.get(f"/api/runs/{id_}")
    assert (run["kind"], run["patients"], [policy["name"] for policy in run["policies"]]) == (
        "evaluation",
        2,
        ["guideline"],
    )
    stored = json.loads((site.root / "alone" / "estimates.json").read_text(encoding="utf-8"))["outcomes"]
    assert {row["outcome"]["key"]: row["mean"] for row in run["estimates"]} == {
        key: one["mean"] for key, one in stored.items()
    }
    found = site.get(f"/api/runs/{id_}/patients")["patients"]
    assert [row["values"]["guideline"] for row in found] == sorted(row["values"]["guideline"] for row in found)
    assert site.ask(f"/api/runs/{id_}/whom?policy=guideline").status == 400


def test_decisions_agree_with_the_stored_rates(site):
    at = f"/api/runs/{site.id_of('small')}/patients/1/decisions?policy=pid"
    every = site.get(f"{at}&show=all")
    run = load_trajectories(site.root / "small" / "trajectories_pid.parquet")
    asked, allowed = run["requested_rate"][:, 1], run["allowed_rate"][:, 1]
    assert every["all"] == every["found"] == len(asked)
    refused = site.get(f"{at}&show=refused")
    assert 0 < refused["found"] == refused["refused"]
    for one in refused["decisions"]:
        k = one["step"]
        assert run["binding"][k, 1] != 0
        assert asked[k] != allowed[k] or run["requested_bolus_ul"][k, 1] > run["allowed_bolus_ul"][k, 1]
        assert one["begin_h"] == run["time_h"][k, 1] - 4.0
        assert one["text"].startswith(f"Day {one['day']}, ")
    assert {one["day"] for one in refused["decisions"]} == set(refused["refused_days"])
    day = refused["refused_days"][-1]
    of_day = site.get(f"{at}&show=all&first={day}&last={day}")
    assert of_day["decisions"] == [one for one in every["decisions"] if one["day"] == day]
    assert refused["lacking"] == ""
    assert any("research_wide asks for 12 hours between rises" in one["text"] for one in refused["decisions"])


def test_whom_has_the_paired_differences(site, result):
    found = site.get(f"/api/runs/{site.id_of('small')}/whom?policy=pid")
    key = result.primary.key
    expected = result.policies["pid"].values[key] - result.policies["fixed"].values[key]
    np.testing.assert_allclose(found["differences"], expected)
    assert len(found["covariates"]["age_y"]["values"]) == 3
    for group in ("age", "sleep apnea"):
        assert sum(one["patients"] for one in found["subgroups"] if one["group"] == group) == 3
    chart = site.get(f"/api/runs/{site.id_of('small')}/patients/2/chart")["chart"]
    assert {one["key"]: one["value"] for one in chart}["age_y"] == found["covariates"]["age_y"]["values"][2]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("patients/99", 404, "no patient 99"),
        ("patients/x", 400, "patient"),
        ("patients/0/tracks?part=all", 400, "not one of first, rest"),
        ("patients/0/decisions?policy=nobody", 400, "no policy 'nobody'"),
        ("patients/0/decisions?policy=pid&show=some", 400, "not one of refused, changes, all"),
        ("patients/0/decisions?policy=pid&first=-1", 400, "first"),
        ("patients?outcome=luck", 400, "did not measure 'luck'"),
        ("whom?policy=fixed", 400, "against the reference"),
        (f"whom?policy={'x' * 999}", 400, "policy"),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_sentence(site, path, status, words):
    answer = site.ask(f"/api/runs/{site.id_of('small')}/{path}")
    assert answer.status == status
    assert words in answer.data["error"]


def test_runs_that_lack_something_say_so(tmp_path):
    root = store(tmp_path)
    shutil.copytree(root / "small", root / "bare")
    for path in (root / "bare").glob("*.parquet"):
        path.unlink()
    (root / "small" / "trajectories_pid.parquet").write_bytes(b"PAR1 cut")
    shutil.copy(root / "alone" / "trajectories.parquet", root / "small" / "trajectories_of_another.parquet")
    with served(root) as site:
        bare = site.id_of("bare")
        assert not any(policy["tracks"] for policy in site.get(f"/api/runs/{bare}")["policies"])
        answer = site.ask(f"/api/runs/{bare}/patients/0")
        assert answer.status == 422
        assert "no trajectories are stored" in answer.data["error"]
        run = site.get(f"/api/runs/{site.id_of('small')}")
        assert [policy["name"] for policy in run["policies"] if policy["tracks"]] == ["fixed", "guideline"]
        assert "trajectories_pid.parquet" in run["troubles"][0]
        answer = site.ask(f"/api/runs/{site.id_of('small')}/patients/0/decisions?policy=pid")
        assert "the trajectories of pid are not stored in small" in answer.data["error"]
        id_ = site.id_of("bare")
        shutil.rmtree(root / "bare")
        assert site.ask(f"/api/runs/{id_}").status == 404
        assert len(site.get("/api/runs")["runs"]) in (2, 3)  # the list is looked through at most once in a while
