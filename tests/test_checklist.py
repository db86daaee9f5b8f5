"""Every line of the TOSCA checklist is shown by tests or cases, and its page says by which."""

from tests import checklist


def test_the_page_says_which_tests_show_each_line() -> None:
    found, told = checklist.shown(), checklist.rows()
    assert list(told) == [f"T{number}" for number in range(1, 178)]
    assert not found.keys() - told.keys(), "tests name lines that there are not"
    for number, text in told.items():
        wanted = checklist.column(number, found)
        assert wanted, f"no test shows {number}"
        assert text == wanted, f"{number} is out of date: run `python -m tests.checklist`"
