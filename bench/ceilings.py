"""The least that a reader of the topic can do, as a process of its own."""
import json
import os
import subprocess

import bed

MODES = ("2x-batch-bytes", "2x-batch-parse")


def read(topic, mode):
    broker = bed.pid_of("kafka")
    before = bed.cpu(broker)
    child = subprocess.Popen([bed.RELEASE / "ceiling", os.environ["WEIR_BROKERS"], topic.name, mode], stdout=subprocess.PIPE, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    assert child.returncode == 0, f"ceiling {mode} failed"
    said, totals = json.loads(said), topic.totals
    assert said["records"] == topic.records, said
    if mode.endswith("parse"):
        assert said["parsed"] == topic.records - totals["malformed"], (said, totals)
    millions = topic.records / 1e6
    return {"what": mode, "records_s": round(topic.records / said["wall_s"]),
            "cpu_s_per_million": round((usage.ru_utime + usage.ru_stime) / millions, 3),
            "broker_cpu_s_per_million": round((bed.cpu(broker) - before) / millions, 3), "peak_mib": usage.ru_maxrss // 1024,
            "wall_s": round(said["wall_s"], 2)}
