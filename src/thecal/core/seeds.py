"""The bound that every seed of days lies below."""

from __future__ import annotations

SEED_LIMIT = 2**63 - 1  # so that a seed fits a signed word everywhere
