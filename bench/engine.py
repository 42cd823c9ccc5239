"""One run of the engine through a topic that is full already, and what it cost."""
import os
import re
import shutil
import signal
import subprocess
import time

import bed
import feed
import store

PATIENCE = 1_800  # seconds that one run may take


class Engine:
    """`weir run` under a name that its group, table and dead-letter topic have too, so that every run begins at nothing. Its
    folder of compiled code is empty as well: the start is a cold one."""

    def __init__(self, name, topic, rules, partitions=4, interval="1s", workers=None, more="", weir=None):
        self.weir = weir or bed.RELEASE / "weir"
        self.name, self.table, self.letters = name, f"stats_{name}", f"letters_{name}"
        feed.create(self.letters, partitions)
        self.cache = bed.TARGET / f"cache-{name}"
        shutil.rmtree(self.cache, ignore_errors=True)
        self.config = bed.TARGET / f"{name}.toml"
        text = (bed.ROOT / "bench/weir.toml").read_text()
        self.config.write_text(text + (f"\n[engine]\nworkers = {workers}\n" if workers else "") + more)
        self.environment = os.environ | {
            "WEIR_BENCH_NAME": name, "WEIR_BENCH_TOPIC": topic, "WEIR_BENCH_LETTERS": self.letters, "WEIR_BENCH_TABLE": self.table,
            "WEIR_BENCH_CACHE": str(self.cache), "WEIR_BENCH_INTERVAL": interval, "WEIR_RULES_DIR": str(rules)}
        self.log = bed.TARGET / f"{name}.log"
        self.processes, self.cpu_s = [], 0.0

    def start(self, processes=1):
        with self.log.open("a" if self.processes else "w") as log:
            for _ in range(processes):
                self.processes.append(subprocess.Popen([self.weir, "run", self.config], env=self.environment,
                                                       stdout=log, stderr=log))
        return self

    def alive(self):
        assert all(process.poll() is None for process in self.processes), f"the engine ended: see {self.log}"

    def admin(self):
        """Where the API of the first process is, once it says so in its log."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            self.alive()
            found = re.search(r"admin=([\d.:]+)", re.sub(r"\x1b\[[\d;]*m", "", self.log.read_text()))
            if found:
                return found[1]
            time.sleep(0.1)
        raise AssertionError(f"the engine did not start: {self.log}")

    def until_taken(self, db, partitions):
        until = time.monotonic() + 60
        while db.number(f"SELECT COUNT(next_offset) FROM weir_partition WHERE pipeline = '{self.name}'") < partitions:
            assert time.monotonic() < until, f"the partitions were not taken: see {self.log}"
            self.alive()
            time.sleep(0.1)

    def cpu(self):
        """Until now, without its children: those compile modules at the start."""
        return sum(bed.cpu(process.pid) for process in self.processes)

    def peak_mib(self):
        return round(sum(bed.mib(process.pid) for process in self.processes))

    def stop(self):
        """In order; its CPU is what the kernel counted to the end, its children for compiling included."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_s += usage.ru_utime + usage.ru_stime
        codes = [process.returncode for process in self.processes]
        self.processes = []
        assert not any(codes), f"the engine ended with {codes}: see {self.log}"

    def kill(self):
        """What still runs when a measurement failed."""
        for process in self.processes:
            process.kill()
            process.wait()

    def clear(self):
        """What would fill the disk in a long session."""
        feed.delete(self.letters)
        shutil.rmtree(self.cache, ignore_errors=True)
        with store.Store() as db:
            db.rows(f"DROP VIEW IF EXISTS {self.table}_final", f"DROP TABLE IF EXISTS {self.table}")


def through(topic, name, rules, shipped=True, processes=1, workers=None, weir=None, more=""):
    """From the start of the process until the positions in the store are at the end of the topic. `shipped`: the five rules
    judge, so negative amounts are dead letters and some records have flags. `weir`: another binary than the one of this tree. `more`: of
    the configuration."""
    engine = Engine(name, topic.name, rules, topic.partitions, workers=workers, more=more, weir=weir)
    services = {name: bed.pid_of(service) for name, service in (("broker", "kafka"), ("database", "mysql"))}
    before = {name: bed.cpu(pid) for name, pid in services.items()}
    try:
        with store.Store() as db:
            began = time.monotonic()
            engine.start(processes)
            first, samples = watch(db, engine, topic.records, began)
            wall = samples[-1][0]
            peak = engine.peak_mib()
            engine.stop()
    finally:
        engine.kill()
    cost = {f"{name}_cpu_s": bed.cpu(pid) - before[name] for name, pid in services.items()}
    millions = topic.records / 1e6
    result = {"what": "weir run", "records_s": round(topic.records / wall), **steady(samples),
              "cpu_s_per_million": round(engine.cpu_s / millions, 3),
              **{f"{key}_per_million": round(value / millions, 3) for key, value in cost.items()},
              "peak_mib": peak, "first_result_s": first and round(first, 2), "wall_s": round(wall, 2)}
    result |= check(topic, engine, shipped)
    engine.clear()
    return result


def warm(rules):
    """A run that is not counted: a broker that has just started compiles its code while it serves the first one."""
    topic = feed.fill("warm_stream", 500_000, 1)
    through(topic, "warm", rules)
    feed.delete(topic.name)


def watch(db, engine, records, began):
    """When the first row was visible, and every position that was seen, with its time and the engine's CPU until then."""
    first, samples = None, [(0.0, 0, 0.0)]
    while samples[-1][1] < records:
        position = db.number(f"SELECT SUM(next_offset) FROM weir_partition WHERE pipeline = '{engine.name}'")
        now = time.monotonic() - began
        if position != samples[-1][1]:
            samples.append((now, position, engine.cpu()))
        if first is None and db.rows(f"SELECT 1 FROM {engine.table} LIMIT 1"):
            first = time.monotonic() - began
        engine.alive()
        assert now < PATIENCE, f"not done within {PATIENCE} s: see {engine.log}"
        time.sleep(0.05 if first else 0.02)
    return first, samples


def steady(samples):
    """Between the first position that was seen and the last but one: no start-up, no compiling. Both times the engine has judged
    a checkpoint's worth more than stands in the database, so what was done before the one makes up for what comes after the
    other. Nothing, if there were too few."""
    if len(samples) < 4:
        return {}
    (from_, low, cpu), (to, high, cpu_to) = samples[1], samples[-2]
    return {"steady_records_s": round((high - low) / (to - from_)),
            "steady_cpu_s_per_million": round((cpu_to - cpu) / (high - low) * 1e6, 3)}


def check(topic, engine, shipped):
    """Every row of the table, and the letters by code and source offset, against the truth; a difference is a failure of the run, not a figure."""
    rows, differences = store.differences(engine.table, topic.truth, shipped)
    letters, totals = feed.letters(engine.letters), topic.totals
    codes = {"PARSE_JSON": totals["malformed"], "AMOUNT_NEGATIVE": totals["negative"] if shipped else 0}
    wanted = sum(codes.values())
    found = {"rows": rows, "differences": differences, "letters": letters["letters"], "letters_truth": wanted,
             "duplicate_letters": letters["duplicates"]}
    right = not differences and letters["distinct"] == wanted and letters["codes"] == {code: n for code, n in codes.items() if n}
    assert right, f"{engine.name} is not what the truth says: {found}, {letters['codes']}; see {engine.log}"
    return found
