"""Checks that every plugin must pass, whatever it is for."""

from floria.plugins.conformance.bench import Bench, Failed
from floria.plugins.explanation import explain
from floria.plugins.faults import Fault


def describes_itself(bench: Bench) -> None:
    """It has a manifest that the contract allows."""
    manifest = bench.host.describe(bench.plugin)
    if not manifest.functions:
        raise Failed("the manifest names no function")
    if not manifest.version:
        raise Failed("the manifest has no version")


def functions_are_described(bench: Bench) -> None:
    """Each function says in a sentence what it does."""
    silent = [name for name, f in bench.host.describe(bench.plugin).functions.items() if not f.description]
    if silent:
        raise Failed(f"no description: {', '.join(silent)}")


def grants_are_explained(bench: Bench) -> None:
    """What it asks for can be told to a person."""
    explain(bench.host.describe(bench.plugin).grants, bench.plugin.carrier)


def unknown_function_is_a_fault(bench: Bench) -> None:
    """A function it does not have ends in the fault ``unknown-function``."""
    bench.fault("unknown-function", "no_such_function")


def survives_a_fault(bench: Bench) -> None:
    """A call after a failed one is served as any other."""
    for _ in range(2):
        bench.fault("unknown-function", "no_such_function")


def unnamed_function_is_a_fault(bench: Bench) -> None:
    """The empty name, with which instances are warmed up, does nothing."""
    try:
        bench.call("")
    except Fault as fault:
        if fault.code == "crashed":
            raise Failed(f"a function without a name crashes it: {fault.message}") from None
    else:
        raise Failed("it has a function without a name")


CHECKS = (
    describes_itself,
    functions_are_described,
    grants_are_explained,
    unknown_function_is_a_fault,
    survives_a_fault,
    unnamed_function_is_a_fault,
)
