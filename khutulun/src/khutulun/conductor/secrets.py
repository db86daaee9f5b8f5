"""Secrets: set by people, kept sealed, named in designs, and handed to operations that run.

A secret belongs to a directory and is found from there on downwards, the nearest first, as plugins are. In the graph
stands only a mark (`khutulun.marks`).
"""

import re
from pathlib import Path

import msgspec

from floria import ids
from floria.entities import Kind, Property, Vertex
from floria.evaluation import Context, EvaluationError
from floria.ids import Id
from floria.store.interface import Query, Reader, Store, Transaction
from floria.values import Value
from khutulun import marks, model
from khutulun.agent import messages
from khutulun.conductor import locations, registry, sealing, topology

SECRET = "khutulun:secret"
"""Class of the vertexes that hold secrets, and name of the function that stands for one."""

CHANGED = "secret-changed"
"""Event of nodes that use a secret when it gets another value; its data says which."""

ASKED = "khutulun.secrets"
"""Space of claims: which nodes have asked for which secrets by name."""

SHORTEST, LARGEST = 4, 64 << 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}")


class Secrets:
    """The secrets of a store."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._key = store, sealing.Key(folder, self._any)

    # For people

    def set(self, tx: Transaction, directory: str, name: str, content: bytes) -> tuple[model.Secret, bool]:
        """Keep a value; return the secret, and whether it has changed. Raises `model.Refused`."""
        _check(name, content)
        before = _at(tx, directory, name)
        if before is not None and self._opens(before) == content:
            return _view(before), False
        sealed = Property(value=self._key.seal(content, _place(directory, name)))
        if before is None:
            locations.make(tx, directory)
            vertex = Vertex(id=_id(directory, name), name=name, directory=directory, classes=(SECRET,))
        else:
            vertex = before
        stored = tx.put(msgspec.structs.replace(vertex, properties={"sealed": sealed}))
        assert isinstance(stored, Vertex)
        return _view(stored), before is not None

    def remove(self, tx: Transaction, directory: str, name: str) -> None:
        """Raises `model.Refused`, also when services use it that would find no other one."""
        found = _at(tx, directory, name)
        if found is None:
            raise _unknown(directory, name)
        tx.delete(found.id)
        left = [user for user in self.users(tx, directory, name) if _find(tx, user.directory, name) is None]
        if left:
            used = ", ".join(sorted({user.directory.rpartition("/")[2] for user in left}))
            raise model.refuse(
                "secret-in-use",
                f"the secret {name} of {directory} is used by {used}",
                hint="undeploy or update what uses it first, or set another value",
                status=409,
            )

    def seen(self, reader: Reader, directory: str) -> list[model.Secret]:
        """Return the secrets that a directory sees, by name; never their values."""
        found: dict[str, model.Secret] = {}
        for level in registry.upwards(directory):
            for one in reader.query(Query(kinds=(Kind.VERTEX,), classes=(SECRET,), directory=level, recursive=False)):
                assert isinstance(one, Vertex)
                found.setdefault(one.name, _view(one))
        return sorted(found.values(), key=lambda one: one.name)

    def users(self, reader: Reader, directory: str, name: str) -> list[Vertex]:
        """Return the nodes and services in which the secret of a directory is marked, or that asked for it by name."""
        found = {one.id: one for one in _askers(reader, name) if self._sees(reader, one, directory, name)}
        for vertex in reader.query(Query(kinds=(Kind.VERTEX,), directory=directory)):
            assert isinstance(vertex, Vertex)
            mark = (name, self._key.tag(vertex.directory, name))
            marked = any(mark in marks.find(_texts(one.value)) for one in vertex.properties.values())
            if marked and self._sees(reader, vertex, directory, name):
                owner = _owner(reader, vertex)
                found[owner.id] = owner
        return list(found.values())

    def _sees(self, reader: Reader, vertex: Vertex, directory: str, name: str) -> bool:
        """Whether the secret of a directory is the one that is meant at a vertex."""
        nearest = _find(reader, vertex.directory, name)
        inside = directory in registry.upwards(vertex.directory)
        return inside and (nearest is None or nearest.directory == directory)

    # For designs

    def mark(self, context: Context, arguments: list[Value]) -> Value:
        """The function ``khutulun:secret``: what stands for a secret in the graph. It must have been set."""
        values = [context.evaluate(one) for one in arguments]
        if len(values) != 1 or not isinstance(values[0], str):
            raise EvaluationError("bad-arguments", "a secret has a name: { $secret: [ NAME ] }")
        name, directory = values[0], context.entity.directory if context.entity is not None else registry.ROOT
        try:
            with self._store.read() as reader:  # a plan is made in a copy that has no secrets
                if _find(reader, directory, name) is None:
                    raise _unknown(directory, name)
            return marks.write(name, self._key.tag(directory, name))
        except model.Refused as refused:
            (problem,) = refused.problems
            raise EvaluationError(problem.code, f"{problem.message}; {problem.hint}") from None

    # For agents

    def answer(self, request: messages.Secret) -> messages.SecretAnswer:
        """Return the value of a secret for a workload, and the mark that stands for it there."""
        try:
            return self._answer(request)
        except model.Refused as refused:
            return messages.SecretAnswer(problem=refused.problems[0])

    def _answer(self, request: messages.Secret) -> messages.SecretAnswer:
        directory = request.workload.directory
        tag = self._key.tag(directory, request.name)
        if request.tag not in ("", tag):
            return messages.SecretAnswer(known=False)
        with self._store.read() as reader:
            found = _find(reader, directory, request.name)
        if found is None:
            raise _unknown(directory, request.name)
        if not request.tag:
            self._note(request)
        return messages.SecretAnswer(value=self._opens(found).decode(), tag=tag)

    def _note(self, request: messages.Secret) -> None:
        """Keep in mind that a node has asked for a secret by its name, as long as there is the node."""
        entity, key = ids.parse(request.workload.entity), f"{request.name}/{request.workload.entity}"
        with self._store.read() as reader:
            known = key in reader.claims(ASKED) or reader.get(entity) is None
        if not known:
            with self._store.write() as tx:
                if tx.get(entity) is not None:
                    tx.claim(ASKED, key, entity)

    def _any(self) -> bool:
        with self._store.read() as reader:
            return next(iter(reader.query(Query(kinds=(Kind.VERTEX,), classes=(SECRET,), limit=1))), None) is not None

    def _opens(self, vertex: Vertex) -> bytes:
        sealed = vertex.properties["sealed"].value
        assert isinstance(sealed, bytes)
        try:
            return self._key.open(sealed, _place(vertex.directory, vertex.name))
        except sealing.BadSeal:
            raise model.refuse(
                "sealed-secret",
                f"the secret {vertex.name} was sealed with another key than {self._key.file}",
                hint="put the right key in its place, or remove the secret and set it again",
                status=409,
            ) from None


def _askers(reader: Reader, name: str) -> list[Vertex]:
    """Return the nodes that have asked for a secret of this name."""
    holders = [holder for key, holder in reader.claims(ASKED).items() if key.partition("/")[0] == name]
    return [vertex for holder in holders if isinstance(vertex := reader.get(holder), Vertex)]


def _owner(reader: Reader, vertex: Vertex) -> Vertex:
    """Return the node that a capability or an artifact belongs to."""
    while not topology.is_node(vertex) and vertex.parent is not None:
        above = reader.get(vertex.parent)
        assert isinstance(above, Vertex)
        vertex = above
    return vertex


def _find(reader: Reader, directory: str, name: str) -> Vertex | None:
    for level in registry.upwards(directory):
        if (found := _at(reader, level, name)) is not None:
            return found
    return None


def _at(reader: Reader, directory: str, name: str) -> Vertex | None:
    found = reader.get(_id(directory, name))
    return found if isinstance(found, Vertex) else None


def _id(directory: str, name: str) -> Id:
    return ids.derive(SECRET, directory, name)


def _place(directory: str, name: str) -> str:
    return f"{directory}\0{name}"


def _view(vertex: Vertex) -> model.Secret:
    return model.Secret(vertex.name, vertex.directory, vertex.created, vertex.modified)


def _texts(value: object) -> object:
    return None if value is msgspec.UNSET else value


def _check(name: str, content: bytes) -> None:
    if not _NAME.fullmatch(name):
        hint = "begin with a letter or a digit, and go on with letters, digits, dots, dashes and underscores"
        raise model.refuse("bad-name", f"{name!r} is no name for a secret", hint=hint)
    if len(content) > LARGEST:
        hint = "keep large things in a file of the service's user"
        raise model.refuse("too-large", f"a secret has at most {LARGEST} bytes", hint=hint, status=413)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise model.refuse("not-text", "a secret is text in UTF-8", hint="encode it, as in base64") from None
    if len(text.strip()) < SHORTEST or "\0" in text:
        raise model.refuse(
            "too-short",
            f"a secret has at least {SHORTEST} characters, and no NUL",
            hint="shorter ones could not be kept out of journals and logs",
        )


def _unknown(directory: str, name: str) -> model.Refused:
    return model.refuse(
        "unknown-secret",
        f"there is no secret {name!r} in {directory}",
        hint=f"set it with `khutulun secret set {name}`",
        status=404,
    )
