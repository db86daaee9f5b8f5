"""The examples of docs/plugins.md and of the SDK's README run as they stand."""

import doctest
import re
from pathlib import Path

import pytest

from floria.plugins import build

ROOT = Path(__file__).parents[3]


def test_the_concept_page(tmp_path: Path) -> None:
    places = {"cache": build.cache().parent / "compiled", "state": tmp_path}
    flags = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    failed, tried = doctest.testfile(
        str(ROOT / "docs" / "plugins.md"), module_relative=False, globs=places, optionflags=flags, encoding="utf-8"
    )
    assert (failed, tried > 10) == (0, True)


def test_the_readme_of_the_sdk(tmp_path: Path) -> None:
    text = (ROOT / "sdk" / "python" / "README.md").read_text()
    first, driver, testing = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {}
    exec(first, names)  # noqa: S102
    exec(testing, names)  # noqa: S102
    exec(driver, {})  # noqa: S102
    for number, source in enumerate((first, driver)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "plugin.py").write_text(source)
        assert build.sources(folder)


@pytest.mark.parametrize("page", ["docs/plugins.md", "sdk/python/README.md"])
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target
