"""The same job as Flink SQL, over the same topic, for who has 600 MiB and two minutes to spare: rounds of it among those of
bench/run. The clock is that of the peers' measurements: from the job's RUNNING to its FINISHED, so neither the JVMs' start
nor the submission is in it; CPU is that of JobManager and TaskManager from before the submission, the client's apart."""
import atexit
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.parse
import urllib.request

import bed
import feed
import store

SCRIPTS = bed.ROOT / "bench/peers/flink"
FOLDER = pathlib.Path(os.environ.get("WEIR_BENCH_FLINK_DIR", bed.TARGET / "flink")).resolve()
PORT = os.environ.get("WEIR_BENCH_FLINK_PORT", "8081")
GUARANTEE = os.environ.get("WEIR_BENCH_FLINK_LETTERS", "exactly-once")
TABLE = "flink_stats"
cluster = {}


def ask(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=30) as answer:
        return json.load(answer)


def start():
    """Once; the time that the processes took counts into the first result of a cold start."""
    if cluster:
        return 0.0
    subprocess.run([SCRIPTS / "setup.sh", FOLDER, PORT], check=True)
    began = time.monotonic()
    subprocess.run([SCRIPTS / "cluster.sh", "start", FOLDER], check=True)
    atexit.register(subprocess.run, [SCRIPTS / "cluster.sh", "stop", FOLDER], check=False)
    cluster.update({name: int((FOLDER / f"{name}.pid").read_text()) for name in ("jm", "tm")})
    while True:
        try:
            if ask("/overview")["slots-total"] == 2:
                break
        except OSError:
            pass
        assert time.monotonic() - began < 90, f"Flink did not start: {FOLDER}/log"
        time.sleep(0.1)
    url = urllib.parse.urlsplit(os.environ["WEIR_MYSQL_URL"])
    os.environ.update(FLINK_JDBC_URL=f"jdbc:mysql://{url.hostname}:{url.port}{url.path}", FLINK_JDBC_USER=url.username,
                      FLINK_JDBC_PASSWORD=url.password)
    return time.monotonic() - began


def through(topic, run):
    started = start()
    letters = feed.create(f"flink_letters_{run}")
    with store.Store() as db:
        db.rows(f"DROP TABLE IF EXISTS {TABLE}", f"CREATE TABLE {TABLE} (window_start DATETIME(3) NOT NULL, window_end DATETIME(3) NOT NULL,"
                " type VARCHAR(16) NOT NULL, cnt BIGINT NOT NULL, sum_amount DECIMAL(18,2) NOT NULL, max_amount DECIMAL(18,2) NOT NULL,"
                " PRIMARY KEY (window_start, window_end, type)) ENGINE=InnoDB")
        pids = cluster | {"broker": bed.pid_of("kafka"), "database": bed.pid_of("mysql")}
        before = {name: bed.cpu(pid) for name, pid in pids.items()}
        began = time.monotonic()
        said = subprocess.run([SCRIPTS / "submit.sh", FOLDER, topic.name, letters, TABLE, GUARANTEE, str(run)], check=True,
                              capture_output=True, text=True).stdout
        job, first = re.search(r"JobID (\w+)", said)[1], None
        while (state := ask(f"/jobs/{job}"))["state"] not in ("FINISHED", "FAILED", "CANCELED"):
            if first is None and db.rows(f"SELECT 1 FROM {TABLE} LIMIT 1"):
                first = started + time.monotonic() - began
            time.sleep(0.1)
    assert state["state"] == "FINISHED", f"Flink's job {job} is {state['state']}: {FOLDER}/log"
    used = {name: (bed.cpu(pid) - before[name]) / topic.records * 1e6 for name, pid in pids.items()}
    wall = (state["timestamps"]["FINISHED"] - state["timestamps"]["RUNNING"]) / 1e3
    check(topic, letters)
    # The first run of a JVM compiles its code: a thing of its own. Only of it is the time to a result a cold start's.
    return {"what": "Flink, cold" if started else "Flink, warm", "records_s": round(topic.records / wall),
            "cpu_s_per_million": round(used["jm"] + used["tm"], 3), "broker_cpu_s_per_million": round(used["broker"], 3),
            "database_cpu_s_per_million": round(used["database"], 3), "peak_mib": round(bed.mib(cluster["jm"]) + bed.mib(cluster["tm"])),
            "first_result_s": round(first, 2) if first and started else None, "wall_s": round(wall, 2)}


def check(topic, letters):
    """Flink's job has no flags and no least amount, and drops what is no JSON."""
    wanted = {}
    with topic.truth.open() as file:
        for line in file:
            window, kind, records, _, total, _, most = line.rstrip("\n").split("\t")
            wanted[window, kind] = (records, total, most)
    with store.Store() as db:
        rows = db.rows(f"SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', window_start) DIV 1000, type, cnt, sum_amount, max_amount FROM {TABLE}")
    got = {(window, kind): tuple(row) for window, kind, *row in rows}
    found = feed.letters(letters)
    others = sum(got.get(key) != wanted.get(key) for key in got.keys() | wanted.keys())
    assert not others, f"{others} of {len(wanted)} rows of Flink's differ from the truth"
    twice = found["duplicates"] and GUARANTEE == "exactly-once"
    assert found["distinct"] == topic.totals["negative"] and not twice, (found, topic.totals)
