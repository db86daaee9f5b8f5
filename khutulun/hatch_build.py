"""What a wheel of Khutulun holds besides its modules: the profiles, the base one and those that drivers bring.

Called by the build backend. The drivers' blobs are in the package's own folder already.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DriversHook(BuildHookInterface[Any]):
    """Adds every folder of profiles of the repository as ``khutulun/profiles``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":
            return
        top = Path(self.root).parent
        for folder in (top / "profiles", *sorted(top.glob("plugins/*/profiles"))):
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    build_data["force_include"][str(file)] = f"khutulun/profiles/{file.relative_to(folder)}"
