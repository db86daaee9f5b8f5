"""The SDK without a sandbox: functions, faults, manifests and the fake host."""

import pytest

from floria_plugin import Context, Output, Permanent, Plugin, Temporary
from floria_plugin.testing import FakeHost


@pytest.fixture
def plugin() -> Plugin:
    made = Plugin("greeter", "1.0.0", grants={"commands": [{"program": "hostname", "effect": "query"}]})

    @made.function(query=True)
    def greet(context: Context, name: str = "you") -> str:
        """Say hello.

        From this host.
        """
        context.log(f"greeting {name}")
        return f"hello {name}, from {context.run('hostname').stdout.strip()}"

    @made.function("file.touch")
    def touch(context: Context, path: str) -> list[object]:
        before = context.files.exists(path)
        return [before, context.files.write(path, "x"), context.files.read(path), context.files.remove(path)]

    @made.function()
    def later(context: Context) -> None:
        raise Temporary("busy", "try again", {"seconds": 5})

    @made.function()
    def bug(context: Context) -> float:
        return 1 / 0

    @made.function()
    def odd(context: Context) -> object:
        return {1, 2}

    return made


def test_state_and_a_call_give_a_result_and_effects(plugin: Plugin) -> None:
    host = FakeHost(commands={("hostname",): "box\n"})
    assert host.call(plugin, "greet", {}, ["Ada"]) == "hello Ada, from box"
    assert host.call(plugin, "greet") == "hello you, from box"
    assert host.effects == [{"kind": "command.run", "argv": ["hostname"]}] * 2
    assert host.argvs == [["hostname"]] * 2
    assert host.logs[0] == ("info", "greeting Ada")


def test_files_are_plain_data(plugin: Plugin) -> None:
    host = FakeHost(files={"/a/b": "1"})
    assert host.call(plugin, "file.touch", {}, ["/a/c"]) == [False, True, "x", True]
    assert host.files == {"/a/b": "1"}
    assert host.perform({"kind": "files.entries", "path": "/a"})[0]["name"] == "b"
    assert host.perform({"kind": "files.kind-of", "path": "/a"}) == "folder"


def test_faults_are_permanent_or_temporary(plugin: Plugin) -> None:
    host = FakeHost(commands={("hostname",): 3})
    with pytest.raises(Temporary, match="busy: try again") as raised:
        host.call(plugin, "later")
    assert (raised.value.retryable, raised.value.detail) == (True, {"seconds": 5})
    with pytest.raises(Permanent, match="command-failed: hostname ended with 3"):
        host.call(plugin, "greet")
    with pytest.raises(Permanent, match="ZeroDivisionError") as bug:
        host.call(plugin, "bug")
    assert "1 / 0" in str(bug.value.detail)


@pytest.mark.parametrize(
    ("function", "arguments", "code"),
    [("nothing", [], "unknown-function"), ("greet", [1, 2], "invalid-arguments"), ("odd", [], "invalid-result")],
)
def test_what_does_not_fit_is_a_fault(plugin: Plugin, function: str, arguments: list[object], code: str) -> None:
    with pytest.raises(Permanent) as raised:
        FakeHost().call(plugin, function, {}, arguments)
    assert raised.value.code == code


def test_unexpected_requests_fail_the_test(plugin: Plugin) -> None:
    with pytest.raises(Permanent, match="no answer for"):
        FakeHost().call(plugin, "greet")
    assert FakeHost(strict=False).call(plugin, "greet", {}, ["a"]) == "hello a, from "


def test_manifest_comes_from_the_code(plugin: Plugin) -> None:
    manifest = plugin.describe()
    assert manifest["contract"] == "0.1"
    assert manifest["functions"]["greet"] == {"description": "Say hello.", "query": True}
    assert manifest["functions"]["file.touch"] == {"description": "", "query": False}
    with pytest.raises(ValueError, match="two functions named 'later'"):
        plugin.add("later", lambda context: None)


def test_every_request_has_an_answer_in_the_fake() -> None:
    host = FakeHost(
        commands={("say", "..."): lambda argv: Output(0, " ".join(argv[1:]))},
        urls={"GET http://a/": "body"},
        dbus={"org.a.Get": [1]},
        entities={"one": {"id": "one"}},
        secrets={"s": "v"},
        evaluate=lambda expression: [expression],
    )
    context = Context(host, {})
    assert context.run("say", "a", "b").stdout == "a b"
    assert context.http.get("http://a/").body == "body"
    assert context.dbus.call("org.a", "/", "org.a", "Get") == [1]
    assert context.graph.get("one") == {"id": "one"}
    assert context.graph.query({}) == [{"id": "one"}]
    assert context.graph.create({"name": "two"})["name"] == "two"
    context.graph.set_property("one", "p", 5)
    assert host.entities["one"]["properties"] == {"p": {"value": 5}}
    context.graph.emit("one", "failed")
    context.graph.delete("one")
    assert context.secret("s") == "v"
    assert context.evaluate("x") == ["x"]
    assert context.graph.claim("tcp", "80")
    assert context.graph.claims("tcp") == ["80"]
    context.graph.release("tcp", "80")
    for bad in ("one", "three"):
        with pytest.raises(Permanent):
            context.graph.get(bad)
