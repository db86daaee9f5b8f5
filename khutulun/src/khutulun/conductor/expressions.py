"""Plugins in expressions: `plugin:function` in templates, and custom TOSCA functions (TOSCA 2.0 section 10.4).

They compute: queries that were granted run, changes are not done, and the graph is what the arguments say.
"""

from collections.abc import Mapping
from typing import Any

from floria import codec, plugins
from floria.entities import Entity
from floria.evaluation import Context, EvaluationError, Function
from floria.plugins import effects, grants
from floria.plugins.budgets import Budget
from floria.plugins.faults import Fault
from floria.store.interface import Store
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.conductor import calls, registry, secrets
from puccini.functions.custom import Invocation

BUDGET = Budget(cpu=2.0, wall=10.0)

SECRET = "secret"
"""The function that the profile defines, and that is no plugin's."""


class Expressions:
    """Evaluates functions of plugins, as seen from the entity that holds the call."""

    def __init__(
        self, store: Store, host: plugins.PluginHost, found: registry.Registry, places: Mapping[str, str]
    ) -> None:
        self._store, self._host, self._registry, self._places = store, host, found, places

    def resolve(self, context: Context, name: str) -> Function | None:
        """Return the function ``plugin:function``, if there is such a plugin (`floria.evaluation.Functions`)."""
        namespace, _, function = name.partition(":")
        if self._registry.entity(context.reader, namespace, _directory(context)) is None:
            return None

        def evaluate(inside: Context, arguments: list[Value]) -> Value:
            return self._call(inside, namespace, function, [inside.evaluate(one) for one in arguments])

        return evaluate

    def run(self, context: Context, invocation: Invocation) -> Value:
        """Run a custom TOSCA function whose implementation is a plugin."""
        if invocation.artifact is None and invocation.function == SECRET:
            return context.functions.find(context, secrets.SECRET)[0](context, invocation.arguments)
        artifact: Any = invocation.artifact or {}
        if not any(str(label).endswith(calls.DRIVER) for label in artifact.get("classes") or ()):
            raise EvaluationError(
                "no-processor",
                f"the function {invocation.function!r} is not implemented by a plugin: its artifact is of another type",
            )
        return self._call(context, str(artifact["file"]), invocation.function, invocation.arguments)

    def _call(self, context: Context, plugin: str, function: str, arguments: list[Value]) -> Value:
        try:
            reference = self._registry.find(context.reader, plugin, _directory(context))
            return codec.from_plain(self._dispatch(reference, function, context.entity, arguments))
        except model.Refused as refused:
            raise EvaluationError(refused.problems[0].code, str(refused)) from None
        except Fault as fault:
            raise EvaluationError(fault.code, f"{plugin}:{function}: {fault.message}", fault.retryable) from None

    def _dispatch(
        self, reference: messages.PluginReference, function: str, entity: Entity | None, arguments: list[Value]
    ) -> Any:
        loaded = self._host.load(
            lambda: self._store.open_blob(reference.digest),
            plugins.Carrier(reference.carrier),
            digest=reference.digest,
            name=reference.name,
        )
        return self._host.dispatch(
            loaded,
            function,
            {"entity": codec.entity_to_plain(entity) if entity is not None else None},
            [codec.to_plain(one) for one in arguments],
            grants=grants.fill(grants.parse(reference.grants), self._places),
            effects=effects.Effects(effects.MemoryJournal(), mode=effects.Mode.PLAN),
            budget=BUDGET,
        )


def _directory(context: Context) -> str:
    return context.entity.directory if context.entity is not None else registry.ROOT
