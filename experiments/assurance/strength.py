"""How strong the attack is: the shield gets one limit loosened, the auditor the true one; a good attack is found out.

A limit for which a loosened shield passes unnoticed is one whose zero violations mean little. So is a trail whose auditor does
not see that the shield was told something else than sensors, pump and clinic showed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from thecal.core.executor import Executor, local
from thecal.experiments.assurance.harness import HarnessCase, limits_of, program, run_case
from thecal.experiments.assurance.harness_wires import HIDDEN, WIRES
from thecal.safety.invariants import Invariant
from thecal.safety.records import AUTO

# By how much each limit of SHIELD_PAR is loosened: a little, but more than the rounding and the grid take back.
LOOSENED: dict[str, Callable[[Any], Any]] = {
    "cap_pg": lambda x: x * 21 // 20,
    "conc": lambda x: (x * 19 + 19) // 20,
    "min_rate": lambda x: x // 2,
    "max_rate": lambda x: x * 11 // 10,
    "rate_step": lambda x: 1,
    "bolus_step": lambda x: 1,
    "step_permille": lambda x: x + 50,
    "step_abs": lambda x: x * 2,
    "interval": lambda x: x - 1,
    "rise_permille": lambda x: x + 100,
    "keep_permille": lambda x: x - 50,
    "exposed_after": lambda x: x + 96,
    "bolus_eligible": lambda x: 1,
    "bolus_abs": lambda x: x * 11 // 10,
    "bolus_permille": lambda x: x + 50,
    "lockout": lambda x: x - 1,
    "bolus_most": lambda x: x + 1,
    **dict.fromkeys(("rr_warn", "rr_lock", "spo2_warn", "spo2_lock", "sbp_low", "map_low", "hr_low"), lambda x: x - 3),
    **dict.fromkeys(("co2_warn", "co2_lock"), lambda x: x + 3),
    **dict.fromkeys(("rr_jump", "spo2_jump", "co2_jump"), lambda x: x + 5),
    **dict.fromkeys(("poss_hold", "poss_lock", "neuro_hold"), lambda x: x + 1),
    **dict.fromkeys(("stale", "flat", "shelf", "balance_permille", "skew_s", "errors_most"), lambda x: x + 1),
    **dict.fromkeys(("refill_hold", "pocket_watch"), lambda x: x - 1),
    "watch": lambda x: x - 16,
    "lock_permille": lambda x: x + 100,
    "vasoactive": lambda x: 0,
    "sbp_keep_permille": lambda x: x - 20,
    "reserve_nl": lambda x: x // 2,
    "gap_most": lambda x: x + 2,
    "restart_permille": lambda x: x + 100,
    "escalation_permille": lambda x: x + 300,
    "lease": lambda x: x + 4,
    "recut": lambda x: x + 2,
    "flat_other": lambda x: x + 1,
    **dict.fromkeys(("quick_permille", "quick_day_permille", "quick_near_permille"), lambda x: x + 60),
    **dict.fromkeys(("quick_interval", "quick_settle"), lambda x: x - 2),
    "quick_quiet": lambda x: x - 4,
    **dict.fromkeys(("quick_fresh", "quick_poss"), lambda x: x + 1),
    "stage": lambda x: AUTO,
}
_TOLD = "the shield was told"  # of a breach that is a wrong wiring itself
# Fields that are no limit: how many drugs and caps there are, what a mode does, and a wait that no shipped profile asks for
# (a test loosens it with a profile that does).
NO_LIMITS = ("n_drugs", "n_caps", "mode", "transit_nl")


def trials(seed: int) -> Iterator[HarnessCase]:
    """Programs in which every limit binds somewhere, the likeliest first."""
    for again in range(3):
        for drugs, setting, solution, stage, monitored in (
            (("morphine",), "cancer", "usual", "auto", False),
            (("morphine",), "cancer", "usual", "auto", True),
            (("bupivacaine", "morphine"), "noncancer", "usual", "auto", False),
            (("hydromorphone",), "noncancer", "usual", "auto", True),
            (("ziconotide",), "cancer", "usual", "auto", False),
            (("morphine",), "cancer", "dilute", "auto", False),
            (("hydromorphone",), "noncancer", "dilute", "lower", False),
        ):
            yield HarnessCase(
                "seed_2025",
                drugs,
                setting,
                solution=solution,
                stage=stage,
                seed=seed + 1000 * again,
                monitored=monitored,
            )


def power(field: str, seed: int = 0) -> dict[str, Any]:
    """What the auditor says of a shield with one limit loosened: the first invariant it calls broken, or that it calls none."""
    for k, case in enumerate(trials(seed)):
        true, _ = program(case, limits_of(case))
        loose = LOOSENED[field](true[field].copy())
        if (loose == true[field]).all() or (field.startswith("quick") and not case.monitored):
            continue
        found = run_case(replace(case, loosened={field: loose}))
        if found.breaches:
            numbers = sorted({breach[0] for breach in found.breaches})
            called = [Invariant(number).name.lower() for number in numbers]
            return {"limit": field, "found": True, "after": k + 1, "by": called}
    return {"limit": field, "found": False, "after": 0, "by": []}


def crossed(wire: str, seed: int = 0) -> dict[str, Any]:
    """What the auditor says when the shield is told something else than is shown: the rules broken on what was shown, too."""
    stage = "confirm" if "confirm" in wire else "auto"
    case = HarnessCase("seed_2025", ("bupivacaine", "morphine"), stage=stage, seed=seed, patients=4, wire=wire)
    found = run_case(case)
    told = [breach for breach in found.breaches if _TOLD in breach[3]]
    broken = sorted({breach[0] for breach in found.breaches if _TOLD not in breach[3]})
    return {
        "wire": wire, "found": bool(told), "first": told[0][3] if told else "", "ticks": found.ticks,
        "breaches": len(found.breaches), "by": [Invariant(number).name.lower() for number in broken],
    }  # fmt: skip


def wiring(
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[dict[str, Any]]:
    """Cross every wire between what is shown and what the shield is told, in turn; arguments as of :func:`strength`."""
    wires, found = [*WIRES, *HIDDEN], []
    for result in (executor or local(workers)).map(crossed, wires):
        found.append(result)
        progress(len(found), len(wires))
    return found


def strength(
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[dict[str, Any]]:
    """Loosen every limit in turn, in parallel; returns what :func:`power` says of each.

    Args:
        workers: processes of this machine; one for each core when ``None``.
        executor: what runs the trials, in place of ``workers``.
        progress: called with (done, all) after each limit.
    """
    found = []
    for result in (executor or local(workers)).map(power, LOOSENED):
        found.append(result)
        progress(len(found), len(LOOSENED))
    return found
