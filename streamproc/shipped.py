"""Find the folders that come with the product: its policy and its topics."""

from pathlib import Path
from typing import Final, Literal

__all__ = ["shipped_folder"]

_PACKAGE: Final = Path(__file__).resolve().parent


def shipped_folder(name: Literal["policy", "topics"]) -> Path:
    """Return the shipped folder of that name.

    An installed wheel carries the folders inside the package; a checkout has them beside it. The package is
    asked first: beside an installed package lies `site-packages`, where a folder `topics` may be anyone's.

    Raises FileNotFoundError where neither exists.
    """
    for folder in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this installation of streamproc carries no folder {name!r}")
