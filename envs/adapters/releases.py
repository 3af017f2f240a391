"""What the native vector environment needs of Gymnasium; everything else runs with 0.29.1 and later."""

from thecal.core.errors import MissingExtraError

try:
    from gymnasium.vector import AutoresetMode, VectorEnv
except ImportError as error:
    import gymnasium

    raise MissingExtraError(
        "a batch of patients as a Gymnasium vector needs gymnasium 1.1 or later, "
        f"and {gymnasium.__version__} is installed: pip install -U gymnasium, or use the single environment"
    ) from error

__all__ = ["AutoresetMode", "VectorEnv"]
