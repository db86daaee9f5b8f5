"""The examples in docs/functions.md give what the page says."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from floria.evaluation import Context
from puccini import functions

from . import conftest

PAGE = (Path(__file__).parents[3] / "docs" / "functions.md").read_text()
EXAMPLES = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples(example: list[Any], context: Callable[..., Context]) -> None:
    written, expected = example
    found = context().evaluate(conftest.expression(written))
    assert found == expected
    assert type(found) is type(expected)


def test_the_code() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    ran = subprocess.run([sys.executable, "-W", "error", "-c", block], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{len(functions.library())}\n"
