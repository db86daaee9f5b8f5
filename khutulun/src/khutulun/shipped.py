"""What comes with Khutulun itself: TOSCA profiles and the blobs of the built-in drivers.

In a release they lie in the package. In a checkout the base profile is at its top, a driver's own profiles are in the
driver's folder, and `make setup` puts the blobs into the package's folder.
"""

import os
from pathlib import Path

from khutulun import paths

VARIABLE = "KHUTULUN_PROFILES"
_PACKAGE = Path(__file__).parent


def checkout() -> Path:
    """Return the folder that holds this package's repository, if it is in one."""
    return _PACKAGE.parents[2]


def profiles() -> list[Path]:
    """Return the folders in which profiles are looked up; the first that has one wins.

    Those that the variable `KHUTULUN_PROFILES` names (separated by colons), those that are shipped, and the folder
    ``profiles`` beside the configuration (``/etc/khutulun/profiles``, in the user scope that of XDG).
    """
    named = [Path(folder) for folder in os.environ.get(VARIABLE, "").split(":") if folder]
    shipped = [_PACKAGE / "profiles", checkout() / "profiles", *sorted(checkout().glob("plugins/*/profiles"))]
    installed = paths.paths(paths.default_scope()).config / "profiles"
    return [folder for folder in (*named, *shipped, installed) if folder.is_dir()]


def plugins() -> dict[str, Path]:
    """Return the blobs of the built-in drivers by name."""
    return {blob.stem: blob for blob in sorted((_PACKAGE / "plugins").glob("*.wasm"))}
