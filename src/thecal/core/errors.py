"""The project's exception tree: every error a user can meet, each with the exit code the command line returns for it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_ENOUGH = 3  # letters of a name from which a part of it says what was meant


class ThecalError(Exception):
    """Base of all errors Thecal raises on purpose; its text is one clear sentence."""

    exit_code = 1


class ConfigError(ThecalError):
    """A configuration, task or command-line value is invalid."""

    exit_code = 2


class UnknownNameError(ConfigError):
    """A task, drug, pump, cohort, policy or profile name is not known.

    Args:
        kind: what was looked up, for example ``"drug"``.
        name: the name that was not found.
        known: the names that would have been accepted.
        hint: what else would have been accepted, for example ``"or the folder of a trained policy"``.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(known)
        more = f"; {hint}" if hint else ""
        super().__init__(f"unknown {kind} {name!r}{did_you_mean(name, names)}; known: {', '.join(names)}{more}")


class UnexpectedOptionError(ConfigError, TypeError):
    """An environment or a scenario has no option of this name.

    It is a ``TypeError`` too, as of any call with a keyword that is not there, because libraries try whether an environment
    takes one; and it can be raised anew with more words, as ``gymnasium.make`` does.
    """

    @classmethod
    def of(cls, name: str, known: Iterable[str]) -> UnexpectedOptionError:
        """The error for an option that is none of the known."""
        names = sorted(known)
        ending = f"known: {', '.join(names)} (unexpected keyword argument {name!r})"
        return cls(f"unknown option {name!r}{did_you_mean(name, names)}; {ending}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The ending ``" (did you mean 'x'?)"`` for a name that is close to a known one or begins or ends one, else nothing."""
    by_small = {one.lower(): one for one in known}
    small = str(name).lower()
    begun = [one for one in by_small if len(small) >= _ENOUGH and one.startswith(small)]
    near = begun or get_close_matches(small, list(by_small), n=1, cutoff=0.6)
    near = near or [one for one in by_small if len(small) >= _ENOUGH and small in one]
    return f" (did you mean {by_small[near[0]]!r}?)" if near else ""


class ParameterError(ConfigError):
    """A parameter file is corrupt: the text names the file, the key and the reason."""

    exit_code = 3


class ProfileError(ParameterError):
    """A limit profile is missing a limit, contradicts itself, or carries a number without a source."""


class MissingExtraError(ConfigError):
    """Packages that a command needs are not installed; the text says what to install."""

    exit_code = 5


class StoreError(ThecalError):
    """A tracking store, an output folder or the output itself cannot be read or written."""

    exit_code = 4


class WorkerError(ThecalError):
    """A process that works for a command died; the text says at which item and what to do."""

    exit_code = 4


class InvalidActionWarning(UserWarning):
    """An action could not be used (wrong shape, type or a non-finite number); the shield held the last safe rate."""
