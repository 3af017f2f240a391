"""Evidence about the shield: attack, harness, audits, detection study, safety case."""
