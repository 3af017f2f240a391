"""Signs of policies that win in ways nobody meant, as the detectors of failures see them."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """One row a detector, one column a policy; and the sentences of what was seen."""
    signs = {name: {one.key: one for one in data.signs[name]} for name in data.policies if name in data.signs}
    titles = {key: one.title for found in signs.values() for key, one in found.items()}
    verdicts = [one.verdict for found in signs.values() for one in found.values()]
    return {"signs": signs, "titles": titles, "seen": verdicts.count("seen"), "unknown": verdicts.count("unknown")}


SECTION = Section("signs", "Signs of gaming", 100, build)
