"""What differs between patients where a drug's file states one number: the factors of variability.toml by field of the record."""

from __future__ import annotations

from thecal.physiology.fields import DRUG_FIELDS, SPINAL_FIELDS
from thecal.physiology.population import draw_value, shipped
from thecal.physiology.sampling import Floats, Sampler

# Field, or name of a factor of population.fill_drug, that each factor of a drug's numbers multiplies.
_FIELDS = {key: field for field, (key, *_) in (DRUG_FIELDS | SPINAL_FIELDS).items()} | {"plasma.clearance": "clearance"}
_PREFIX = "drug."


def drug_spreads(draws: Sampler) -> dict[str, Floats]:
    """The patients' own factors ``[B]`` on the numbers of every drug, by field."""
    file = shipped("variability")
    return {
        _FIELDS[key.removeprefix(_PREFIX)]: draw_value(draws, file, "variability", key, "dimensionless", 1e-3)
        for key in file
        if key.startswith(_PREFIX)
    }
