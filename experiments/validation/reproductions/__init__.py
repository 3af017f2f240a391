"""How each published observation is reproduced with virtual patients: one function per study, returning its one number.

Patients come from the test split. Nothing here is tuned: the parameters are the shipped ones.
"""

from __future__ import annotations

from collections.abc import Callable

from thecal.experiments.validation.reproductions.adaptation import ADAPTATION
from thecal.experiments.validation.reproductions.effects import EFFECTS
from thecal.experiments.validation.reproductions.harms import HARMS
from thecal.experiments.validation.reproductions.kinetics import KINETICS
from thecal.experiments.validation.reproductions.morphine import MORPHINE
from thecal.experiments.validation.reproductions.trials import TRIALS

REPRODUCTIONS: dict[str, Callable[[], float]] = {**MORPHINE, **KINETICS, **EFFECTS, **HARMS, **ADAPTATION, **TRIALS}
