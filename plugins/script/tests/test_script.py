"""Unmodified scripts run as they are (R40)."""

import json
from typing import Any

import pytest
from script_driver.driver import plugin

from floria_plugin.faults import Fault
from floria_plugin.testing import FakeHost

pytestmark = pytest.mark.system

EVENT = {"name": "failed", "detail": {"exit_code": 3}}
ARTIFACTS = "/var/lib/khutulun/artifacts"


def _site(make_site: Any, file: str, kind: str = "Shell", **more: Any) -> dict[str, Any]:
    classes = [f"khutulun:1.0::{kind}", "khutulun:1.0::Script", "tosca:artifact"]
    artifact = {
        "name": "script",
        "classes": classes,
        "file": file,
        "path": f"{ARTIFACTS}/hello/{file}",
        "properties": {},
    }
    return dict(make_site(artifact=artifact, **more))


@pytest.fixture
def run(bare: Any, real_host: Any, make_site: Any) -> Any:
    """Runs a script of the given text on the bare machine."""
    host = real_host(bare, plugin, {"artifacts": ARTIFACTS})

    def run(text: str, inputs: dict[str, Any] | None = None, kind: str = "Shell", **more: Any) -> Any:
        bare.write(f"{ARTIFACTS}/hello/scripts/it", text)
        return host.call("run", _site(make_site, "scripts/it", kind, **more), inputs)

    return run


def test_r40_the_event_arrives_in_the_environment_and_on_standard_input(run: Any) -> None:
    text = 'echo "$KHUTULUN_SERVICE/$KHUTULUN_NODE/$KHUTULUN_INDEX: $KHUTULUN_EVENT"; cat'
    first, _, rest = run(text, event=EVENT)["output"].partition("\n")
    assert first == "hello/web/0: failed"
    assert json.loads(rest) == EVENT


def test_inputs_are_environment_variables(run: Any) -> None:
    inputs = {"greeting": "hello $HOME", "number": 3, "on": True, "none": None, "a-b": "c", "list": [1, "x"]}
    found = run('printf "%s|" "$greeting" "$number" "$on" "$none" "$a_b" "$list"', inputs)
    assert found["output"] == 'hello $HOME|3|true||c|[1, "x"]|'


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Shell", "case ${BASH_VERSION-} in '') echo yes;; *) [ -o posix ] && echo yes;; esac"),
        ("Bash", "a=(yes); echo ${a[0]}"),
        ("Python", "import sys; print('yes')"),
    ],
)
def test_each_type_has_its_interpreter(run: Any, kind: str, text: str) -> None:
    assert run(text, kind=kind)["output"] == "yes\n"


def test_a_json_object_is_the_outputs(run: Any) -> None:
    assert run("""echo '{"a": 1, "b": ["c"]}'""")["outputs"] == {"a": 1, "b": ["c"]}
    assert "outputs" not in run("echo '[1]'")
    assert "outputs" not in run("echo '{broken'")


@pytest.mark.parametrize(("status", "retryable"), [(1, False), (75, True), (127, False)])
def test_an_exit_code_that_is_not_0_is_a_failure(run: Any, status: int, retryable: bool) -> None:
    with pytest.raises(Fault) as failed:
        run(f"echo reason >&2; exit {status}")
    assert (failed.value.code, failed.value.retryable) == ("script-failed", retryable)
    assert "scripts/it ended with" in str(failed.value)
    assert "reason" in str(failed.value)


def test_a_script_that_did_not_come_with_the_service_is_refused(make_site: Any) -> None:
    site = _site(make_site, "gone.sh")
    del site["artifact"]["path"]
    with pytest.raises(Fault, match="did not come with the service"):
        FakeHost().call(plugin, "run", site, [{}])


def test_an_unknown_kind_of_script_is_refused_by_name(make_site: Any) -> None:
    site = _site(make_site, "thing.rb", "Script")
    with pytest.raises(Fault, match=r"how to run 'thing.rb' is unknown"):
        FakeHost().call(plugin, "run", site, [{}])


def test_full_access_is_shown_as_such() -> None:
    programs = {grant["program"] for grant in plugin.grants["commands"]}
    assert programs == {"sh", "bash", "python3"}
    assert all(grant["arguments"] == ["..."] and grant["effect"] == "change" for grant in plugin.grants["commands"])
