"""Why an instantiation is refused: everything that is wrong with it, in one error (R83)."""

import msgspec

from floria.entities import EdgeTemplate, VertexTemplate
from floria.ids import Id

ORIGIN = "tosca.origin"
"""Metadata in which a frontend says where a template was written."""

SHOWN = 20


class Refusal(msgspec.Struct, frozen=True):
    """Why a candidate is not the target of an edge. `undecided`: what decides it has no value yet."""

    candidate: Id
    label: str
    reason: str
    undecided: bool = False


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong.

    `code` is stable, `where` names the vertex or edge for people, `origin` says where its template was written. For an
    unsatisfied requirement there are the candidates and the reason each was refused, how many targets were `wanted`
    and how many `found`.
    """

    code: str
    message: str
    where: str
    template: Id | None = None
    origin: str = ""
    requirement: str = ""
    wanted: int = 0
    found: int = 0
    refusals: tuple[Refusal, ...] = ()

    def __str__(self) -> str:
        head = f"{self.origin}: " if self.origin else ""
        lines = [f"{head}{self.where}: {self.message}"]
        lines += [f"    {refusal.label}: {refusal.reason}" for refusal in self.refusals[:SHOWN]]
        if len(self.refusals) > SHOWN:
            lines.append(f"    and {len(self.refusals) - SHOWN} more")
        return "\n".join(lines)


class InstantiationError(Exception):
    """Nothing was created; `problems` says why, all of it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def origin(template: VertexTemplate | EdgeTemplate) -> str:
    """Return where the template was written (``file:line:column``), or nothing."""
    found = template.metadata.get(ORIGIN)
    return found if isinstance(found, str) else ""
