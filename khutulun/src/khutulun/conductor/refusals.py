"""Why a design cannot be deployed, as users are told it: what is wrong, where it is written, and what to do.

`designs` and `services` make their refusals here.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from floria import instantiation, naming, updating
from floria.entities import Vertex
from floria.evaluation import EvaluationError, Library
from floria.ids import Id
from floria.instantiation.problems import ORIGIN
from floria.store.interface import Reader
from khutulun import model

if TYPE_CHECKING:
    from puccini.diagnostics import Diagnostic

LOOK = "correct it there; `puccini-tosca validate FILE` shows the line"

CYCLE = "floria.cycle"

HINTS = {
    "floria.bad-design": "write the bundle as docs/floria.md says",
    "floria.bad-input": "write it as a literal: `--input NAME=VALUE`",
    "floria.capacity": "give the target more of it, or take less",
    "floria.changed-meanwhile": "try again",
    "floria.missing": "give it a value in the design; an input also with `--input NAME=VALUE`",
    CYCLE: "give one of them a value of its own",
    "floria.too-large": "deploy it as several services",
    "floria.unknown-input": "an input is declared in the design's `inputs`",
    "floria.unsatisfied": "add a node that fits, or change what the requirement asks for",
}


def diagnostics(found: "Iterable[Diagnostic]") -> tuple[model.Problem, ...]:
    """Return what is wrong with a TOSCA file."""
    return tuple(
        model.Problem(
            one.code,
            one.message,
            where=f"{one.file}:{one.line}:{one.column}" if one.line else one.file,
            hint=one.hint or LOOK,
            severity=one.severity.value,
        )
        for one in found
    )


def problems(error: instantiation.InstantiationError) -> tuple[model.Problem, ...]:
    """Return why a design was not instantiated; of a requirement, each candidate and what speaks against it."""
    return tuple(
        model.Problem(
            one.code,
            f"{one.where}: {one.message}",
            where=one.origin,
            hint="; ".join(f"{refusal.label}: {refusal.reason}" for refusal in one.refusals)
            or HINTS.get(one.code, LOOK),
        )
        for one in error.problems
    )


def evaluation(error: EvaluationError) -> model.Refused:
    """Return the refusal of something that cannot be evaluated."""
    return model.refuse(error.code, str(error), hint=HINTS.get(error.code, LOOK))


def check_cycles(reader: Reader, ids: Iterable[Id], functions: Library) -> None:
    """Refuse when properties need each other, which no later value can mend. Raises `model.Refused`."""
    found: dict[frozenset[str], model.Problem] = {}
    for (id, name), result in updating.evaluate(reader, ids, functions).items():
        if isinstance(result, EvaluationError) and result.code == CYCLE:
            members = result.detail if isinstance(result.detail, list) else []
            where = _origin(reader, id) or f"{naming.label(reader, id)}.{name}"
            problem = model.Problem(CYCLE, result.message, where=where, hint=HINTS[CYCLE])
            found.setdefault(frozenset(map(str, members)), problem)
    if found:
        raise model.Refused(*found.values())


def _origin(reader: Reader, id: Id) -> str:
    """Return where the template of a vertex is written."""
    entity = reader.get(id)
    template = reader.get(entity.template) if isinstance(entity, Vertex) and entity.template is not None else None
    return str(template.metadata.get(ORIGIN) or "") if template is not None else ""
