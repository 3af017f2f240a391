"""The words that need explaining, each explained once: help texts, tables and ``thecal list terms`` take them from here."""

from __future__ import annotations

import re

TERMS = {
    "Ashworth": "modified Ashworth score of spasticity, counted here from 1 (no rise of tone) to 5 (rigid)",
    "ASA": "American Society of Anesthesiologists",
    "BT": "breakthrough pain: an episode of strong pain over the patient's usual one",
    "CSF": "cerebrospinal fluid, into which an intrathecal drug is infused",
    "EC50": "concentration at which a drug has half of its largest effect",
    "ERI": "elective replacement indicator: the battery's warning that the pump should be replaced soon",
    "EOS": "end of service: the battery is spent and the pump stops",
    "MEDD": "morphine equivalent daily dose: all opioids of a day as oral morphine, mg/d (medd_mg_per_d in tables)",
    "NRS": "numeric rating scale of pain, from 0 (none) to 10 (the worst imaginable)",
    "OIH": "opioid-induced hyperalgesia: pain that opioids themselves add",
    "PACC": "Polyanalgesic Consensus Conference: the expert consensus on intrathecal drugs and their doses",
    "POSS": "Pasero opioid-induced sedation scale, from 1 (awake) to 4 (somnolent); 3 and 4 are too much",
    "PTM": "patient therapy manager: the hand-held device by which a patient asks the pump for a demand bolus",
    "primary": "the one outcome that a task registers beforehand; all others are exploratory",
    "profile": "the limits that the shield holds: caps, steps, locks and when to stop, each with its source",
    "project": "shield mode: a request beyond a limit becomes the nearest one within it",
    "replace": "shield mode: a request beyond a limit holds the present rate and gives no bolus",
    "mask": "shield mode: as project, and agents with discrete actions are told which would pass unchanged",
    "monitor": "shield mode: limits are counted and do not bind; every result is marked UNSHIELDED",
    "off": "shield mode: as monitor, asked for as no shield at all",
    "advise": "stage: the agent only advises, and nothing it asks for reaches the pump",
    "confirm": "stage: what the agent asks for waits for a clinician's round",
    "lower": "stage: the agent may only lower",
    "auto": "stage: the agent acts by itself within the shield",
    "rr0": "resting respiratory rate of a patient without drug, breaths a minute",
    "easy": "difficulty: less noise in reports and sensors, and fewer breakthroughs",
    "real": "difficulty: patients as the cohort describes them",
    "shift": "difficulty: patients who respond less, lose drug faster and report less than those learned from",
    "swap": "difficulty: patients by another structural model than the one learned from, offered while that one is believable",
    "split": "which disjoint patients: train to learn from, tune to choose settings by, test to judge by",
    "worst tenth": "mean over the tenth of patients with the worst value (conditional value at risk)",
}

# Terms only where they name a choice; elsewhere they mean what they always mean.
_PLAIN_ENGLISH = {
    "primary", "profile", "project", "replace", "mask", "monitor", "off", "advise", "confirm", "lower", "auto", "easy",
    "real", "shift", "swap", "split",
}  # fmt: skip


def explained(*names: str) -> str:
    """The named terms with their meanings, as one line below a table or behind a help text.

    Raises:
        KeyError: a term is not in the glossary.
    """
    return "; ".join(f"{name}: {TERMS[name]}" for name in names)


def in_text(text: str) -> tuple[str, ...]:
    """The terms that a text uses, also within names such as ``medd_mg_per_d``; words of plain English are not taken for terms."""
    words = {word.lower() for word in re.findall("[A-Za-z0-9]+", text)}
    return tuple(name for name in TERMS if name.lower() in words and name not in _PLAIN_ENGLISH)
