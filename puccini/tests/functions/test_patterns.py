"""``$matches``: the same answers as a backtracking engine, without its worst case (T85, R35)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puccini.functions import regular
from puccini.functions.patterns import PatternError

ATOMS = ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", "^", "$", r"\b", "(?:ab|c)", "(a|)", "-", r"\.", "[a-c-]"]
REPEATS = ["", "*", "+", "?", "{2}", "{1,2}", "{0,3}", "*?"]
atoms = st.builds(
    lambda atom, repeat: atom if atom in ("^", "$", r"\b") else atom + repeat,
    st.sampled_from(ATOMS),
    st.sampled_from(REPEATS),
)
patterns = st.recursive(
    st.lists(atoms, max_size=4).map("".join),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("|".join),
        inner.map(lambda one: f"({one})*"),
        inner.map(lambda one: f"(?:{one}){{1,2}}"),
    ),
    max_leaves=4,
)


@given(patterns, st.text("abc1 -.\n", max_size=12))
@settings(max_examples=400, deadline=None)
def test_it_agrees_with_the_standard_library(pattern: str, text: str) -> None:
    """T85: what both understand they answer alike; ``$`` is the very end here."""
    expected = re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None
    assert regular.compiled(pattern).search(text) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("(?i)hello", "HeLLo", True),
        ("(?i)[a-c]+$", "xABC", True),
        ("(?s)a.b", "a\nb", True),
        ("a.b", "a\nb", False),
        (r"\x41\u00e9", "Aé", True),
        (r"\p{Lu}\P{L}", "É1", True),
        (r"\pL", "é", True),
        ("[[:alpha:]]{3}", "ab1", False),
        ("[[:digit:]_-]+$", "4-2_", True),
        (r"[\]\\]", "]", True),
        ("[]a]", "]", True),
        ("(?P<year>[0-9]{4})", "in 2025", True),
        (r"\Aab\z", "ab", True),
        (r"a\Bb", "ab", True),
        ("{", "{", True),
        ("a{,3}", "a{,3}", True),
        ("", "", True),
    ],
)
def test_constructs(pattern: str, text: str, fits: bool) -> None:
    """T85: the constructs that are documented."""
    assert regular.compiled(pattern).search(text) is fits


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "no end"),
        (")", "unexpected"),
        ("[a", "no end"),
        ("*", "nothing to repeat"),
        ("^*", "nothing to repeat"),
        ("a++", "possessive"),
        ("(?=a)", "lookahead"),
        ("(?<!a)", "lookahead"),
        (r"(a)\1", "backreferences"),
        ("(?x)a", "unsupported kind"),
        ("a(?i)b", "unsupported kind"),
        ("(?P<name", "no end"),
        ("\\", "backslash"),
        (r"\y", "not supported"),
        (r"\xg1", "hexadecimal"),
        (r"\p{Greek}", "not supported"),
        ("[z-a]", "wrong way round"),
        ("a{3,1}", "wrong way round"),
        ("a{1001}", "repetitions"),
        ("(a{500}){500}", "too large"),
        ("(" * 1500, "deep"),
        ("a" * 2001, "longer than"),
    ],
)
def test_what_is_no_pattern(pattern: str, why: str) -> None:
    """T85, R81: a pattern that cannot be used says why."""
    with pytest.raises(PatternError, match=why):
        regular.compiled(pattern)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(a*)*(a*)*b", "^(a?){200}a{200}$", "(x+x+)+y"])
def test_no_pattern_hangs(pattern: str) -> None:
    """R35: patterns that take backtracking engines forever."""
    assert regular.compiled(pattern).search("a" * 20_000 + "!") is False
