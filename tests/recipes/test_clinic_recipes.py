"""Every recipe of docs/architecture.md that concerns the clinic, followed in a copy of the project."""

from __future__ import annotations

from recipes.conftest import Project
from recipes.test_recipes import assert_named


def test_a_payer_is_one_file(project: Project) -> None:
    project.write("clinic/data/payers/lenient.toml", project.read("clinic/data/payers/us_medicare.toml"))
    code = """
from thecal.clinic.selection.rules import payer_names, payer_rules
assert "lenient" in payer_names()
print(len(payer_rules("lenient")))
"""
    assert project.run(code) == "4"
    assert_named(project, "rule of selection")


def test_a_consensus_is_one_file(project: Project) -> None:
    project.write("clinic/data/consensus/ours_2030.toml", project.read("clinic/data/consensus/pacc_2012.toml"))
    code = """
from thecal.clinic.pathway.consensus import consensus_names, load_consensus
assert "ours_2030" in consensus_names()
print(load_consensus("ours_2030").by)
"""
    assert project.run(code) == "mechanism"
    assert_named(project, "consensus")
