"""The shield harness, and how strong the attack is: a loosened limit of the shield is noticed by the auditor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from numpy.random import default_rng as rng

from thecal.devices.specs import load_pump
from thecal.experiments.assurance.harness import DAYS, PATIENTS, HarnessCase, harness_cases, program, run_case
from thecal.experiments.assurance.harness_inputs import hostile_input
from thecal.experiments.assurance.harness_wires import HIDDEN, WIRES, wired
from thecal.experiments.assurance.strength import LOOSENED, NO_LIMITS, crossed, power, strength, wiring
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile, profile_names
from thecal.safety.records import SHIELD_INPUT, SHIELD_PAR

ROOT = Path(__file__).parents[3]
SAMPLE = ("cap_pg", "rise_permille", "balance_permille", "shelf", "refill_hold", "lease")
NEVER = {"concentration", "prime", "refill_identity", "compatibility"}  # checked at the start, or orders of the clinic


def test_every_profile_drug_and_admixture_is_in_the_harness():
    found = harness_cases(0)
    for name in profile_names():
        profile = load_profile(name)
        drugs = {case.drugs for case in found if case.profile == name}
        assert drugs == {(drug,) for drug in profile.drugs} | {tuple(mix.split("+")) for mix in profile.mixtures}
    assert {case.stage for case in found} == {"auto", "confirm", "lower", "advise"}
    assert {case.setting for case in found} == {"cancer", "noncancer"}
    assert {case.solution for case in found} == {"usual", "dilute"}
    assert {case.sedated for case in found} == {True, False}
    assert all(load_pump(case.pump).kind != "constant" for case in found)
    assert len({case.seed for case in found}) == len(found)


def test_a_sound_shield_passes_with_its_rules_put_to_the_test():
    found = run_case(HarnessCase("seed_2025", ("bupivacaine", "morphine"), patients=4))
    assert found.breaches == []
    assert found.ticks == 4 * DAYS * 96
    tested = {Invariant(number) for number, count in found.tested.items() if count}
    assert tested >= {Invariant.BRIDGE, Invariant.LEASE, Invariant.STABILITY, Invariant.POST_REFILL, Invariant.RESTART}
    assert run_case(HarnessCase("seed_2025", ("baclofen",), patients=4)).tested[Invariant.BOLUS_ELIGIBLE] > 1_000
    again = run_case(HarnessCase("seed_2025", ("bupivacaine", "morphine"), patients=4))
    assert (again.tested, again.margins) == (found.tested, found.margins)


def test_a_dilute_solution_reaches_what_a_pump_can_run():
    found = run_case(HarnessCase("seed_2025", ("morphine",), solution="dilute", patients=3))
    assert found.breaches == []
    assert found.margins[Invariant.ENVELOPE] == 0.0
    par, who = program(HarnessCase("seed_2025", ("morphine",), solution="dilute"), load_profile("seed_2025"))
    assert int(par["cap_pg"][0]) > 97 * who["max_rate_nl"] * int(par["conc"][0])


@pytest.mark.parametrize("limit", SAMPLE)
def test_a_loosened_limit_is_noticed(limit):
    assert power(limit)["found"]


def test_a_loosened_wait_for_the_catheter_is_noticed(tmp_path):
    text = (ROOT / "safety" / "data" / "profiles" / "seed_2025.toml").read_text(encoding="utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace("transits = { value = 0.0", "transits = { value = 1.0"), encoding="utf-8")
    case = HarnessCase(str(mine), ("morphine",), patients=4)
    assert int(program(case, load_profile(str(mine)))[0]["transit_nl"]) > 100_000
    assert run_case(case).breaches == []
    assert {breach[0] for breach in run_case(replace(case, loosened={"transit_nl": 0})).breaches} == {12}


@pytest.mark.parametrize("drugs", [("morphine",), ("bupivacaine", "morphine")])
def test_monitored_titration_acts_and_passes(drugs):
    found = run_case(HarnessCase("seed_2025", drugs, patients=3, monitored=True))
    assert found.breaches == []
    assert found.tested[Invariant.MONITORED] > 1_000
    assert found.margins[Invariant.MONITORED] == pytest.approx(0.0, abs=1e-9), "a whole step was taken"


def test_the_pumps_own_volume_is_counted_and_put_to_the_test():
    found = run_case(HarnessCase("seed_2025", ("morphine",), patients=2))
    assert found.breaches == []
    assert found.tested[Invariant.READ_BACK] > 100


@pytest.mark.parametrize(
    "wire", ["breathing rate from the heart rate", "dropouts masked", "count never read", "scan never told"]
)
def test_a_crossed_wire_is_noticed_by_fact_and_by_rule(wire):
    found = crossed(wire)
    assert found["found"]
    assert found["by"], "something ran that what was shown withholds"
    assert "the shield was told" in found["first"]


def test_every_fact_has_a_wire_that_is_crossed():
    shown = hostile_input(program(HarnessCase("seed_2025", ("morphine",)), load_profile("seed_2025"))[0], rng(0), 960)
    changed = {"pumped_nl", "reservoir_nl"}  # cut within the loop
    for wire in WIRES:
        told, _ = wired(wire, shown)
        changed |= {name for name in SHIELD_INPUT.names if (told[name] != shown[name]).any()}
    assert changed == set(SHIELD_INPUT.names)


@pytest.mark.slow
def test_every_crossed_wire_is_noticed():
    found = wiring()
    assert [entry["wire"] for entry in found] == [*WIRES, *HIDDEN]
    assert [entry for entry in found if not entry["found"]] == []


@pytest.mark.slow
def test_every_loosened_limit_is_noticed():
    shown = []
    found = strength(progress=lambda done, total: shown.append((done, total)))
    assert [entry["limit"] for entry in found] == list(LOOSENED)
    assert [entry for entry in found if not entry["found"]] == []
    assert shown[-1] == (len(LOOSENED), len(LOOSENED))


def test_every_limit_of_the_shield_is_loosened_in_turn():
    assert set(LOOSENED) | set(NO_LIMITS) == set(SHIELD_PAR.names)
    assert not set(LOOSENED) & set(NO_LIMITS)


def test_the_recorded_attack_is_as_strong_as_it_says():
    recorded = json.loads((ROOT / "safety" / "data" / "attack.json").read_text())
    assert [entry["limit"] for entry in recorded["strength"]] == list(LOOSENED)
    assert all(entry["found"] for entry in recorded["strength"])
    assert [entry["wire"] for entry in recorded["wiring"]] == [*WIRES, *HIDDEN]
    assert all(entry["found"] for entry in recorded["wiring"])
    judged = {case["profile"].partition(" and ")[0] for case in recorded["scenarios"] if "profile" in case}
    assert judged == set(profile_names())
    assert PATIENTS * DAYS * 96 * len(harness_cases(0)) <= recorded["ticks"]
    never = {name for name, count in recorded["tested"].items() if count == 0}
    assert never == NEVER, "rules that the attack does not put to the test"
