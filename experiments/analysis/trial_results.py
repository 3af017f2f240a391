"""What a virtual trial found: flow of patients, looks, estimates with intervals, and the decision of its plan; JSON both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from thecal.core.complaints import first_reason
from thecal.core.errors import StoreError
from thecal.core.files import as_json, plain, write_whole
from thecal.experiments.analysis.results import Frozen, Interval, MaybeNumber, Number
from thecal.experiments.analysis.stored import require_schema, written_by
from thecal.experiments.analysis.trial_parts import Result

FILE = "trial.json"
SCHEMA = 1
Decision = Literal["first better", "second better", "no difference shown"]


class Flow(Frozen):
    """The way of patients through an arm (CONSORT), counted.

    Attributes:
        allocated: to the arm; in a paired or crossover trial everybody who entered.
        lost: to follow-up.
        died: in the simulation, among the others.
        rescued: who met the rule for rescue medication, among the others.
        analyzed: with a value of the endpoint.
    """

    label: str
    simulated: bool
    allocated: int
    lost: int
    died: int
    rescued: int
    analyzed: int


class Compared(Frozen):
    """One difference, first arm less another, in the unit of the endpoint.

    Attributes:
        arms: names of both.
        estimate, error, low, high: the difference, its standard error and its interval (repeated, where the plan has
            several looks).
        statistic, p: of the test; ``p_adjusted`` by Holm where several arms are compared.
        means: of both arms; ``n``: what was compared.
        extra: what else the design tells.
    """

    arms: tuple[str, str]
    estimate: Number
    error: Number
    low: Number
    high: Number
    statistic: Number
    p: Number
    p_adjusted: MaybeNumber = None
    means: tuple[Number, Number]
    n: tuple[int, int]
    extra: dict[str, MaybeNumber] = {}


class Look(Frozen):
    """One look at the data: patients entered so far, the bound, and what was seen."""

    share: float
    entered: int
    bound: Number
    spent: Number
    statistic: Number
    stopped: bool


class TrialResult(Frozen):
    """Everything a trial found.

    Attributes:
        plan: as plain data, whose hash is ``hash`` (of the plan with what it names: patients, policies, code).
        title, design, endpoint, unit: for readers.
        assessed, excluded: patients looked at for entry, and those kept out by reason.
        flow: by arm.
        looks: in their order.
        compared: the first arm with every other.
        secondary: by arm and outcome, means with intervals over patients.
        strata: patients by stratum and arm.
        decision: by the plan's rule, of the first comparison.
        stopped_early: whether a bound was crossed before the last look.
        unshielded: whether limits did not bind in an arm.
        not_simulated: labels of arms drawn from published results.
        published: what a trial of this design found.
    """

    plan: dict[str, Any]
    hash: str
    title: str
    design: str
    endpoint: str
    unit: str
    better: int
    alpha: float
    planned: int
    assessed: int
    excluded: dict[str, int]
    flow: dict[str, Flow]
    looks: tuple[Look, ...]
    compared: tuple[Compared, ...]
    secondary: dict[str, dict[str, Interval]]
    strata: dict[str, dict[str, int]]
    decision: Decision
    stopped_early: bool
    unshielded: bool
    not_simulated: tuple[str, ...]
    published: Result | None = None

    @property
    def entered(self) -> int:
        """Patients randomized."""
        return self.looks[-1].entered


def to_dict(found: TrialResult) -> dict[str, Any]:
    """The result as plain data, with what wrote it."""
    data: dict[str, Any] = plain(found)
    return {"note": "simulation only", **written_by(SCHEMA), **data}


def save_trial(found: TrialResult, folder: str | Path) -> Path:
    """Write ``trial.json`` into ``folder``.

    Raises:
        StoreError: it cannot be written.
    """
    return write_whole(Path(folder) / FILE, as_json(to_dict(found)))


def load_trial(path: str | Path) -> TrialResult:
    """Read what :func:`save_trial` wrote, from the file or its folder.

    Raises:
        StoreError: there is no such file, it is damaged, or another version wrote it.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        require_schema(values, SCHEMA, file)
        return TrialResult.model_validate({k: v for k, v in values.items() if k not in ("note", "schema", "thecal")})
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        raise StoreError(f"{file}: not a trial's result ({first_reason(error)})") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"{file}: not a trial's result ({type(error).__name__}: {error})") from error
