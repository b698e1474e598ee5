"""Turn shopping events into nudges people agreed to, at the moment they help."""

from typing import Final

__all__ = ["__version__"]

__version__: Final = "0.1.0"
