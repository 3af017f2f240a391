"""What is known of each drug and mixture at body temperature: the chemistry files, read and checked once."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from itertools import combinations

from pydantic import BaseModel, ConfigDict

from thecal.core.errors import ParameterError, UnknownNameError
from thecal.core.parameters import ParameterFile, read_parameters

_STATUS = ("compatible", "limited", "incompatible")
_KNOWN = {
    *("decay", "solubility", "ph", "pka", "base_solubility", "max_concentration", "potency_limit", "stable_time"),
    *("wall.reservoir", "wall.time", "wall.catheter", "wall.share", "first_fill_time", "precipitation_ph"),
    *("diluted_decay", "diluted_below", "review_decay"),
}


class DrugChemistry(BaseModel):
    """One drug in a reservoir at 37 °C; what a file does not give is absent (0, infinite or ``None``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    decay_per_d: float  # first-order loss alone
    diluted_decay_per_d: float | None  # of a solution under ``diluted_below_ug_per_ml``
    diluted_below_ug_per_ml: float
    salt_ug_per_ml: float  # solubility as supplied
    base_ug_per_ml: float | None  # solubility of the base; ``None`` when pH does not matter
    ph: float
    pka: float
    precipitation_ph: float | None  # above it the label warns of precipitate
    max_ug_per_ml: float
    potency_limit: float  # share of the label at which a fill is no longer good
    stable_d: float  # longest time studied
    first_fill_d: float | None
    reservoir_wall_ug: float
    wall_time_h: float
    catheter_wall_ug: float
    catheter_share: float

    def soluble_ug_per_ml(self, ph: float) -> float:
        """Solubility at a pH: base solubility x (1 + 10^(pKa - pH)), no more than that of the salt, µg/mL."""
        if self.base_ug_per_ml is None:
            return self.salt_ug_per_ml
        return min(self.salt_ug_per_ml, self.base_ug_per_ml * (1.0 + math.pow(10.0, self.pka - ph)))

    def decay_alone_per_d(self, ug_per_ml: float) -> float:
        """First-order loss of the drug alone at this concentration, 1/d."""
        if self.diluted_decay_per_d is not None and ug_per_ml < self.diluted_below_ug_per_ml:
            return self.diluted_decay_per_d
        return self.decay_per_d


class Mixture(BaseModel):
    """What is known of drugs that share a reservoir."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drugs: tuple[str, ...]
    status: str  # compatible, limited or incompatible
    note: str
    stable_d: float
    source: str
    losses: dict[str, tuple[tuple[float, float], ...]]  # drug: (µg/mL of the other drug, 1/d), ascending


def chemistry_names() -> list[str]:
    """Names of the drugs whose chemistry is known."""
    folder = files("thecal.devices") / "data" / "chemistry"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


@cache
def load_chemistry(drug: str) -> DrugChemistry:
    """The chemistry of one drug.

    Raises:
        UnknownNameError: no chemistry of this drug is known.
        ParameterError: its file is corrupt; the text names file, key and reason.
    """
    if drug not in chemistry_names():
        raise UnknownNameError("drug", drug, chemistry_names())
    file = chemistry_file(drug)
    file.only(_KNOWN, "a drug's chemistry", ("title",))
    file.fixed()

    def get(key: str, unit: str, default: float | None) -> float | None:
        return file.get_in(key, unit, minimum=0.0) if key in file else default

    return DrugChemistry.model_validate(
        {
            "name": drug,
            "decay_per_d": file.get_in("decay", "1/day", minimum=0.0),
            "diluted_decay_per_d": get("diluted_decay", "1/day", None),
            "diluted_below_ug_per_ml": get("diluted_below", "ug/mL", 0.0),
            "salt_ug_per_ml": file.get_in("solubility", "ug/mL", minimum=0.0),
            "base_ug_per_ml": get("base_solubility", "ug/mL", None),
            "ph": file.get_in("ph", "dimensionless", minimum=0.0, maximum=14.0),
            "pka": file.get_in("pka", "dimensionless", minimum=0.0, maximum=14.0),
            "precipitation_ph": get("precipitation_ph", "dimensionless", None),
            "max_ug_per_ml": file.get_in("max_concentration", "ug/mL", minimum=0.0),
            "potency_limit": file.get_in("potency_limit", "dimensionless", minimum=0.0, maximum=1.0),
            "stable_d": file.get_in("stable_time", "day", minimum=0.0),
            "first_fill_d": get("first_fill_time", "day", None),
            "reservoir_wall_ug": get("wall.reservoir", "ug", 0.0),
            "wall_time_h": get("wall.time", "hour", math.inf),
            "catheter_wall_ug": get("wall.catheter", "ug", 0.0),
            "catheter_share": get("wall.share", "dimensionless", 0.0),
        }
    )


def chemistry_file(drug: str) -> ParameterFile:
    """The parameter file of a drug's chemistry, for its sources and confidence."""
    return read_parameters(files("thecal.devices") / "data" / "chemistry" / f"{drug}.toml")


@cache
def mixtures_file() -> ParameterFile:
    """The parameter file of the mixtures."""
    return read_parameters(files("thecal.devices") / "data" / "mixtures.toml")


@cache
def load_mixtures() -> dict[frozenset[str], Mixture]:
    """Every mixture studied, by the set of its drugs.

    Raises:
        ParameterError: the file is corrupt; the text names key and reason.
    """
    file = mixtures_file()
    known: dict[frozenset[str], Mixture] = {}
    numbers, texts = {"untested.factor", "untested.stable_time"}, set[str]()
    for key in file.texts:
        name, _, field = key.rpartition(".")
        if field != "status":
            continue
        drugs = tuple(name.split("+"))
        status = file.texts[key]
        if status not in _STATUS:
            raise ParameterError(f"{file.path}: {key}: {status!r} is not one of {', '.join(_STATUS)}")
        for drug in drugs:
            load_chemistry(drug)
        stable = f"{name}.stable_time"
        losses = {drug: _losses(file, name, drug) for drug in drugs}
        known[frozenset(drugs)] = Mixture(
            drugs=drugs,
            status=status,
            note=str(file.texts.get(f"{name}.note", "")),
            stable_d=file.get_in(stable, "day", minimum=0.0),
            source=file[stable].source,
            losses={drug: rows for drug, rows in losses.items() if rows},
        )
        numbers |= {stable}
        numbers |= {
            f"{name}.{drug}.{of}_{n + 1}"
            for drug, rows in losses.items()
            for n in range(len(rows))
            for of in ("conc", "at")
        }
        texts |= {key, f"{name}.note"}
    file.only(numbers, "a mixture, or of none whose status is given", texts)
    file.fixed()
    return known


def _losses(file: ParameterFile, name: str, drug: str) -> tuple[tuple[float, float], ...]:
    rows: list[tuple[float, float]] = []
    while f"{name}.{drug}.at_{len(rows) + 1}" in file:
        n = len(rows) + 1
        conc = file.get_in(f"{name}.{drug}.conc_{n}", "ug/mL", minimum=1e-9)
        rows.append((conc, file.get_in(f"{name}.{drug}.at_{n}", "1/day", minimum=0.0)))
    return tuple(sorted(rows))


def studied_parts(drugs: tuple[str, ...]) -> tuple[list[Mixture], list[tuple[str, str]]]:
    """The studies that speak for a mixture, and its pairs that no study covers."""
    known = load_mixtures()
    whole = known.get(frozenset(drugs))
    found = [mixture for pair in combinations(drugs, 2) if (mixture := known.get(frozenset(pair))) is not None]
    if whole is not None:
        return [*found, whole] if len(drugs) > 2 else [whole], []
    return found, [pair for pair in combinations(drugs, 2) if frozenset(pair) not in known]
