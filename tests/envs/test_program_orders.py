"""The fills and primes of a program file, checked as a clinic would check them."""

from __future__ import annotations

import pytest

from thecal.devices.program_file import ProgramFile
from thecal.envs.program_orders import program_refusals
from thecal.safety.profiles import load_profile

DEAD_ML = 0.3  # well within the volume between reservoir and tip of the default pump


def refusals(*lines: dict, primed: bool = True, drugs=("morphine",), conc=(10.0,)) -> list[tuple[float, str]]:
    solution = {"drugs": drugs, "mg_per_ml": conc, "primed": primed}
    program = ProgramFile.model_validate({"days": 60, "solution": solution, "do": lines})
    return [(at_h, order) for at_h, order, _ in program_refusals(program, load_profile("seed_2025"))]


def prime(at_h: float, ml: float = DEAD_ML) -> dict:
    return {"at_h": at_h, "do": "prime", "ml": ml}


def test_a_usual_program_passes():
    change = {"at_h": 480, "do": "refill", "mg_per_ml": (20.0,)}
    assert refusals(prime(0), {"at_h": 0, "do": "continuous", "mg_per_d": 1.0}, change, primed=False) == []


@pytest.mark.parametrize(
    ("drugs", "conc"), [(("morphine",), (60.0,)), (("morphine", "ziconotide", "baclofen"), (5.0, 0.025, 1.0))]
)
def test_the_first_fill_is_checked(drugs, conc):
    assert set(refusals(drugs=drugs, conc=conc)) == {(0.0, "fill")}


def test_a_refill_over_its_limit_is_named_by_hour():
    assert refusals({"at_h": 480, "do": "refill", "mg_per_ml": (60.0,)}) == [(480.0, "refill")]


@pytest.mark.parametrize(
    "lines",
    [
        [{"at_h": 0, "do": "continuous", "mg_per_d": 1.0}, prime(24)],  # drug has flown in
        [prime(0), prime(24)],  # the second one is a bolus
        [prime(24, ml=1.0)],  # more than the catheter holds
    ],
)
def test_a_prime_into_a_full_catheter_is_refused(lines):
    at_h = max(line["at_h"] for line in lines)
    assert (at_h, "prime") in refusals(*lines, primed=False)


def test_a_primed_catheter_is_never_primed():
    assert refusals(prime(0)) == [(0.0, "prime")]
