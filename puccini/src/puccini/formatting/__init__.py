"""Puts TOSCA files in form: one order of keynames, one layout, comments kept, nothing changed in what they say.

    text = formatting.format(text, "service.yaml")

Keynames come in the order of the Standard's tables, with what says what a thing is before the rest; names that the
author gave keep the author's order. Blocks are indented by two, items of lists stand below their key, brackets have
blanks inside, and there is at most one empty line. Quotes, texts and brackets over several lines stay as they are.
"""

from puccini import yaml
from puccini.diagnostics import Diagnostic, Failed
from puccini.formatting import order, tree, writing
from puccini.formatting.tree import Unknown


def format(text: str, name: str = "") -> str:
    """Return `text` in form; `name` is how messages call the file.

    Raises `Failed` for what is not YAML, or has something in it that cannot be put in form without a doubt.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    before = yaml.parse(text.encode(), name)
    if before.problems or not before.complete:
        raise Failed([_diagnostic(name, problem) for problem in before.problems])
    for arrange in (order.arrange, order.keep):
        try:
            result = writing.write(arrange(tree.parse(text)))
        except Unknown as error:
            place = error.line + 1
            message = f"this cannot be put in form: {error}"
            hint = "write it in another way, or leave the file as it is"
            raise Failed([Diagnostic("not-formattable", message, name, place, 1, place, 1, hint=hint)]) from None
        after = yaml.parse(result.encode(), name)
        if not after.problems and after.complete and same(before.value, after.value):
            return result
    message = "this cannot be put in form without changing what it says"
    raise Failed([Diagnostic("not-formattable", message, name, hint="leave the file as it is")])


def same(one: object, other: object) -> bool:
    """Whether two values are the same, and of the same types; the order of keys does not count."""
    stack = [(one, other)]
    while stack:
        left, right = stack.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                return False
            stack.extend((value, right[key]) for key, value in left.items())
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            stack.extend(zip(left, right, strict=True))
        elif left != right and left == left:
            return False
    return True


def _diagnostic(name: str, problem: yaml.Problem) -> Diagnostic:
    start, end = problem.start, problem.end
    return Diagnostic(
        code=problem.code,
        message=problem.message,
        file=name,
        line=start.line + 1,
        column=start.column + 1,
        end_line=end.line + 1,
        end_column=end.column + 1,
        hint=problem.hint,
    )
