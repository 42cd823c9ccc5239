"""What the measurements share: the stack, an engine of one's own on it, and what the kernel counts of a process."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
RELEASE = TARGET / "release"
TICKS = os.sysconf("SC_CLK_TCK")


def need(*programs):
    for program in programs:
        if not (RELEASE / program).exists():
            sys.exit(f"{RELEASE / program} is missing: cargo build --release -p weir, and -p weir-bench by itself")


def start_stack(name):
    """Into this process's environment."""
    os.environ["WEIR_STACK_DIR"] = str((TARGET / name).resolve())
    for line in subprocess.check_output(["stack/up"], text=True).splitlines():
        name, _, value = line.partition("=")
        os.environ[name] = value
    os.environ.update(WEIR_RULES_DIR=str(ROOT / "rules.d"), WEIR_LISTEN="127.0.0.1:0", WEIR_VIEWER_TOKEN="bench-viewer-token",
                      WEIR_PUBLISHER_TOKEN="bench-publisher-token")


@contextlib.contextmanager
def stack(name):
    """One of its own, whose data goes with it; only its logs are of use afterwards."""
    start_stack(name)
    folder = pathlib.Path(os.environ["WEIR_STACK_DIR"])
    try:
        yield
    finally:
        subprocess.run(["stack/down"], check=False)
        for service in ("kafka", "mysql", "redis"):
            shutil.rmtree(folder / service / "data", ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def distance(milliseconds):
    """Kafka and MariaDB so far away, there and back, for whoever takes their addresses from the environment. The stack was started with
    WEIR_STACK_FAR."""
    before = {name: os.environ[name] for name in ("WEIR_BROKERS", "WEIR_MYSQL_URL")}
    database = before["WEIR_MYSQL_URL"]
    server = re.search(r"@([^/]+)/", database)[1]
    proxies = []

    def proxy(port, to):
        proxies.append(subprocess.Popen([RELEASE / "delay", str(port), to, str(milliseconds / 2)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True))
        return f"127.0.0.1:{proxies[-1].stdout.readline().strip()}"

    try:
        os.environ["WEIR_BROKERS"] = proxy(os.environ["WEIR_STACK_FAR"], os.environ["WEIR_FAR_BROKER"])
        os.environ["WEIR_MYSQL_URL"] = database.replace(server, proxy(0, server))
        yield
    finally:
        os.environ.update(before)
        for child in proxies:
            child.stdin.close()
            child.wait()


@contextlib.contextmanager
def neighbors(count):
    """Loops that take all the CPU they get."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def pid_of(service):
    return int(subprocess.check_output(["stack/service", "pid", service], text=True))


def sql(statement):
    client = f"{os.environ['WEIR_STACK_DIR']}/mysql/client.cnf"
    return subprocess.run(["mariadb", f"--defaults-extra-file={client}", "-BN", "-e", statement], text=True, check=True,
                          capture_output=True).stdout


def block(names):
    """In Redis, as the truth of `weir generate` takes it."""
    port = os.environ["WEIR_REDIS_URL"].rsplit(":", 1)[1]
    for name in names:
        subprocess.run(["redis-cli", "-p", port, "hset", f"customer:{name}", "segment", "blocked"], check=True,
                       stdout=subprocess.DEVNULL)


def config_of(name, table):
    """A pipeline of its own: a fresh group and a fresh table over the same topic."""
    text = (ROOT / "stack/weir.compose.toml").read_text()
    # What is measured has no alerts; their cost is in `bench/alerts`.
    text = re.sub(r"(?ms)^# Flagged records.*?(?=^\[record\])", "", text)
    for key, value in (("name", name), ("group", name), ("table", table)):
        text, n = re.subn(rf'(?m)^{key} = ".*"', f'{key} = "{value}"', text, count=1)
        assert n == 1, key
    config = TARGET / f"{name}.toml"
    config.write_text(text)
    return config


def position_of(name):
    try:
        return int(sql(f"SELECT COALESCE(SUM(next_offset), 0) FROM weir_partition WHERE pipeline = '{name}'"))
    except subprocess.CalledProcessError:
        return 0  # its tables are not made yet


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def mib(pid, what="VmHWM"):
    return int(re.search(rf"{what}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def commit():
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()
    dirty = subprocess.check_output(["git", "status", "--porcelain", "--", "engine", "sdk", "rules", "Cargo.lock"], text=True)
    return commit + ("-dirty" if dirty else "")
