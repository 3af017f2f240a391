"""The vector environments as ``gymnasium.make_vec`` gives them: those of the adapters, which can also be drawn."""

from __future__ import annotations

from thecal.envs.adapters.pictured import MODES, Pictured
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.adapters.vector_forms import CostThecalVectorEnv, DiscreteThecalVectorEnv, TermsThecalVectorEnv


class PicturedVectorEnv(Pictured, ThecalVectorEnv):
    """:class:`ThecalVectorEnv` that can be drawn; arguments as there."""

    metadata = {**ThecalVectorEnv.metadata, "render_modes": list(MODES), "render_fps": 8}
    many = True


class PicturedDiscreteVectorEnv(Pictured, DiscreteThecalVectorEnv):
    """:class:`DiscreteThecalVectorEnv` that can be drawn; arguments as there."""

    metadata = PicturedVectorEnv.metadata
    many = True


class PicturedCostVectorEnv(Pictured, CostThecalVectorEnv):
    """:class:`CostThecalVectorEnv` that can be drawn; arguments as there."""

    metadata = PicturedVectorEnv.metadata
    many = True


class PicturedTermsVectorEnv(Pictured, TermsThecalVectorEnv):
    """:class:`TermsThecalVectorEnv` that can be drawn; arguments as there."""

    metadata = PicturedVectorEnv.metadata
    many = True
