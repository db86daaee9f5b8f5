"""What counts as the same output, and what a page is read as."""

import pytest
from tests.docs import matching, pages


@pytest.mark.parametrize(
    ("shown", "seen", "same"),
    [
        (["a"], ["a  ", ""], True),
        (["a"], ["b"], False),
        (["a"], ["a", "b"], False),
        (["a…c"], ["abc"], True),
        (["a…c"], ["ab", "c"], False),
        (["a", "…", "d"], ["a", "b", "c", "d"], True),
        (["a", "…", "d"], ["a", "d"], True),
        (["a", "…", "d"], ["a", "b"], False),
        (["…"], [], True),
    ],
)
def test_difference(shown: list[str], seen: list[str], same: bool) -> None:
    assert (matching.difference(shown, seen) is None) == same


def test_a_page_is_files_and_commands() -> None:
    page = "# Page\n\n```sh\n#!/bin/sh\n# bin/a.sh\nexit\n```\n```yaml\npart: 1\n```\n"
    page += "```console\n$ a \\\n  b\nc\n$ d\n```\n"
    assert list(pages.steps(page)) == [
        pages.File(4, "bin/a.sh", "#!/bin/sh\n# bin/a.sh\nexit\n"),
        pages.Command(12, "a \\\n  b", ["c"]),
        pages.Command(15, "d"),
    ]
