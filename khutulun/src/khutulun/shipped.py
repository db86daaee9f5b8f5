"""What comes with Khutulun itself: TOSCA profiles and the blobs of the built-in drivers.

In a release they lie in the package. In a checkout the base profile is at its top, a driver's own profiles are in the
driver's folder, and `make setup` puts the blobs into the package's folder.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def profiles() -> list[Path]:
    """Return the folders in which profiles are looked up."""
    checkout = _PACKAGE.parents[2]
    found = [_PACKAGE / "profiles", checkout / "profiles", *sorted(checkout.glob("plugins/*/profiles"))]
    return [folder for folder in found if folder.is_dir()]


def plugins() -> dict[str, Path]:
    """Return the blobs of the built-in drivers by name."""
    return {blob.stem: blob for blob in sorted((_PACKAGE / "plugins").glob("*.wasm"))}
