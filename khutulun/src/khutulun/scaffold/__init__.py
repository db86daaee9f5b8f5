"""A driver to begin with: ``khutulun plugin new NAME`` copies the working driver in `sample` under a new name."""

import re
from collections.abc import Iterator
from pathlib import Path

from khutulun import model, shipped

SAMPLE = Path(__file__).with_name("sample")
LONGEST = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_TAKEN = {"sample": "every new driver is made from it", "plugin": "all drivers are plugins"}


def make(name: str, directory: Path) -> Path:
    """Make the folder of the driver `name` below `directory` and return it. Raises `model.Refused`."""
    _check(name)
    folder = directory / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        hint = "choose another name, or another place with --directory"
        raise _refused("exists", f"{folder} is there already", hint) from None
    except OSError as error:
        hint = "choose another place with --directory"
        raise _refused("unwritable", f"{folder} cannot be made: {error.strerror}", hint) from None
    for path, text in files(name):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def files(name: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a new driver: their paths in its folder, and their texts."""
    for file in sorted(SAMPLE.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            yield _named(str(file.relative_to(SAMPLE)), name), _named(file.read_text(), name)


def _named(text: str, name: str) -> str:
    """Return a text of the sample under a driver's name, in each of the forms that names have."""
    words = name.split("-")
    forms = {"SAMPLE": "_".join(words).upper(), "Sample": "".join(map(str.capitalize, words))}
    forms |= {"sample_driver": f"{'_'.join(words)}_driver", "test_sample": f"test_{'_'.join(words)}", "sample": name}
    return re.sub("|".join(forms), lambda match: forms[match[0]], text)


def _check(name: str) -> None:
    if not _NAME.match(name) or len(name) > LONGEST:
        hint = f"lower-case letters, digits and single hyphens, a letter first, at most {LONGEST} characters: 'my-tool'"
        raise _refused("bad-name", f"no driver can be called {name!r}", hint)
    if name in shipped.plugins():
        hint = "choose another name; `khutulun plugin add FILE --name` then puts yours in the place of the built-in one"
        raise _refused("taken", f"{name!r} is a built-in driver", hint)
    if name in _TAKEN:
        raise _refused("taken", f"no driver can be called {name!r}: {_TAKEN[name]}", "choose another name")


def _refused(code: str, message: str, hint: str) -> model.Refused:
    return model.refuse(code, message, hint=hint)
