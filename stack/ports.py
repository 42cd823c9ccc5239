"""ports.py FOLDER [COUNT]: prints four free ports, or COUNT, and keeps them for the stack in FOLDER, also while a service of it is stopped.

Below the range from which the kernel takes ports for outgoing connections, so none is taken before its service binds it.
A port is kept by a file of its name that says for which folder; it is free again when no stack is there any more."""
import os
import pathlib
import random
import socket
import sys
import tempfile
import time

folder = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 4
kept = pathlib.Path(tempfile.gettempdir()) / f"weir-ports-{os.getuid()}"
kept.mkdir(mode=0o700, exist_ok=True)


def forget(file, so):
    """If it is so of the folder that it names; one that was just made may not name it yet."""
    try:
        if file.stat().st_mtime < time.time() - 60 and so(file.read_text()):
            file.unlink()
    except FileNotFoundError:
        pass


def is_kept(port):
    """Whether another stack has it; else it is ours from now on."""
    file = kept / str(port)
    try:
        with open(file, "x") as new:
            new.write(folder)
        return False
    except FileExistsError:
        forget(file, lambda of: not (pathlib.Path(of) / ".weir-stack").exists())
        return True


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


for file in kept.iterdir():
    forget(file, lambda of: of == folder)
ports = []
while len(ports) < count:
    port = random.randrange(20_000, 32_000)
    if is_free(port) and not is_kept(port):
        ports.append(port)
print(*ports)
