"""A driver is one folder, which uses only the public contract; nothing outside names it (R30, R36)."""

import ast
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from testbed import checkout, conformance, drivers, recipe

from khutulun import shipped

FOLDERS = [pytest.param(folder, id=folder.name) for folder in drivers.folders()]
LISTS = (
    "Makefile",
    "pyproject.toml",
    ".ci/run",
    ".ci/plugins.py",
    ".ci/types",
    "khutulun/pyproject.toml",
    "docs/index.md",
)


def imported(module: Path) -> Iterator[str]:
    """Yield the names of the packages that a module imports."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_r30_a_driver_uses_the_sdk_and_nothing_else(folder: Path) -> None:
    own = f"{folder.name.replace('-', '_')}_driver"
    for module in (folder / "plugin.py", *(folder / own).rglob("*.py")):
        assert set(imported(module)) <= {own, "floria_plugin", *sys.stdlib_module_names}, module


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_driver_has_its_page_and_its_tests(folder: Path) -> None:
    assert (folder / "README.md").read_text().startswith("# ")
    assert list((folder / "tests").glob("test_*.py"))
    assert list(folder.glob("examples/*"))
    for example in folder.glob("examples/*"):
        assert (example / "service.yaml").exists(), example
        assert (example / "README.md").exists(), example


def test_r36_every_driver_is_held_by_the_kit() -> None:
    assert conformance.paged() == drivers.folders()


@pytest.mark.parametrize("folder", FOLDERS)
def test_r36_no_list_outside_its_folder_names_a_driver(folder: Path) -> None:
    for name in LISTS:
        assert f"plugins/{folder.name}" not in (checkout.ROOT / name).read_text(), name


def test_r36_profiles_and_packages_of_drivers_are_found_by_folder() -> None:
    assert [folder for folder in drivers.PLUGINS.glob("*/profiles") if folder not in shipped.profiles()] == []
    assert set(drivers.packages()) <= set(recipe.HOST.packages)


def test_r36_a_release_holds_the_drivers_and_all_profiles(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder in (checkout.ROOT / "profiles", *drivers.PLUGINS.glob("*/profiles")):
        for profile in folder.rglob("*.yaml"):
            assert f"khutulun/profiles/{profile.relative_to(folder)}" in held
    assert {f"khutulun/plugins/{name}.wasm" for name in shipped.plugins()} <= held
