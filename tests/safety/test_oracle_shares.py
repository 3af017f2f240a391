"""The auditor's own reading of a drug's shares: equal to the shield's integers for every program and indication."""

from __future__ import annotations

import pytest

from thecal.envs.trails import profile_limits
from thecal.safety.oracle_shares import share_of
from thecal.safety.parameters import shield_parameters
from thecal.safety.profiles import load_profile, profile_names

from support.shields import ENVELOPE

FIELDS = {"step": "step_permille", "rise_28d": "rise_permille", "escalation": "escalation_permille"}


@pytest.mark.parametrize("name", profile_names())
def test_the_auditor_reads_the_shares_that_the_shield_keeps(name: str) -> None:
    profile = load_profile(name)
    limits = profile_limits(profile)
    for drugs in [(drug,) for drug in profile.drugs] + [tuple(mixture.split("+")) for mixture in profile.mixtures]:
        for setting in ("cancer", "noncancer"):
            for indication in ("", "spinal", "cerebral"):
                who = {"drugs": list(drugs), "setting": setting, "indication": indication}
                par = shield_parameters(
                    profile,
                    drugs=drugs,
                    conc_ug_per_ml=[1.0] * len(drugs),
                    setting=setting,
                    indication=indication,
                    **ENVELOPE,
                )
                for share, field in FIELDS.items():
                    assert round(1000.0 * share_of(limits, who, share)) == par[field], (
                        drugs,
                        setting,
                        indication,
                        share,
                    )


def test_where_spasticity_comes_from_decides() -> None:
    limits = profile_limits(load_profile("seed_2025"))
    who = {"drugs": ["baclofen"], "setting": "noncancer"}
    assert share_of(limits, {**who, "indication": "spinal"}, "step") == pytest.approx(0.30)
    assert share_of(limits, {**who, "indication": "cerebral"}, "step") == pytest.approx(0.15)
    assert share_of(limits, who, "step") == pytest.approx(0.15), "the smaller where neither is known"
    assert share_of(limits, {**who, "drugs": ["morphine"], "indication": "spinal"}, "step") == pytest.approx(0.20)
    assert share_of(limits, {**who, "drugs": ["bupivacaine", "morphine"]}, "rise_28d") == pytest.approx(0.5)
