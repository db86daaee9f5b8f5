"""The examples of the concept page run as they stand."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "floria.md"


def test_every_example_of_the_page_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "floria.md", str(PAGE), 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    result = runner.run(examples, out=report.append)
    assert result.failed == 0, "".join(report)
    assert result.attempted > 30
    assert sum(block.count(">>> ") for block in blocks) >= result.attempted
