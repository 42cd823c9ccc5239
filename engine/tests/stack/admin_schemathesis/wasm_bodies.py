"""What schemathesis sends as application/wasm: rules as they were built, other builds of them, modules that are cut or
changed in one byte, and bytes that only begin like one."""

import os
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

MODULES = [path.read_bytes() for path in sorted(Path(os.environ["WEIR_MODULES"]).glob("*.wasm"))]
assert MODULES, "WEIR_MODULES names a folder of rules that are built"

module = st.sampled_from(MODULES)
# An empty custom section changes a module's sha256 and nothing else.
another_build = st.builds(lambda wasm, note: wasm + bytes([0, 5, 4]) + note, module, st.binary(min_size=4, max_size=4))
cut = st.builds(lambda wasm, part: wasm[: int(len(wasm) * part)], module, st.floats(0, 1))
changed = st.builds(
    lambda wasm, at, byte: wasm[: at % len(wasm)] + bytes([byte]) + wasm[at % len(wasm) + 1 :],
    module,
    st.integers(0, 1 << 20),
    st.integers(0, 255),
)
begins_like_one = st.binary(max_size=200).map(lambda rest: b"\0asm\x01\0\0\0" + rest)
bodies = st.one_of(module, another_build, cut, changed, begins_like_one, st.binary(max_size=200))

schemathesis.openapi.media_type("application/wasm", bodies)
