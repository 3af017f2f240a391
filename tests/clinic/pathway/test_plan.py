"""The pathway against what review and consensus say, restated here, and what no history of any patient may bring about."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.clinic.pathway.checks import banned
from thecal.clinic.pathway.consensus import (
    candidates,
    consensus_names,
    load_consensus,
    mechanism,
    research_drugs,
    side_effects,
)
from thecal.clinic.pathway.doses import fill_for, first_dose, rotated_dose, stable_days, taper_days, weaning
from thecal.clinic.pathway.history import History, Tried
from thecal.clinic.pathway.plan import Decision, lines_ahead, next_step
from thecal.clinic.selection.fields import Chart
from thecal.physiology.population import drug_names
from thecal.safety.profiles import load_profile

from support.clinic_people import cancer, chart

STRICT = load_profile("seed_2025")


def tried(drugs: str, *doses: float, days: float = 30.0, relief: float = 20.0, harm: tuple[str, ...] = ()) -> Tried:
    parts = tuple(drugs.split("+"))
    return Tried(drugs=parts, ug_per_d=doses, days=days, relief_percent=relief, side_effects=harm)


def step(one: Chart, *steps: Tried, consensus: str = "pacc_2017", profile: str = "seed_2025") -> Decision:
    return next_step(one, History(step=steps), load_consensus(consensus), load_profile(profile))


# Section 8: monotherapy first, in every consensus.
@pytest.mark.parametrize("name", consensus_names())
@pytest.mark.parametrize("one", [chart(), chart(pain_distribution="diffuse"), cancer(), chart(diagnosis="crps")])
def test_therapy_begins_with_one_drug(name: str, one: Chart) -> None:
    found = step(one, consensus=name)
    assert found.action == "start"
    assert len(found.doses) == 1


# Section 8: without cancer the consensus of 2024 begins with low ziconotide; its 2017 lists morphine first for diffuse pain.
def test_the_consensus_of_2024_prefers_ziconotide() -> None:
    diffuse = chart(pain_distribution="diffuse")
    assert step(diffuse, consensus="pacc_2017").regimen == "morphine"
    found = step(diffuse, consensus="pacc_2024")
    assert found.regimen == "ziconotide"
    assert "consensus prefers" in found.sentence


# Section 3.1.2: at most 1.2 ug/d at first, steps of at most 0.5 ug/d every 4 to 7 days, at most 19.2 ug/d.
def test_ziconotide_keeps_the_reviews_numbers() -> None:
    assert step(chart()).doses["ziconotide"] <= 1.2
    assert step(chart(), tried("ziconotide", 1.2, days=3.0)).action == "wait"
    raised = step(chart(), tried("ziconotide", 1.2, days=7.0))
    assert raised.action == "raise"
    assert raised.doses["ziconotide"] == pytest.approx(1.7)
    last = step(chart(), tried("ziconotide", 19.1))
    assert last.doses.get("ziconotide", 0.0) <= 19.2
    assert step(chart(), tried("ziconotide", 19.2)).action == "rotate"


# Section 3.1.1: 1/300 of the oral dose, or less.
@pytest.mark.parametrize("oral", [30.0, 120.0, 600.0, 3000.0])
@pytest.mark.parametrize("make", [chart, cancer])
def test_a_first_dose_is_at_most_a_300th(oral: float, make: Any) -> None:
    assert first_dose(make(medd_mg_per_d=oral), "morphine", STRICT) <= 1000.0 * oral / 300.0 + 1e-9


def test_naive_patients_start_lower() -> None:
    naive = chart(medd_mg_per_d=0.0, systemic_opioid=False, escalated=False)
    assert first_dose(naive, "morphine", STRICT) == pytest.approx(100.0)  # the lower end of 0.1-0.5 mg/d


# Consensus tables: hydromorphone 5-6 times morphine; 25-50 % less for incomplete cross-tolerance. The smaller result of each.
def test_rotation_takes_the_smaller_result() -> None:
    assert rotated_dose("morphine", 3000.0, "hydromorphone", STRICT) == pytest.approx(3000.0 / 6.0 / 2.0)
    assert rotated_dose("hydromorphone", 250.0, "morphine", STRICT) == pytest.approx(250.0 * 6.0 / 2.0)
    assert rotated_dose("morphine", 3000.0, "clonidine", STRICT) is None
    assert rotated_dose("morphine", 15000.0, "fentanyl", STRICT) == pytest.approx(75.0)  # the most at a start


# Section 3.2.1: hydromorphone after side effects of morphine.
def test_side_effects_of_an_opioid_bring_another() -> None:
    diffuse = chart(pain_distribution="diffuse")
    found = step(diffuse, tried("morphine", 3000.0, relief=60.0, harm=("nausea", "itch")))
    assert (found.action, found.regimen) == ("rotate", "hydromorphone")
    assert found.ending == {"morphine": 0}


# Section 3.2.4: clonidine after at least two other classes.
def test_clonidine_waits_for_two_other_classes() -> None:
    one = chart(pain_distribution="diffuse")
    first = {row.regimen: row.state for row in lines_ahead(one, History(), load_consensus("pacc_2017"), STRICT)}
    assert first["clonidine+morphine"] == "refused (clonidine.classes_before)"
    two = History(step=(tried("morphine", 400.0), tried("bupivacaine+morphine", 2000.0, 400.0)))
    later = {row.regimen: row.state for row in lines_ahead(one, two, load_consensus("pacc_2017"), STRICT)}
    assert later["clonidine+morphine"] == "may follow"


def test_partial_relief_adds_and_none_changes() -> None:
    raised = tried("morphine", 400.0), tried("morphine", 590.0, relief=35.0)
    found = step(chart(), *raised)
    assert (found.action, found.regimen) == ("add", "bupivacaine+morphine")
    assert found.doses["morphine"] == 590.0
    changed = step(chart(), tried("morphine", 400.0), tried("morphine", 590.0, relief=10.0))
    assert changed.action == "rotate"
    assert "morphine" not in changed.doses


# Invariant 37: a dose that rose by half without relief is not raised on.
def test_a_dose_is_not_raised_without_end() -> None:
    assert step(chart(), tried("morphine", 400.0)).action == "raise"
    assert step(chart(), tried("morphine", 400.0), tried("morphine", 500.0)).action == "raise"
    assert step(chart(), tried("morphine", 400.0), tried("morphine", 550.0)).action != "raise"


def test_half_less_pain_is_kept() -> None:
    assert step(chart(), tried("morphine", 400.0, relief=50.0)).action == "keep"
    assert step(chart(), tried("morphine", 400.0, relief=49.0)).action == "raise"


# Section 3.1.3: 10-30 % in spasticity of spinal origin, 5-15 % in that of cerebral origin.
@pytest.mark.parametrize(("origin", "share"), [("spinal", 1.3), ("cerebral", 1.15)])
def test_baclofen_rises_by_the_reviews_shares(origin: str, share: float) -> None:
    one = chart(diagnosis=f"spasticity_{origin}")
    assert step(one).regimen == "baclofen"
    assert step(one, tried("baclofen", 100.0)).doses["baclofen"] == pytest.approx(100.0 * share)


def test_ziconotide_stops_at_once_and_opioids_do_not() -> None:
    found = step(chart(), tried("ziconotide", 3.0, harm=("psychosis",)))
    assert found.ending == {"ziconotide": 0}
    assert taper_days(["baclofen"], STRICT) > 3
    assert taper_days(["clonidine"], STRICT) > 3
    assert 0.8 ** taper_days(["morphine"], STRICT) <= 0.05


@pytest.mark.parametrize("harm", ["granuloma", "hyperalgesia"])
def test_no_opioid_after_a_mass_or_hyperalgesia(harm: str) -> None:
    found = step(chart(), tried("morphine", 3000.0, relief=60.0, harm=(harm,)))
    assert found.regimen == "ziconotide"
    rows = lines_ahead(
        chart(), History(step=(tried("morphine", 400.0, harm=(harm,)),)), load_consensus("pacc_2017"), STRICT
    )
    assert {row.state for row in rows if "fentanyl" in row.regimen and "clonidine" not in row.regimen} == {
        "refused (earlier harm)"
    }


def test_the_culprit_goes_and_the_rest_stays() -> None:
    found = step(chart(), tried("bupivacaine+morphine", 4000.0, 900.0, relief=60.0, harm=("weak_legs",)))
    assert (found.action, found.doses) == ("rotate", {"morphine": 900.0})


def test_an_infected_system_comes_out() -> None:
    found = step(chart(), tried("morphine", 3000.0, relief=60.0, harm=("infection",)))
    assert (found.action, found.doses) == ("remove", {})
    assert found.ending["morphine"] > 3
    assert found.wean is None


# Section 9 and a payer's rule: half of the oral medication; slower than the 20 % a week at which 7 of 10 dropped out.
def test_a_systemic_opioid_is_halved_slowly() -> None:
    found = weaning(120.0)
    assert found is not None
    assert found.goal_mg_per_d == pytest.approx(60.0)
    assert found.step_percent < 20.0
    assert 120.0 * (1.0 - found.step_percent / 100.0) ** found.weeks <= 60.0
    assert 120.0 * (1.0 - found.step_percent / 100.0) ** (found.weeks - 1) > 60.0
    assert weaning(0.0) is None


# Section 4: hydromorphone with bupivacaine for 3 months, morphine 90 days, ziconotide no longer with morphine than alone.
def test_a_fill_lasts_as_long_as_it_is_stable() -> None:
    assert stable_days(["bupivacaine", "hydromorphone"]) == pytest.approx(90.0)
    assert stable_days(["morphine"]) >= 90.0
    assert stable_days(["morphine", "ziconotide"]) < stable_days(["ziconotide"])
    found = fill_for({"morphine": 15000.0}, STRICT)
    assert found is not None
    assert found.ug_per_ml["morphine"] <= 20000.0  # 20 mg/mL
    assert found.bound == "the concentration of morphine"
    assert fill_for({"bupivacaine": 400000.0}, STRICT) is None


def test_research_drugs_are_never_ordered() -> None:
    rows = lines_ahead(cancer(), History(), load_consensus("pacc_2017"), load_profile("research_wide"))
    assert {row.regimen: row.state for row in rows}["ketamine"] == "refused (research drug)"
    assert research_drugs()["cannabinoids"].animal_only
    assert not set(research_drugs()) & set(drug_names())


def test_an_allergy_and_a_psychosis_are_passed_over() -> None:
    for one, limit in ((chart(allergies=("ziconotide",)), "allergy"), (chart(psychosis=True), "psychosis")):
        found = step(one)
        assert found.regimen == "morphine"
        assert [(row.regimen, row.limit) for row in found.refused] == [("ziconotide", limit)]
        assert found.refused[0].sentence.endswith(".")


def test_mechanism_follows_the_models_own_table() -> None:
    assert {name: mechanism(name) for name in ("crps", "visceral", "cancer_neuropathic", "spondylosis")} == {
        "crps": "neuropathic", "visceral": "nociceptive", "cancer_neuropathic": "neuropathic", "spondylosis": "nociceptive",
    }  # fmt: skip


_STEPS = st.lists(
    st.builds(
        lambda drugs, dose, days, relief, harm: Tried(
            drugs=drugs, ug_per_d=(dose,) * len(drugs), days=days, relief_percent=relief, side_effects=harm
        ),
        st.lists(st.sampled_from(drug_names()), min_size=1, max_size=3, unique=True).map(tuple),
        st.floats(0.1, 5000.0),
        st.floats(0.0, 200.0),
        st.floats(-50.0, 100.0),
        st.lists(st.sampled_from(sorted(side_effects())), max_size=2, unique=True).map(tuple),
    ),
    max_size=4,
)


@settings(max_examples=50, deadline=None)
@given(
    _STEPS,
    st.sampled_from(consensus_names()),
    st.sampled_from([chart(), cancer(), chart(diagnosis="spasticity_spinal"), cancer(pain_distribution="diffuse")]),
)
def test_no_history_brings_a_step_beyond_the_limits(steps: list[Tried], name: str, one: Chart) -> None:
    history = History(step=tuple(steps))
    found = next_step(one, history, load_consensus(name), STRICT)
    assert found.sentence.endswith(".")
    assert ". " not in found.sentence.replace("e.g. ", "")
    if found.action in ("start", "raise", "add", "rotate"):
        STRICT.require_mixture(tuple(found.doses))
        assert all(0.0 < dose <= STRICT.cap_ug(drug) * (1 + 1e-9) for drug, dose in found.doses.items())
        assert found.fill is not None
        for drug, conc in found.fill.ug_per_ml.items():
            assert conc <= STRICT.max_concentration(drug) * (1 + 1e-9)
        assert not set(found.doses) & set(one.allergies)
    if found.action in ("start", "add", "rotate"):
        assert not set(found.doses) & set(banned(history))
    given_before = {drug for tried in steps[-1:] for drug in tried.drugs}
    assert set(found.ending) == given_before - set(found.doses)


@pytest.mark.parametrize("one", [chart(), cancer(), chart(diagnosis="spasticity_cerebral")])
@pytest.mark.parametrize("relief", [10.0, 40.0])
def test_a_course_without_enough_relief_ends(one: Chart, relief: float) -> None:
    """Whoever never has enough relief comes to the end of the lines, each regimen tried once at most."""
    steps: list[Tried] = []
    for _ in range(400):
        found = step(one, *steps)
        if found.action == "stop":
            break
        steps.append(tried("+".join(found.doses), *found.doses.values(), relief=relief))
    else:
        pytest.fail("it goes on for ever")
    runs = [tried.regimen for k, tried in enumerate(steps) if k == 0 or steps[k - 1].regimen != tried.regimen]
    assert len(runs) == len(set(runs))
    assert len(runs) <= len(candidates(one, load_consensus("pacc_2017")))
