"""Runs the commands as `python -m thecal`."""

from thecal.experiments.cli import main

if __name__ == "__main__":
    main()
