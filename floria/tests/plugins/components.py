"""Hostile components, written by hand: each says in WebAssembly text what no compiler would produce."""

from wasmtime import wat2wasm

_TEMPLATE = """
(component
  {imports}
  (core module $libc
    (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))
  (core instance $libc (instantiate $libc))
  {lowered}
  (core module $main
    (import "libc" "memory" (memory 2))
    {core_imports}
    (table $table 1 funcref)
    (data (i32.const 16) "{manifest}")
    (data (i32.const 2048) "{result}")
    (func $manifest (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const {manifest_size}))
      (i32.const 0))
    {start}
    (func (export "describe") (result i32)
      {describe}
      (call $manifest))
    (func (export "dispatch") (param i32 i32 i32 i32 i32 i32) (result i32)
      {dispatch}
      (i32.store (i32.const 8) (i32.const 2048))
      (i32.store (i32.const 12) (i32.const {result_size}))
      (i32.const 8)))
  (core instance $main (instantiate $main (with "libc" (instance $libc)) {arguments}))
  (func $describe (result string)
    (canon lift (core func $main "describe") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc"))))
  (func $dispatch (param "function" string) (param "site" string) (param "arguments" string) (result string)
    (canon lift (core func $main "dispatch") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc"))))
  (instance $plugin (export "describe" (func $describe)) (export "dispatch" (func $dispatch)))
  (export "floria:plugin/plugin@0.1.0" (instance $plugin)))
"""
MANIFEST = '{"name":"hostile","version":"1","contract":"0.1","functions":{"x":{"description":"x"}}}'
LOOP = "(loop $again (br $again))"
TRAP = "(unreachable)"
TABLE_BOMB = (
    "(if (i32.eq (table.grow $table (ref.null func) (i32.const 50000000)) (i32.const -1)) (then (unreachable)))"
)
MEMORY_BOMB = "(if (i32.eq (memory.grow (i32.const 30000)) (i32.const -1)) (then (unreachable)))"

_RUN = """
  (import "floria:plugin/command@0.1.0" (instance $command (export "run" (func (param "x" (list string))))))
"""
_LOWERED = """
  (core func $run (canon lower (func $command "run") (memory (core memory $libc "memory"))
    (realloc (core func $libc "realloc"))))
"""
_AMPLIFY = """
      (local $i i32)
      (loop $next
        (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 8))) (i32.const 0))
        (i32.store (i32.add (i32.const 4100) (i32.mul (local.get $i) (i32.const 8))) (i32.const 60000))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 15000))))
      (call $run (i32.const 4096) (i32.const 15000))
"""


def component(
    *, describe: str = "", dispatch: str = "", start: str = "", manifest: str = MANIFEST, result: str = "null"
) -> bytes:
    """Return a component whose functions do something first, and then return what they should."""
    return _make(describe=describe, dispatch=dispatch, start=start, manifest=manifest, result=result)


def recursing() -> bytes:
    """Return a component that recurses without end."""
    return component(start="(func $down (call $down) (call $down))", dispatch="(call $down)")


def amplifying() -> bytes:
    """Return a component that hands over a list whose elements are all the same text: 900 MB out of 180 KB."""
    imported = '(import "command" "run" (func $run (param i32 i32)))'
    arguments = '(with "command" (instance (export "run" (func $run))))'
    return _make(
        imports=_RUN, lowered=_LOWERED, core_imports=imported, arguments=arguments, dispatch=_AMPLIFY, start=""
    )


def importing(interface: str) -> bytes:
    """Return a component that wants an interface which is not in the contract."""
    return _make(imports=f'(import "{interface}" (instance (export "steal" (func))))')


def _make(**parts: str) -> bytes:
    filled = dict.fromkeys(("imports", "lowered", "core_imports", "arguments", "start", "describe", "dispatch"), "") | {
        "manifest": MANIFEST,
        "result": "null",
    }
    filled |= parts
    sizes = {f"{name}_size": len(filled[name].encode()) for name in ("manifest", "result")}
    for name in ("manifest", "result"):
        filled[name] = filled[name].replace("\\", "\\\\").replace('"', '\\"')
    text = _TEMPLATE
    for name, value in (filled | {name: str(size) for name, size in sizes.items()}).items():
        text = text.replace("{" + name + "}", value)
    return bytes(wat2wasm(text))
