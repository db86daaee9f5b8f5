"""``TOSCA.meta`` (T158-T160): blocks, several lines, quoted names, and errors with their line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puccini.csar import ArchiveError, Refusal, meta
from puccini.csar.meta import Meta

GOOD = "CSAR-Version: 2.0\n"
DIGEST = "sha256:" + "0" * 64


def test_the_example_of_the_standard_in_other_words() -> None:
    """T159: the keynames of block 0."""
    said = meta.parse(
        b"CSAR-Version: 2.0\r\nCreated-By: An: author\r\nEntry-Definitions: main file.yaml \r\n"
        b'Other-Definitions: defs/a.yaml\r\n   defs/b.yaml\r\n  "with blank.yaml"\r\n'
    )
    assert said.version == "2.0"
    assert said.created_by == "An: author"
    assert said.entry == "main file.yaml"
    assert said.others == ("defs/a.yaml", "defs/b.yaml", "with blank.yaml")


def test_further_blocks_are_kept() -> None:
    """T160: custom keynames in blocks of their own, values over several lines."""
    said = meta.parse(b"CSAR-Version: 2.0\n\n\nAcme-Color: light\n   blue\nAcme-Size: 5\n\nName: a.sh\nAcme-Kind: x\n")
    assert said.blocks == ({"Acme-Color": "light blue", "Acme-Size": "5"}, {"Name": "a.sh", "Acme-Kind": "x"})
    assert meta.parse(meta.render(said)) == said


def test_digests() -> None:
    """T165: optional, one block a file."""
    said = meta.parse(f"{GOOD}\nName: a b.sh\nPuccini-Digest: {DIGEST}\n".encode())
    assert said.digests == {"a b.sh": DIGEST}


def test_old_archives_are_read() -> None:
    """R86: CSAR 1.1, which goes with TOSCA 1.3."""
    said = meta.parse(b"TOSCA-Meta-File-Version: 1.1\nCSAR-Version: 1.1\nCreated-By: x\nEntry-Definitions: a.yaml\n")
    assert (said.version, said.entry) == ("1.1", "a.yaml")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "the file is empty"),
        ("Created-By: x\n", 1, "no 'CSAR-Version'"),
        ("CSAR-Version: 3.0\n", 1, "'3.0' is not supported"),
        (f"{GOOD}nonsense\n", 2, "not a keyname and a value"),
        (f"{GOOD}Key:value\n", 2, "not a keyname and a value"),
        (f"{GOOD}: value\n", 2, "not a keyname and a value"),
        (f" {GOOD}", 1, "continues nothing"),
        (f"{GOOD}\n  x\n", 3, "continues nothing"),
        (f"{GOOD}Created-By: a\nCreated-By: b\n", 3, "there twice"),
        (f"{GOOD}Acme-Color: blue\n", 2, "unknown keyname 'Acme-Color'"),
        (f"{GOOD}TOSCA-Meta-File-Version: 1.1\n", 2, "unknown keyname"),
        (f"{GOOD}\nTOSCA-Thing: 1\n", 3, "reserved"),
        (f"{GOOD}\nEntry-Definitions: a.yaml\n", 3, "belongs in the first block"),
        (f"{GOOD}Entry-Definitions: ../a.yaml\n", 2, "leads out of the archive"),
        (f"{GOOD}Entry-Definitions: /a.yaml\n", 2, "is absolute"),
        (f"{GOOD}Entry-Definitions:\n", 2, "has no value"),
        (f'{GOOD}Other-Definitions: "a.yaml\n', 2, "unpaired quotation mark"),
        (f'{GOOD}Other-Definitions: a.yaml ""\n', 2, "unpaired quotation mark"),
        (f"{GOOD}\nPuccini-Digest: {DIGEST}\n", 3, "no 'Name'"),
        (f"{GOOD}\nName: a\nPuccini-Digest: md5:1\n", 4, "is not a digest"),
        (f"{GOOD}\nName: a\nPuccini-Digest: {DIGEST}\n\nName: a\nPuccini-Digest: {DIGEST}\n", 7, "two digests"),
    ],
)
def test_errors_have_a_line(text: str, line: int, why: str) -> None:
    """T160, R81."""
    with pytest.raises(ArchiveError, match=why) as caught:
        meta.parse(text.encode())
    assert (caught.value.refusal, caught.value.entry, caught.value.line) == (Refusal.META, "TOSCA.meta", line)
    assert caught.value.hint
    assert str(caught.value).startswith(f"TOSCA.meta:{line}: ")


def test_it_is_utf8() -> None:
    with pytest.raises(ArchiveError, match="not UTF-8"):
        meta.parse(b"CSAR-Version: 2.0\nCreated-By: \xff\n")


names = st.text("ab é.-_'", min_size=1, max_size=12).map(str.strip).filter(lambda name: name.strip("./ ") == name != "")
texts = st.text("abc: é\"'", max_size=20).map(lambda text: " ".join(text.split()))


@given(names, st.lists(names, max_size=12, unique=True), texts, st.dictionaries(names, st.just(DIGEST), max_size=3))
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read(entry: str, others: list[str], author: str, digests: dict[str, str]) -> None:
    """T160, T164: any names, also with blanks, also many of them."""
    said = Meta(entry=entry, others=tuple(others), created_by=author or None, digests=digests)
    found = meta.parse(meta.render(said))
    assert (found.entry, found.others, found.created_by) == (said.entry, said.others, said.created_by)
    assert found.digests == said.digests
