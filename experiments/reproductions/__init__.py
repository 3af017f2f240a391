"""How each published observation is reproduced with virtual patients: one function per study, returning its one number.

Patients come from the test split. Nothing here is tuned: the parameters are the shipped ones.
"""

from __future__ import annotations

from collections.abc import Callable

from thecal.experiments.reproductions.adaptation import ADAPTATION
from thecal.experiments.reproductions.effects import EFFECTS
from thecal.experiments.reproductions.harms import HARMS
from thecal.experiments.reproductions.kinetics import KINETICS
from thecal.experiments.reproductions.morphine import MORPHINE
from thecal.experiments.reproductions.trials import TRIALS

REPRODUCTIONS: dict[str, Callable[[], float]] = {**MORPHINE, **KINETICS, **EFFECTS, **HARMS, **ADAPTATION, **TRIALS}
