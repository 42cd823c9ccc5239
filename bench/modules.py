"""Folders of modules for a run. A module's name and its fields' names stand in its data as they are, so another one of the
same length makes another rule of it without a build; `weir` reads it like any other module and says so if it can't."""
import shutil
import tomllib

import bed

SHIPPED = ("balance_mismatch", "blocked_segment", "high_amount", "negative_amount", "self_transfer")


def renamed(module, old, new):
    """`old` must stand in the module once: where it is the manifest's."""
    old, new = old.encode(), new.encode()
    assert len(old) == len(new), f"{new} has another length than {old}"
    assert module.count(old) == 1, f"{old} is {module.count(old)} times in the module"
    return module.replace(old, new)


def noted(module, note):
    """The same rule in other bytes: with a custom section at its end, which no runtime reads."""
    note = b"\x04note" + note.encode()
    assert len(note) < 128, "a size of one byte"
    return module + bytes([0, len(note)]) + note


def folder(name):
    at = bed.TARGET / f"rules-{name}"
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True)
    return at


def shipped():
    """The five of rules.d; the segment is a field of the record, as the headline has no lookup."""
    at = folder("shipped")
    for rule in SHIPPED:
        module = (bed.ROOT / f"rules.d/{rule}.wasm").read_bytes()
        if rule == "blocked_segment":
            module = renamed(module, "customer.segment", "customer_segment")
        (at / f"{rule}.wasm").write_bytes(module)
    return at


def copies(count):
    """So many rules of one column: `high_amount` under other names."""
    at = folder(f"copies-{count}")
    module = (bed.ROOT / "rules.d/high_amount.wasm").read_bytes()
    # In the data the version follows the name, which tells it from the names of functions.
    version = tomllib.loads((bed.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    for n in range(count):
        name = f"rule_{n:06}"
        (at / f"{name}.wasm").write_bytes(renamed(module, f"high_amount{version}", f"{name}{version}"))
    return at
