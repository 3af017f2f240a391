"""Proofs about the shield's kernel: the solver's reading of it, the goals, and the runner that writes ``proof.json``."""
