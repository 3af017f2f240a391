"""Every format that people write, with its shipped files, how one is loaded, and what may be left out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thecal.agents.backends import settings as rl_settings
from thecal.agents.bayes.policy import BayesSettings
from thecal.agents.mpc.nominal import NominalSettings
from thecal.agents.mpc.oracle import OracleSettings
from thecal.agents.rules.guard import GuardSettings
from thecal.agents.rules.visit_rules import BACLOFEN, OPIOID, ZICONOTIDE
from thecal.agents.settings import PolicySettings
from thecal.core import parameters
from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, ParameterError, ProfileError
from thecal.core.layout import AXIAL, COMPARTMENT
from thecal.devices import chemistry, fault_presets, monitor_records
from thecal.devices.program_file import read_program
from thecal.devices.specs import load_pump
from thecal.envs import clinician, scenario, signs
from thecal.envs.tasks import load_task
from thecal.experiments.analysis.trial_plan import read_plan
from thecal.experiments.studies.config import CompareConfig, EvaluateConfig, TrainConfig, load_config
from thecal.experiments.validation import targets
from thecal.experiments.validation.calibration.study import load_study
from thecal.physiology import cohort, cohort_spec, cord, covariate_draws, covariate_models, geometry, population
from thecal.physiology.life_presets import load_life
from thecal.safety.profile_schema import DRUG_OPTIONS
from thecal.safety.profiles import load_profile

from support.analysis_files import READERS, read_anew
from support.clinic_files import CLINIC_FORMATS
from support.cost_files import COST_FORMATS
from support.file_formats import Format, instead, patched, tables
from support.fitted_files import FITTED_FORMATS

FAULTS = {
    "preset": "reference", "hazards": False, "serviced": True,
    "planned": [
        {"fault": "occlusion", "at_h": 24.0, "size": 0.5, "duration_h": 48.0},
        {"fault": "sensor_bias", "at_h": 1, "sensor": "hr"},
    ],
}  # fmt: skip


def _physiology(folder: str) -> Callable[[Path, pytest.MonkeyPatch], object]:
    def load(path: Path, patch: pytest.MonkeyPatch) -> object:
        honest, edited = population.shipped, f"{folder}{path.stem}"
        instead(parameters, "read_tables", path, patch)

        def look(asked: str) -> parameters.ParameterFile:
            return population.shipped.__wrapped__(asked) if asked == edited else honest(asked)

        for module in (cohort, cord, geometry, covariate_draws, covariate_models, cohort_spec):
            patch.setattr(module, "shipped", look)
        patch.setattr(population, "shipped", _Looking(look, honest))
        drug = path.stem if folder == "drugs/" else _DRUG_OF.get(path.stem, "morphine")
        structure = COMPARTMENT if path.stem == "structures" else AXIAL
        return cohort.draw(cohort_spec.load_cohort_spec("noncancer"), (drug,), [0], "train", 1, structure=structure)

    return load


class _Looking:
    """Stands in for the cached reader."""

    def __init__(self, look: Callable[[str], Any], honest: Any) -> None:
        self._look = look
        self.__wrapped__ = honest.__wrapped__

    def __call__(self, asked: str) -> Any:
        return self._look(asked)


_DRUG_OF = {
    "alpha2": "clonidine", "gaba_a": "midazolam", "gaba_b": "baclofen", "n_calcium": "ziconotide",
    "sodium_channel": "bupivacaine",
}  # fmt: skip


def _cohort(path: Path, _patch: pytest.MonkeyPatch) -> object:
    return cohort.draw(cohort_spec.load_cohort_spec(path), ("morphine",), [0], "test", 1)


def _preset(name: str) -> object:
    return fault_presets.fault_parameters(fault_presets.load_faults(name))


def _rules(name: str) -> object:
    kinds = {kind.__module__.rpartition(".")[2]: kind for kind in PolicySettings.__subclasses__()}
    kinds |= {"oracle": OracleSettings, "mpc": NominalSettings, "bayes": BayesSettings, "pid_guarded": GuardSettings}
    kinds |= {rule.file: rule.settings for rule in (OPIOID, ZICONOTIDE, BACLOFEN)}
    return kinds[name].load(name)


def _config(kind: Any, path: Path, _patch: pytest.MonkeyPatch) -> object:
    return load_config(kind, path)


def _configs(ending: str) -> dict[str, dict[str, Any]]:
    kinds = {
        "train": TrainConfig(settings={"gamma": 0.9, "net_arch": [8, 8]}),
        "evaluate": EvaluateConfig(),
        "compare": CompareConfig(),
    }
    return {f"{name}{ending}": json.loads(config.model_dump_json(exclude_none=True)) for name, config in kinds.items()}


def _config_by_name(path: Path, patch: pytest.MonkeyPatch) -> object:
    return _config({"train": TrainConfig, "evaluate": EvaluateConfig, "compare": CompareConfig}[path.stem], path, patch)


def _plain(load: Callable[[Path], object]) -> Callable[[Path, pytest.MonkeyPatch], object]:
    return lambda path, _patch: load(path)


_EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
_SPREAD = r".*\.(kind|cv|sd|range|note)"
_PARAMETERS = (parameters, "read_tables")
_PROFILES = tables("thecal.safety", "profiles")
_LIFE = Format(
    "life", tables("thecal.physiology", "life"), _plain(load_life), ParameterError,
    rf"{_SPREAD}|(?!factor|base)\w+|\w+\.(?!hazard|chance|earliest|latest|rise|length|fade)\w+",
)  # fmt: skip
_RECEPTOR = Format(
    "receptor", tables("thecal.physiology", "receptors"), _physiology("receptors/"), ParameterError, rf"{_SPREAD}|\w+|\w+\.\w+"
)  # fmt: skip
FORMATS = [
    *FITTED_FORMATS,
    Format(
        "task",
        tables("thecal.envs", "tasks"),
        _plain(load_task),
        ConfigError,
        r"faults|life|start.*|visits.*|action\.(deadband|bolus_trigger|fields)|observation.*|weights\..*|costs.*|secondary.*|monitored|goal.*|primary\.limits.*|charge_limits.*"
        r"|difficulty\.(?!real$).*|solution\.mixtures.*",
    ),
    Format(
        "program",
        {path.name: read_tables(path) for path in sorted(_EXAMPLES.glob("*.toml"))},
        _plain(read_program),
        ConfigError,
        r"pump|faults|faults\.(hazards|planned\.\d+\.(size|duration_h)|planned)|do|do\.\d+\.mg_per_ml",
    ),
    Format(
        "faults",
        {"mine.toml": FAULTS},
        _plain(fault_presets.load_faults),
        ConfigError,
        r"(?!planned\.\d+\.(fault|at_h)$).*",
    ),
    Format("pump", tables("thecal.devices", "pumps"), _plain(load_pump), ParameterError, _SPREAD),
    Format(
        "profile",
        {name: table for name, table in _PROFILES.items() if "base" not in table},
        _plain(load_profile),
        ProfileError,
        rf"{_SPREAD}|title|mixture.*|[a-z]+|[a-z]+\.({'|'.join(DRUG_OPTIONS)})",
    ),
    Format(
        "profile on a base",
        {name: table for name, table in _PROFILES.items() if "base" in table},
        _plain(load_profile),
        ProfileError,
        r"(?!base$|monitored\.\w+$).*",
    ),
    Format(
        "cohort",
        tables("thecal.physiology", "cohorts"),
        _cohort,
        ParameterError,
        rf"{_SPREAD}|name|title|base|diagnosis\.\w+|hyperalgesia.*|(covariates|pain|site|start|spasticity|diagnosis)(\.\w+)?|sites",
    ),
    Format(
        "preset",
        tables("thecal.devices", "faults"),
        patched(_preset, _PARAMETERS),
        ParameterError,
        rf"{_SPREAD}|base|(?!common)\w+|(?!common|factor)\w+\.\w+",
    ),
    Format(
        "chemistry",
        tables("thecal.devices", "chemistry"),
        patched(chemistry.load_chemistry.__wrapped__, _PARAMETERS),
        ParameterError,
        rf"{_SPREAD}|title|wall.*|(base_solubility|first_fill_time|precipitation_ph|diluted_\w+|review_decay)",
    ),
    Format(
        "mixtures",
        tables("thecal.devices", "", "mixtures.toml"),
        patched(lambda _: (chemistry.mixtures_file.cache_clear(), chemistry.load_mixtures.__wrapped__()), _PARAMETERS),
        ParameterError,
        rf"{_SPREAD}|[a-z+]+|[a-z+]+\.[a-z]+|untested.*",
    ),
    Format(
        "monitors",
        tables("thecal.devices", "", "monitors.toml"),
        patched(lambda _: monitor_records.monitor_parameters.__wrapped__(), _PARAMETERS),
        ParameterError,
        _SPREAD,
    ),
    Format(
        "clinician",
        tables("thecal.envs", "", "clinician.toml"),
        patched(lambda _: clinician.clinician_parameters.__wrapped__(), _PARAMETERS),
        ParameterError,
        _SPREAD,
    ),
    Format(
        "signs",
        tables("thecal.envs", "", "signs.toml"),
        patched(lambda _: signs.sign_limits.__wrapped__(), (signs, "read_parameters")),
        ParameterError,
        _SPREAD,
    ),
    Format(
        "visits",
        tables("thecal.envs", "", "visits.toml"),
        patched(lambda _: scenario._visits.__wrapped__()["call_delay"], _PARAMETERS),
        ParameterError,
        _SPREAD,
    ),
    Format(
        "model",
        tables("thecal.physiology", ""),
        _physiology(""),
        ParameterError,
        rf"{_SPREAD}|pair(\.\w+)?|(drug|receptor|patient)(\.\w+)*",
    ),
    Format(
        "drug",
        tables("thecal.physiology", "drugs"),
        _physiology("drugs/"),
        ParameterError,
        rf"{_SPREAD}|effect\.(ec50_sympathetic|ec50_motor)|start(\.\w+)?",
    ),
    _RECEPTOR,
    _LIFE,
    Format(
        "rules",
        tables(
            "thecal.agents",
            "",
            "(pid.*|guideline.*|fault_response|day_night|demand|oracle|mpc|bayes).toml",
        ),
        patched(_rules, _PARAMETERS),
        ParameterError,
        _SPREAD,
    ),
    *CLINIC_FORMATS,
    Format(
        "analysis", tables("thecal.experiments.analysis", ""), patched(read_anew, *READERS), ParameterError, _SPREAD
    ),
    Format(
        "algorithm",
        tables("thecal.agents", "", "(ppo|sac|td3|tqc|ppo_lagrangian|ppo_warm|dagger).toml"),
        patched(rl_settings.load_rl_settings, (rl_settings, "read_tables")),
        ParameterError,
        r"task.*|default\.(target_kl|ent_coef|limits\.\w+)",
    ),
    Format(
        "targets",
        tables("thecal.experiments.validation", "targets"),
        lambda path, _: targets.read_targets(path),
        ParameterError,
        r"\w+|\w+\.(scale|structures|declared)",
    ),
    Format(
        "study",
        tables("thecal.experiments.validation", "studies"),
        _plain(load_study),
        ParameterError,
        r"structure|seed|start|core|search.*|enough.*|patients\.scale|(free|target)\.\w+|free\.\w+\.(what|transform)|target\.\w+\.\w+",
    ),
    *(
        Format(f"config{ending}", _configs(ending), _config_by_name, ConfigError, r".*", ending)
        for ending in (".toml", ".json", ".yaml")
    ),
    *COST_FORMATS,
    Format(
        "trial",
        tables("thecal.experiments.analysis", "trials"),
        _plain(read_plan),
        ConfigError,
        r"split|seed|patients|alpha|first_patient|cohort_seed|scenario.*|allocation.*|eligibility|power|published|rescue|looks.*"
        r"|arms\.\w+\.(lost|weight)|endpoint\.(window_d|secondary|missing|better)|published\.(p|n|note)|eligibility\.\d+\.(least|most)",
    ),
]
