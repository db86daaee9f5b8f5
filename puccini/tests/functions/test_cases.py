"""The semantics of TOSCA functions (T75-T95, T99) as data: expression, where it stands, what it gives.

A case is ``{expression, gives}`` or ``{expression, fails: CODE, says: TEXT}``. `at` names the entity that holds the
call, `value` is what ``$value`` is, `schema` its schema; `source` and `candidate` are those of a finder.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from floria.evaluation import Context, EvaluationError
from puccini.functions import schemas

from . import conftest

CASES = Path(__file__).parent / "cases"


def _cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.yaml")):
        for name, cases in yaml.safe_load(file.read_text()).items():
            for number, case in enumerate(cases):
                yield pytest.param(case, id=f"{file.stem}-{name}-{number}")


def _evaluate(case: dict[str, Any], context: Callable[..., Context]) -> Any:
    finder = {key: case[key] for key in ("source", "candidate") if key in case}
    entity = case.get("candidate", case.get("at"))
    within = context(entity, value=case.get("value"), **finder)
    clause = conftest.expression(case["expression"])
    if "schema" in case:
        schema = schemas.of_map(conftest.SCHEMAS[case["schema"]])
        assert schema is not None
        clause = schemas.bound(clause, case["value"], schema)
    return within.evaluate(clause)


@pytest.mark.parametrize("case", list(_cases()))
def test_case(case: dict[str, Any], context: Callable[..., Context]) -> None:
    """T75-T95: each function gives what section 10 says, or fails and says why."""
    if "fails" not in case:
        found = _evaluate(case, context)
        assert found == case["gives"]
        assert type(found) is type(case["gives"])
        return
    with pytest.raises(EvaluationError) as caught:
        _evaluate(case, context)
    assert caught.value.code == case["fails"]
    assert case["says"] in caught.value.message
