"""The environments as ``gymnasium.make`` gives them: those of the adapters, which can also be drawn.

The drawing stands in classes of its own, so that nothing between a profile and the pump knows of it.
"""

from __future__ import annotations

from typing import Any

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.envs.adapters.forms import CostThecalEnv, DiscreteThecalEnv, TermsThecalEnv
from thecal.envs.adapters.picture import Painter
from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.batch import Batch

PICTURE = "rgb_array"
MODES = ("ansi", PICTURE)


class Pictured:
    """Mixed into an environment before it: ``render_mode="rgb_array"`` draws with Matplotlib (extra ``study``).

    ``render`` then gives ``uint8[600, 960, 3]``, a vector environment a tuple of such pictures. They show the hidden truth of
    the patient, whatever ``truth`` says, and traces of the times at which they were drawn in the episode.

    Raises:
        ConfigError: there is no such way to render.
        MissingExtraError: Matplotlib is not installed.
    """

    render_mode: str | None
    batch: Batch
    many = False
    _painter: Painter | None = None

    def __init__(self, *args: Any, render_mode: str | None = None, **options: Any) -> None:
        if render_mode is not None and render_mode not in MODES:
            shown = repr(render_mode) if isinstance(render_mode, str) else "given"
            raise ConfigError(
                f"render_mode {shown} is not there: 'ansi' gives one line of text and 'rgb_array' a picture, which "
                "gymnasium.make(..., render_mode='human') shows in a window (with pygame)"
            )
        if render_mode == PICTURE:
            require("a picture of an environment", "study", only=("matplotlib",))
        mode = None if render_mode == PICTURE else render_mode
        super().__init__(*args, render_mode=mode, **options)  # type: ignore[call-arg]
        if render_mode == PICTURE:
            self.render_mode = render_mode
            self._painter = Painter(self.batch.n)

    def render(self) -> Any:
        """As asked for at the making: a line of text, a picture, one of either for each environment, or ``None``."""
        if self._painter is None:
            return super().render()  # type: ignore[misc]
        frames = tuple(self._painter.frame(self.batch, i) for i in range(self.batch.n))
        return frames if self.many else frames[0]


class PicturedEnv(Pictured, ThecalEnv):
    """:class:`ThecalEnv` that can be drawn; arguments as there."""

    metadata = {**ThecalEnv.metadata, "render_modes": list(MODES), "render_fps": 8}


class PicturedDiscreteEnv(Pictured, DiscreteThecalEnv):
    """:class:`DiscreteThecalEnv` that can be drawn; arguments as there."""

    metadata = PicturedEnv.metadata


class PicturedCostEnv(Pictured, CostThecalEnv):
    """:class:`CostThecalEnv` that can be drawn; arguments as there."""

    metadata = PicturedEnv.metadata


class PicturedTermsEnv(Pictured, TermsThecalEnv):
    """:class:`TermsThecalEnv` that can be drawn; arguments as there."""

    metadata = PicturedEnv.metadata
