"""Links between pages lead somewhere."""

import re
from pathlib import Path

import pytest
from tests.docs import pages

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")


def name(page: Path) -> str:
    return str(page.relative_to(pages.ROOT))


@pytest.mark.parametrize("page", pages.everything(), ids=name)
def test_a_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = pages.FENCE.sub("", page.read_text())
    for target, anchor in LINK.findall(text):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor[1:] in headings(file), target + anchor


def headings(page: Path) -> set[str]:
    """Return the names under which a page's headings can be linked to."""
    found = re.findall(r"^#+ (.+)$", pages.FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def test_the_index_has_every_page() -> None:
    index = (pages.ROOT / "docs/index.md").read_text()
    for page in (pages.ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in index, page.name
