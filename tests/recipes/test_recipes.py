"""Every recipe of docs/architecture.md that compiles nothing anew, followed in a copy of the project."""

from __future__ import annotations

import re
from pathlib import Path

from recipes.conftest import ROOT, Project

CLI = "import sys; from thecal.experiments.cli import main; sys.exit(main())"


def recipe(name: str) -> str:
    """The row of the recipe for ``name``."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| an? \*\*{name}\*\* \|.*$", page, re.MULTILINE)
    return row


def assert_named(project: Project, name: str) -> None:
    """Every touched file stands in the recipe, new ones by their folder and ending."""
    row = recipe(name)
    for path in project.touched():
        short = path.removeprefix("src/thecal/")
        pattern = re.compile(
            re.escape(Path(short).parent.as_posix()) + r"/<\w+>" + re.escape("".join(Path(short).suffixes))
        )
        assert f"`{short}`" in row or pattern.search(row), f"the recipe for a {name} does not name {path}"


def test_a_task_is_one_file(project: Project) -> None:
    text = project.read("envs/data/tasks/CancerMorphine.toml").replace('"CancerMorphine"', '"WardMorphine"')
    project.write("envs/data/tasks/WardMorphine.toml", text)
    code = """
import gymnasium, thecal
from thecal.envs import Scenario
assert "thecal/WardMorphine-v0" in gymnasium.registry
print(Scenario.of("WardMorphine").resolve().task.name)
"""
    assert project.run(code) == "WardMorphine"
    assert_named(project, "task")


def test_a_variant_is_a_row(project: Project) -> None:
    project.edit(
        "envs/variants.py",
        """    Variant("Faults",""",
        """    Variant("Stress", "with high rates of device faults", {"faults": "stress"}),
    Variant("Faults",""",
    )
    code = """
import gymnasium, thecal
env = gymnasium.make("thecal/NonCancerMix-Stress-v0")
print(env.unwrapped.batch.scenario.faults)
"""
    assert project.run(code) == "stress"
    assert_named(project, "variant")


def test_a_policy_is_a_class_and_a_line(project: Project) -> None:
    project.write(
        "agents/rules/halving.py",
        '''"""Halves the rate of anyone drowsy."""

import numpy as np

from thecal.agents.base import BatchPolicy
from thecal.agents.info import PolicyInfo


class Halving(BatchPolicy):
    """Halves the rate of anyone drowsy."""

    info = PolicyInfo(name="halving", label="Halving", kind="rule", text="Halves the rate of anyone drowsy.")
    reads = ("poss",)

    def _decide(self, fields):
        return {"relative_rate": np.where(fields["poss"] > 2.5, -1.0, 0.0)}
''',
    )
    project.edit("agents/registry.py", "    Oracle,\n)", "    Oracle,\n    Halving,\n)")
    project.edit(
        "agents/registry.py",
        "from thecal.agents.rules.sanity import",
        "from thecal.agents.rules.halving import Halving\nfrom thecal.agents.rules.sanity import",
    )
    assert '"halving"' in project.run(CLI, "list", "policies", "--json")
    assert project.run("from thecal.agents import make_policy; print(make_policy('halving').info.kind)") == "rule"
    assert_named(project, "policy")


def test_a_profile_is_one_file_and_refused_unproved(project: Project) -> None:
    text = project.read("safety/data/profiles/seed_2025.toml").replace("value = 15.0", "value = 14.0", 1)
    project.write("safety/data/profiles/careful.toml", text)
    code = """
from thecal.envs import Scenario
from thecal.safety.certificate import UnprovedShieldError
try:
    Scenario.of(profile="careful").resolve()
except UnprovedShieldError as error:
    print("refused", Scenario.of(profile="careful", allow_unproved=True).resolve().profile.name)
"""
    assert project.run(code) == "refused careful"
    assert_named(project, "limit profile")


def test_a_cohort_is_one_file(project: Project) -> None:
    project.write("physiology/data/cohorts/village.toml", 'name = "village"\ntitle = "A village"\nbase = "noncancer"\n')
    assert "A village" in project.run(CLI, "list", "cohorts", "--json")
    code = "from thecal.envs import Scenario; print(Scenario.of(cohort='village').resolve().cohort.title)"
    assert project.run(code) == "A village"
    assert_named(project, "cohort")


def test_an_outcome_is_a_function_and_a_row(project: Project) -> None:
    project.edit(
        "envs/measures.py",
        "def nausea_mean(",
        '''def itch_mean(run: Record) -> Floats:
    """Mean itch (0-1)."""
    return _mean(run["itch"])


def nausea_mean(''',
    )
    project.edit("envs/outcomes.py", "    nausea_mean,\n", "    itch_mean,\n    nausea_mean,\n")
    project.edit(
        "envs/outcomes.py",
        '    _row(visits, "visits"',
        '    _row(itch_mean, "itch_mean", "Mean itch", "0-1", -1, "cost", 2, 0.1),\n    _row(visits, "visits"',
    )
    code = """
import numpy as np
from thecal.envs.outcomes import fields_read, outcomes
run = {"itch": np.full((4, 2), 0.25)}
print(outcomes(run, ["itch_mean"])["itch_mean"].tolist(), fields_read(["itch_mean"]))
from thecal.envs.tasks import load_task
spec = load_task("CancerMorphine").model_dump() | {"secondary": ("itch_mean",)}
print(type(load_task("CancerMorphine")).model_validate(spec).outcomes)
"""
    assert project.run(code) == "[0.25, 0.25] {'itch'}\n('time_controlled', 'itch_mean')"
    assert_named(project, "outcome")


def test_a_report_section_is_a_module_and_a_template(project: Project) -> None:
    project.write(
        "experiments/reports/sections/weather.py",
        '''"""The weather, which has no part in it."""

from typing import Any

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """Sunny."""
    return {"sky": "sunny"}


SECTION = Section("weather", "Weather", 55, build)
''',
    )
    project.write("experiments/reports/templates/sections/weather.html.j2", "<p>It was {{ sky }}.</p>\n")
    code = """
from support.reports import synthetic_data
from thecal.experiments.reports.page import render
page = render(synthetic_data())
assert "It was sunny." in page and 'href="#weather"' in page
from thecal.experiments.reports.sections import sections
print([section.key for section in sections()].index("weather") > 0)
"""
    assert project.run(code) == "True"
    assert_named(project, "report section")


def test_a_pump_is_one_file(project: Project) -> None:
    text = project.read("devices/data/pumps/synchromed_ii_20.toml").replace("synchromed_ii_20", "pocket_20")
    project.write("devices/data/pumps/pocket_20.toml", text)
    code = "from thecal.envs import Scenario; print(Scenario.of(pump='pocket_20').resolve().pump.capacity_ml)"
    assert project.run(code) == "20.0"
    assert_named(project, "pump")


def test_a_drug_is_data_in_three_places(project: Project) -> None:
    for folder in ("physiology/data/drugs", "devices/data/chemistry"):
        text = project.read(f"{folder}/hydromorphone.toml").replace("hydromorphone", "oxymorphone")
        project.write(f"{folder}/oxymorphone.toml", text)
    profile = project.read("safety/data/profiles/seed_2025.toml")
    start = profile.index("[hydromorphone]")
    limits = profile[start : profile.index("\n[", start) + 1]
    new = limits.replace("[hydromorphone]", "[oxymorphone]")
    project.edit("safety/data/profiles/seed_2025.toml", limits, limits + new)
    task = project.read("envs/data/tasks/CancerMorphine.toml")
    task = task.replace('"CancerMorphine"', '"Oxy"').replace('drugs = ["morphine"]', 'drugs = ["oxymorphone"]')
    (project.folder / "oxy.toml").write_text(task)
    code = """
from thecal.envs import Scenario
scene = Scenario.of("oxy.toml", allow_unproved=True).resolve()
from thecal.devices.solutions import assess
from thecal.physiology.cohort import draw
drawn = draw(scene.cohort, scene.drugs, [0, 1], "test", 0)
print(scene.profile.cap_ug("oxymorphone") > 0, len(drawn), assess(scene.drugs, [1000.0]).stable_d > 0)
"""
    assert project.run(code) == "True 2 True"
    assert project.touched() == {
        "physiology/data/drugs/oxymorphone.toml",
        "devices/data/chemistry/oxymorphone.toml",
        "safety/data/profiles/seed_2025.toml",
    }
    for name in ("physiology/data/drugs/<name>.toml", "devices/data/chemistry/<name>.toml", "limits in a profile"):
        assert name in recipe("drug")


def test_a_receptor_is_one_file_and_a_name(project: Project) -> None:
    project.write("physiology/data/receptors/kappa.toml", project.read("physiology/data/receptors/mu.toml"))
    project.edit("src/thecal/core/layout.py", '"gaba_b", "gaba_a")', '"gaba_b", "gaba_a", "kappa")')
    project.edit("src/thecal/core/layout.py", "GABA_B, GABA_A = range(", "GABA_B, GABA_A, KAPPA = range(")
    text = project.read("physiology/data/drugs/fentanyl.toml")
    (project.folder / "physiology/data/drugs/fentanyl.toml").write_text(
        text.replace('receptor = "mu"', 'receptor = "kappa"')
    )
    code = """
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
print(draw(load_cohort_spec("cancer"), ("fentanyl",), [0], "test", 0).par["channel"]["receptor"][0, 0])
"""
    assert project.run(code) == "6"
    assert project.touched() - {"physiology/data/drugs/fentanyl.toml"} == {
        "physiology/data/receptors/kappa.toml",
        "src/thecal/core/layout.py",
    }
    assert "`core/layout.py`" in recipe("receptor")


def test_a_back_end_is_a_line_and_a_file_of_settings(project: Project) -> None:
    project.write("agents/data/ppo_small.toml", project.read("agents/data/ppo.toml"))
    project.edit(
        "agents/backends/registry.py",
        'SB3Backend("sac", SACSettings)',
        'SB3Backend("sac", SACSettings), SB3Backend("ppo_small", PPOSettings)',
    )
    assert '"ppo_small"' in project.run(CLI, "list", "algorithms", "--json")
    assert project.touched() == {"agents/data/ppo_small.toml", "agents/backends/registry.py"}
    for name in ("agents/backends/registry.py", "agents/data/<name>.toml"):
        assert name in recipe("learning back end")


def test_a_published_observation_is_a_table_and_a_function(project: Project) -> None:
    name = "experiments/validation/data/targets/kinetics.toml"
    entry = project.read(name).partition("[csf_half_life]")[2].partition("\n[")[0]
    project.edit(name, "[csf_half_life]", f"[csf_twice]{entry}\n[csf_half_life]")
    project.edit(
        "experiments/validation/reproductions/kinetics.py",
        '    "baclofen_half_life": ',
        '    "csf_twice": lambda who: 2.0 * who.structure + 1.0,\n    "baclofen_half_life": ',
    )
    code = """
from thecal.experiments.validation.scoring import Plan
from thecal.experiments.validation.validate import validate
both = validate(["csf_twice"], Plan((1, 2), ("axial", "compartment")))
print([(score.structure, score.simulated) for score in both])
"""
    assert project.run(code) == "[('axial', 1.0), ('compartment', 3.0)]"
    assert_named(project, "published observation")


def test_a_detector_is_a_number_and_a_verdict(project: Project) -> None:
    old = """"dependence.loss": "dimensionless","""
    project.edit("experiments/analysis/failures.py", old, f"""{old} "eager.rises": "dimensionless",""")
    numbers = "experiments/analysis/data/failures.toml"
    last = "[dependence.loss]" + project.read(numbers).partition("[dependence.loss]")[2]
    project.edit(numbers, last, last + "\n" + last.replace("dependence.loss", "eager.rises"))
    project.edit(
        "experiments/analysis/failures_judged.py",
        "_DETECTORS: tuple",
        """def _eager(own: Columns, hold: Columns | None, free: Columns | None, at: Mapping[str, float]) -> Failure:
    score = float(own["f_rises"].mean())
    return _judged("eager", "eagerness", score, at["eager.rises"], f"{score:.0f} rises for each patient")


_DETECTORS: tuple""",
    )
    project.edit("experiments/analysis/failures_judged.py", "_dumping, _dependence,", "_dumping, _dependence, _eager,")
    code = """
import numpy as np
from thecal.experiments.analysis.failures import COLUMNS
from thecal.experiments.analysis.failures_judged import failures
own = {name: np.full(4, 20.0) for name in (*COLUMNS, "died", "return")} | {"died": np.zeros(4)}
print(failures(own)[-1].sentence)
"""
    assert project.run(code) == "eagerness seen: 20 rises for each patient"
    assert_named(project, "detector of gaming")
