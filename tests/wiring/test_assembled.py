"""A patient is put together with the pump, limits, faults and task of the scenario, and with nothing else."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.core.rng import STREAM_DEVICE, normals
from thecal.devices.fault_presets import FaultSpec, fault_parameters
from thecal.devices.monitor_records import monitor_parameters
from thecal.devices.orders import order_concentration
from thecal.devices.pump_draws import sample_battery, sample_flow_bias
from thecal.devices.solutions import assess, kernel_chemistry
from thecal.devices.specs import load_pump, pump_parameters
from thecal.envs import assembly
from thecal.envs.assembly import Chart, assemble
from thecal.envs.kernel.records import WORLD_PAR
from thecal.envs.kernel.start import prepare_rows
from thecal.envs.scenario import Resolved, Scenario
from thecal.envs.tasks import load_task
from thecal.physiology.cohort import draw
from thecal.physiology.life_presets import life_parameters, load_life

from support.distinct import distinct_profile
from support.task_files import written

BOTH = ("morphine", "bupivacaine")
# Of the made-up profile: the highest concentrations of both, µg/mL.
MOST = (17_900.0, 23_000.0)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Resolved:
    """Two drugs with four mixtures, on another pump, of other patients, under limits that are all different."""
    folder = tmp_path_factory.mktemp("assembled")
    task = load_task(written(folder, "Everything", ("start_clock_h = 8.0", "start_clock_h = 7.5")))
    solution = task.solution.model_copy(update={"max_interval_d": 31.0})
    changed = task.model_copy(update={"solution": solution, "difficulty": {"real": {"pain_base": 0.5, "ec50": 1.5}}})
    return Scenario.of(
        changed, split="tune", cohort_seed=5, profile=str(distinct_profile(folder)), pump="synchromed_ii_20",
        allow_unproved=True, allow_wide=True,
    ).resolve()  # fmt: skip


def cohort_of(scene: Resolved, patients: Any) -> Any:
    return draw(scene.cohort, scene.drugs, np.array(patients), "tune", 5)


def row_of(scene: Resolved, patient: int, dose: float, chart: Chart) -> tuple[Any, Any]:
    """A row with what was assembled into it, and what is in the reservoir."""
    row: Any = np.zeros(1, WORLD_PAR)[0]
    row["patient"] = cohort_of(scene, [patient]).par[0]
    return row, assembly._assemble_row(scene, row, dose, chart)


def test_patients_are_those_of_the_scenario(scene: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
    patients = np.array([3, 0, 8])
    cohort = cohort_of(scene, patients)
    asked: list[Any] = []
    rows: list[Any] = []
    fill = assembly._assemble_row

    def drawn(*given: Any, **words: Any) -> Any:
        asked.append((given, words))
        return cohort

    def filled(*given: Any) -> Any:
        rows.append((given[0], int(given[1]["patient"]["patient"]), *given[2:]))
        return fill(*given)

    cohort.covariates["benzodiazepine"] = np.array([0, 1, 0])
    cohort.covariates["gabapentinoid"] = np.array([0, 0, 1])
    monkeypatch.setattr(assembly, "draw", drawn)
    monkeypatch.setattr(assembly, "_assemble_row", filled)
    monkeypatch.setattr(assembly, "_indications", lambda _: ["spinal", "", "cerebral"])
    monkeypatch.setattr(assembly, "start_doses", lambda *_: np.array([640.0, 500.0, 300.0]))
    monkeypatch.setattr(assembly, "highest_starts", lambda *_: np.array([640.0, 350.0, 900.0]))
    due = np.zeros(3, WORLD_PAR)
    due["patient"] = cohort.par
    found = assemble(scene, patients)
    assert asked == [((scene.cohort, BOTH, patients, "tune", 5), {"structure": 0})]
    ids = [int(one) for one in cohort.ids]
    assert rows == [
        (scene, ids[0], 640.0, Chart(False, "spinal", False)),
        (scene, ids[1], 350.0, Chart(True, "", True)),
        (scene, ids[2], 300.0, Chart(True, "cerebral", False)),
    ]
    assert [one.sedated for one in found] == [False, True, True]
    assert [one.indication for one in found] == ["spinal", "", "cerebral"]
    assert [one.lowered_from for one in found] == [0.0, 500.0, 0.0]
    due["patient"]["pain_base"] *= 0.5
    due["patient"]["drug"]["ec50"] *= 1.5
    prepare_rows(due)
    for k, one in enumerate(found):
        assert one.par["patient"].tobytes() == due["patient"][k].tobytes(), k
        rate = int(one.par["task"]["start_rate_nl"])
        assert rate == int((640.0, 350.0, 300.0)[k] / one.par["ordered_conc"][0] * 1e6 / 96)
        assert one.pump["rate_nl"] == one.shield["prev_rate"] == one.shield["baseline"] == rate // 10 * 10
        assert one.pump["true_ml"] == one.pump["estimated_ml"] == 20.0
        assert one.pump["start_clock_h"] == 7.5
        np.testing.assert_array_equal(one.pump["conc"], one.par["ordered_conc"])
    assert {one.par["ordered_conc"][0] for one in found} <= {1_000.0, 2_000.0, 5_000.0}


def test_a_second_structure_is_drawn_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, scene: Resolved) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(Resolved, "structure", 1)
    monkeypatch.setattr(assembly, "draw", lambda *given, **words: asked.append(words) or draw(*given, **words))
    assert assemble(scene, np.array([2]))[0].par["patient"]["structure"] == 1
    assert asked == [{"structure": 1}]


def test_a_difficulty_multiplies_the_field_of_its_name(scene: Resolved) -> None:
    par: Any = cohort_of(scene, [0, 1]).par
    due = par.copy()
    assembly._apply_difficulty(par, {"pain_base": 0.5, "ec50": 1.5, "emax_noci": 2.5, "nothing of it": 9.0})
    due["pain_base"] *= 0.5
    due["drug"]["ec50"] *= 1.5
    due["channel"]["emax_noci"] *= 2.5
    assert par.tobytes() == due.tobytes()


def test_a_lowered_start_can_be_diluted(scene: Resolved) -> None:
    """Strengths of 1, 2 and 5 mg/mL, and a pump that starts at its practical flow."""
    offer, flow = [1_000.0, 2_000.0, 5_000.0], scene.pump.start_flow_ml_per_d
    assert flow > 0.0
    assert assembly._options(scene, 900.0 * flow, True) == [pytest.approx(900.0), *offer]
    assert assembly._options(scene, 900.0 * flow, False) == offer
    assert assembly._options(scene, 1_900.0 * flow, True) == offer
    assert assembly._options(scene, 1_000.0 * flow, True) == offer
    for lowered, conc in ((True, 500.0), (False, 1_000.0)):
        _, content = row_of(scene, 4, 500.0 * flow, Chart(False, "", lowered))
        assert content[:2].tolist() == [pytest.approx(conc)] * 2


def test_a_drug_without_a_share_is_not_forgotten(scene: Resolved) -> None:
    own: Any = SimpleNamespace(**vars(scene))
    own.task = scene.task.model_copy(update={"solution": scene.task.solution.model_copy(update={"ratios": ()})})
    with pytest.raises(ValueError, match="shorter"):
        row_of(own, 4, 640.0, Chart(False, "", False))


FAULTS = FaultSpec(preset="stress", wrong_drug="baclofen")
PLANNED = FaultSpec(preset="stress", hazards=False)
# Dose, strengths on offer and ratio of the second drug: of middle size; limited by the second drug, and by the first; so small
# that the pump's lowest rate gives more; so large that its highest gives less.
ORDERS = (
    (640.0, (1.0, 2.0, 5.0), 1.0),
    (8_000.0, (1.0, 5.0, 15.0), 2.0),
    (8_000.0, (1.0, 10.0, 17.0, 18.0), 0.5),
    (1.0, (1.0, 2.0), 1.0),
    (90_000.0, (1.0, 2.0), 1.0),
)


@pytest.mark.parametrize(("dose", "offer", "ratio"), ORDERS)
@pytest.mark.parametrize("faults", [None, FAULTS, PLANNED])
def test_a_row_is_what_was_ordered(scene: Resolved, dose: float, offer: Any, ratio: float, faults: Any) -> None:
    mixtures = ((0.1,), (ratio,), (0.3,), (1.2,))
    solution = scene.task.solution.model_copy(
        update={"ratios": (ratio,), "mixtures": mixtures, "options_mg_per_ml": offer}
    )
    task = scene.task.model_copy(update={"solution": solution})
    drugs = BOTH if faults is not FAULTS else (*BOTH, "baclofen")
    own: Any = SimpleNamespace(**{"lens": scene.lens, **vars(scene)}, call_delay_h=6.0, rescue_delay_h=0.25)
    own.task, own.faults, own.drugs = task, faults, drugs
    own.life = load_life("cancer_month" if faults is PLANNED else None)
    row, content = row_of(own, 4, dose, Chart(True, "", False))
    who = cohort_of(own, [4]).par[0]
    pump = load_pump("synchromed_ii_20")
    most = min(MOST[0], MOST[1] / ratio)
    conc = order_concentration(dose, [1000.0 * x for x in offer], pump, max_interval_d=31.0, max_ug_per_ml=most)
    report = assess(BOTH, [conc, conc * ratio])
    draws = normals(5, int(who["patient"]), STREAM_DEVICE, 0)
    due = pump_parameters(
        pump, flow_bias=sample_flow_bias(pump, draws[0]), battery_factor=sample_battery(pump, draws[1]),
        chemistry=kernel_chemistry(report),
    )  # fmt: skip
    assert row["pump"].tobytes() == due[0].tobytes()
    assert content.tolist() == row["ordered_conc"].tolist() == [conc, conc * ratio, 0.0]
    assert row["most_conc"].tolist() == [*MOST, 0.0]
    rate = int(dose / conc * 1e6 / 96)
    assert row["task"]["start_rate_nl"] == min(max(rate, pump.min_rate_nl), pump.max_rate_nl)
    assert row["task"]["refill_h"] == 24.0 * min(31.0, report.stable_d)
    assert row["task"]["cap_ug"] == row["shield"]["cap_pg"][0] / 1e6 == 11_300.0 * 0.45
    assert row["shield"]["conc"][:2].tolist() == [math.ceil(conc), math.ceil(conc * ratio)]
    assert row["shield"]["shelf"] == int(96.0 * report.stable_d)
    for k, share in enumerate((0.1, ratio, 0.3, 1.2)):
        mixture = row["mixture"][k]
        assert mixture["ordered"].tolist() == [conc, conc * share, 0.0]
        assert mixture["shield"]["conc"][:2].tolist() == [math.ceil(conc), math.ceil(conc * share)]
        assert mixture["shield"]["shelf"] == int(96.0 * report.stable_d)
        assert mixture["shield"]["cap_pg"][0] == 11_300_000_000 * 45 // 100
    slot = 2 if faults is FAULTS else -1
    fault = fault_parameters(faults, drugs=BOTH, patient=int(who["patient"]), wrong_slot=slot)
    assert row["fault"].tobytes() == fault.tobytes()
    assert row["monitor"].tobytes() == monitor_parameters()[0].tobytes()
    assert row["patient"]["life"].tobytes() == life_parameters(own.life).tobytes()
    assert (row["patient"]["infection_per_h"] == 0.0) == (faults is FAULTS)


def test_the_shield_of_a_row_is_asked_for_in_full(scene: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def answer(*given: Any, **words: Any) -> Any:
        asked.append((given, words))
        return {"bolus_abs": 5}

    monkeypatch.setattr(assembly, "shield_parameters", answer)
    pump = {"min_rate_nl": 11, "max_rate_nl": 12, "rate_step_nl": 13, "bolus_step_nl": 14, "dead_ml": 0.15}
    for kind, bolus in (("programmable", 5), ("constant", 0), ("another", 5)):
        own: Any = SimpleNamespace(
            profile=scene.profile, mode="mode", pump=SimpleNamespace(kind=kind),
            task=SimpleNamespace(drugs=BOTH, setting="noncancer"), scenario=SimpleNamespace(stage="lower"),
        )  # fmt: skip
        assert assembly._shield(own, {"pump": pump}, [3.0, 4.0], 77.0, Chart(True, "spinal", False)) == {
            "bolus_abs": bolus
        }
        words = {
            **pump, "drugs": BOTH, "conc_ug_per_ml": [3.0, 4.0], "setting": "noncancer", "stable_h": 77.0, "sedated": True,
            "indication": "spinal", "stage": "lower", "mode": "mode",
        }  # fmt: skip
        assert asked.pop() == ((scene.profile,), words)


def test_the_first_fill_is_ordered_and_checked(scene: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(mixture: list[float], interval: float = 31.0, dead: float = 0.2) -> None:
        task = SimpleNamespace(name="Odd", drugs=BOTH, solution=SimpleNamespace(max_interval_d=interval))
        row = {"patient": {"patient": 7, "seed": 8}, "pump": {"dead_ml": dead}}
        assembly._check_first_fill(SimpleNamespace(task=task, profile=scene.profile), row, mixture)  # type: ignore[arg-type]

    check([17_900.0, 23_000.0])
    check([17_900.0, 23_000.0], interval=0.5)
    refused = "Odd: the first fill is refused: "
    with pytest.raises(ConfigError) as found:
        check([17_901.0, 23_001.0])
    words = ("morphine at 17901 ug/mL is over its limit", "bupivacaine at 23001 ug/mL is over its limit")
    assert str(found.value) == refused + "; ".join(words)
    with pytest.raises(ConfigError) as found:
        check([100.0, 200.0], dead=0.0)
    assert str(found.value) == refused + "0 mL is not within the 0 mL between reservoir and tip"
    with pytest.raises(ValueError, match="shorter"):
        check([100.0])
    asked: list[Any] = []
    monkeypatch.setattr(assembly, "refill_faults", lambda *given: asked.append(given) or [])
    check([100.0, 200.0])
    drugs = {"morphine": 100.0, "bupivacaine": 200.0}
    order = assembly.Fill("7", "first", 31.0, drugs)
    assert asked == [(scene.profile, order, order, drugs, 0.0)]


def test_no_row_is_made_of_a_first_fill_that_is_refused(scene: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    check = assembly._check_first_fill
    monkeypatch.setattr(assembly, "_check_first_fill", lambda *given: asked.append(given) or check(*given))
    row, content = row_of(scene, 4, 640.0, Chart(False, "", False))
    where, who, mixture = asked.pop()
    assert (where, mixture) == (scene, content[:2].tolist())
    assert who is row
    monkeypatch.setattr(assembly, "refill_faults", lambda *_: ["odd"])
    monkeypatch.setattr(assembly, "prime_faults", lambda *_, **__: ["and dry"])
    with pytest.raises(ConfigError, match="Everything: the first fill is refused: odd; and dry"):
        row_of(scene, 4, 640.0, Chart(False, "", False))


@pytest.mark.parametrize("inherited", [False, True])
def test_an_inherited_program_is_in_every_ledger(
    scene: Resolved, monkeypatch: pytest.MonkeyPatch, inherited: bool
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        assembly, "seed_ledger", lambda state, row: seen.append((state["prev_rate"] > 0, row["cap_pg"][0] > 0))
    )
    start = scene.task.start.model_copy(update={"inherited": inherited})
    parts = {"structure": 0, "factors": {}, "call_delay_h": 6.0, "rescue_delay_h": 0.25, "lens": scene.lens}
    own: Any = SimpleNamespace(**{**parts, **vars(scene)})
    own.task = scene.task.model_copy(update={"start": start})
    assemble(own, np.array([0, 3]))
    assert seen == [(True, True)] * (2 * inherited)


@pytest.mark.parametrize("inherited", [True, False])
def test_only_an_inherited_program_is_held_to_the_grid(inherited: bool) -> None:
    task = load_task("CancerDoseFinding")
    changed = task.model_copy(update={"start": task.start.model_copy(update={"inherited": inherited})})
    scene = Scenario.of(changed, split="tune", cohort_seed=5).resolve()
    rows = [row_of(scene, patient, 2345.6, Chart(False, "", False))[0] for patient in range(4)]
    assert all(int(row["task"]["start_rate_nl"]) % int(row["shield"]["rate_step"]) == 0 for row in rows) == inherited


def test_the_goal_of_pain_is_the_patients_own() -> None:
    scene = Scenario.of("CancerDoseFinding", split="tune", cohort_seed=5).resolve()
    rows = [row_of(scene, patient, 3456.7, Chart(False, "", False))[0] for patient in range(4)]
    pains = [float(row["patient"]["pain_base"]) for row in rows]
    assert [float(row["task"]["goal_nrs"]) for row in rows] == [max(3.0, 0.7 * pain) for pain in pains]
