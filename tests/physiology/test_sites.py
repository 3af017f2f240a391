"""Cohorts of several sites: who comes from where, that each site's patients are its own, and files that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thecal.core.errors import ParameterError
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec

FILE = """name = "mine"
base = "cancer"

[sites]
train = "site_center, site_early"
tune = "site_center"
test = "site_rural"
"""


def test_sites_take_turns_and_the_chart_says_which() -> None:
    cohort = draw(load_cohort_spec("five_sites"), ("morphine",), np.arange(7), "train", 3)
    assert cohort.covariates["site"].tolist() == (["site_center", "site_community", "site_early"] * 3)[:7]


def test_nobody_is_judged_at_a_site_of_training() -> None:
    spec = load_cohort_spec("five_sites")
    sites = {split: {site.name for site in members} for split, members in spec.sites.items()}
    assert not sites["test"] & (sites["train"] | sites["tune"])
    assert len(sites["train"] | sites["test"]) == 5


def test_a_patient_of_a_site_is_that_of_the_site_alone() -> None:
    every = draw(load_cohort_spec("five_sites"), ("morphine", "bupivacaine"), np.arange(6), "train", 9)
    alone = draw(load_cohort_spec("site_community"), ("morphine", "bupivacaine"), np.array([1, 4]), "train", 9)
    assert every.par[[1, 4]].tobytes() == alone.par.tobytes()
    for name, values in alone.covariates.items():
        assert every.covariates[name][[1, 4]].tolist() == values.tolist()


def test_any_selection_draws_the_same_patients() -> None:
    spec = load_cohort_spec("five_sites")
    some = draw(spec, ("morphine",), np.array([5, 2]), "test", 9)
    every = draw(spec, ("morphine",), np.arange(6), "test", 9)
    assert some.par.tobytes() == every.par[[5, 2]].tobytes()
    assert len(draw(spec, ("morphine",), np.arange(0), "test", 9)) == 0


def test_the_hash_covers_the_sites(tmp_path: Path) -> None:
    hashes = set()
    for name, text in (("a", FILE), ("b", FILE.replace("site_rural", "site_hospice"))):
        (tmp_path / f"{name}.toml").write_text(text)
        hashes.add(load_cohort_spec(tmp_path / f"{name}.toml").hash)
    assert len({*hashes, load_cohort_spec("cancer").hash}) == 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('tune = "site_center"\n', "", "sites.tune: cohorts are needed"),
        ('"site_rural"', '""', "sites.test: not a text"),
        ("site_early", "site_center", "sites.train: cohorts are needed, joined by commas and each once"),
        ("site_rural", "site_rurl", "sites.test: unknown cohort 'site_rurl' .*site_rural"),
        ("site_rural", "five_sites", "sites.test: five_sites has sites or a table of its own"),
        ("[sites]", '[sites]\nother = "site_rural"', "sites.other"),
    ],
)
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(ParameterError, match=words):
        load_cohort_spec(path)
