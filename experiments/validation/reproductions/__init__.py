"""How each published observation is reproduced with virtual patients: one function per study, returning its one number.

Each takes whose patients it simulates (:class:`~.common.Draw`): validation draws from the test split, calibration from
another, and nothing here is tuned.
"""

from __future__ import annotations

from thecal.experiments.validation.reproductions.adaptation import ADAPTATION
from thecal.experiments.validation.reproductions.baselines import BASELINES
from thecal.experiments.validation.reproductions.blocks import BLOCKS
from thecal.experiments.validation.reproductions.boluses import BOLUSES
from thecal.experiments.validation.reproductions.chronic import CHRONIC
from thecal.experiments.validation.reproductions.common import Draw, Reproduction
from thecal.experiments.validation.reproductions.courses import COURSES
from thecal.experiments.validation.reproductions.effects import EFFECTS
from thecal.experiments.validation.reproductions.harms import HARMS
from thecal.experiments.validation.reproductions.injections import INJECTIONS
from thecal.experiments.validation.reproductions.kinetics import KINETICS
from thecal.experiments.validation.reproductions.labor import LABOR
from thecal.experiments.validation.reproductions.levels import CONCENTRATIONS
from thecal.experiments.validation.reproductions.long_term import LONG_TERM
from thecal.experiments.validation.reproductions.morphine import MORPHINE
from thecal.experiments.validation.reproductions.nights import NIGHTS
from thecal.experiments.validation.reproductions.outcomes import OUTCOMES
from thecal.experiments.validation.reproductions.recovery import RECOVERY
from thecal.experiments.validation.reproductions.rhythms import RHYTHMS
from thecal.experiments.validation.reproductions.series import SERIES
from thecal.experiments.validation.reproductions.singles import SINGLES
from thecal.experiments.validation.reproductions.trials import TRIALS
from thecal.experiments.validation.reproductions.window import WINDOW

__all__ = ["REPRODUCTIONS", "THEMES", "Draw", "Reproduction"]

# By module, because functions of one module may share a simulation: whoever spreads work keeps a theme together.
THEMES: dict[str, dict[str, Reproduction]] = {
    "morphine": MORPHINE,
    "kinetics": KINETICS,
    "effects": EFFECTS,
    "harms": HARMS,
    "adaptation": ADAPTATION,
    "trials": TRIALS,
    "window": WINDOW,
    "boluses": BOLUSES,
    "labor": LABOR,
    "series": SERIES,
    "long_term": LONG_TERM,
    "rhythms": RHYTHMS,
    "injections": INJECTIONS,
    "courses": COURSES,
    "baselines": BASELINES,
    "chronic": CHRONIC,
    "singles": SINGLES,
    "levels": CONCENTRATIONS,
    "recovery": RECOVERY,
    "blocks": BLOCKS,
    "outcomes": OUTCOMES,
    "nights": NIGHTS,
}
REPRODUCTIONS: dict[str, Reproduction] = {key: run for theme in THEMES.values() for key, run in theme.items()}
