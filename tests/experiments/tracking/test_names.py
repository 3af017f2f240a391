"""Names of metrics, parameters and tags: what MLflow refuses is made safe, two names stay two, and the original is kept."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_tag_name

from thecal.core.names import safe_name
from thecal.experiments.tracking.names import ORIGINAL, Names
from thecal.experiments.tracking.tracker import Tracker

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@given(st.lists(TEXTS, unique=True, max_size=8))
@example(["", ".", "..", "/", "a/", "a//b", "../a", "a\n", "lr=3e-4", "x" * 5000, "📁/📁"])
def test_every_name_is_taken_and_no_two_become_one(names: list[str]) -> None:
    made = Names()
    safe = [made.safe(name) for name in names]
    for one in safe:
        _validate_metric_name(one)
        _validate_tag_name(f"{ORIGINAL}{one}")
        assert len(f"{ORIGINAL}{one}") <= 250
    assert len(set(safe)) == len(names)
    assert [made.safe(name) for name in names] == safe
    assert made.taken_changes() == {one: name for one, name in zip(safe, names, strict=True) if one != name}
    assert made.taken_changes() == {}


def test_names_that_are_taken_stay() -> None:
    made = Names()
    for name in ("pain", "train/loss", "fixed/time_controlled.low", "config.settings.gamma", "été", "a b: c"):
        assert made.safe(name) == name


def test_a_name_that_was_meant_for_another() -> None:
    made = Names()
    odd = "lr=3e-4"
    assert made.safe(safe_name(odd)) == safe_name(odd)
    assert made.safe(odd) != safe_name(odd)


def test_a_run_keeps_the_names_as_they_were(store) -> None:
    with Tracker("thecal", "lr=3e-4 📁", tags={"what?": "a"}) as tracker:
        tracker.metrics({"lr=3e-4/pain": 1.0, "lr=3e_4/pain": 2.0, "plain": 3.0})
        tracker.params({"config": {"a=b": 1, "bad": "\udcff"}})
        tracker.tags({"été 📁": "x"})
    data = store.run(tracker.run_id).data
    kept = {value: key.removeprefix(ORIGINAL) for key, value in data.tags.items() if key.startswith(ORIGINAL)}
    assert data.metrics == {kept["lr=3e-4/pain"]: 1.0, kept["lr=3e_4/pain"]: 2.0, "plain": 3.0}
    assert data.params == {kept["config.a=b"]: "1", "config.bad": "\\udcff"}
    assert data.tags[kept["été 📁"]] == "x"
    assert data.tags[kept["what?"]] == "a"
