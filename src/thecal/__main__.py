"""Runs the commands as `python -m thecal`."""

from thecal.experiments.cli import main

main()
