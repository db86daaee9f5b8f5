"""Every requirement that is met is shown by tests, and the page of requirements says by which."""

from tests import traceability


def test_the_page_says_which_tests_show_each_requirement() -> None:
    found, told = traceability.shown(), traceability.rows()
    assert not found.keys() - told.keys(), "tests name requirements that there are not"
    for number, text in told.items():
        wanted = traceability.column(number, text, found)
        assert wanted, f"no test shows {number}"
        assert text == wanted, f"{number} is out of date: run `python -m tests.traceability`"
