"""A steady flow of records, and when each was sent."""
import bisect
import json
import os
import subprocess

import bed


class Flow:
    """Record i goes to partition i modulo their number, so the n-th record of partition p is record n * partitions + p."""

    def __init__(self, topic, partitions, rate, seconds, rejected=0, flagged=0):
        """`rejected` and `flagged`: per mille of the records; with `rejected` fewer are visible in `risk_stats` than were sent."""
        self.partitions = partitions
        self.log = bed.TARGET / f"{topic}.log"
        self.child = subprocess.Popen([bed.RELEASE / "flow", "--brokers", os.environ["WEIR_BROKERS"], "--topic", topic, "--rate", str(rate),
                                       "--seconds", str(seconds), "--log", self.log, "--rejected", str(rejected),
                                       "--flagged", str(flagged)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ends(self):
        return self.child.poll() is not None

    def finish(self):
        """Ends it, if its time is not over: it goes on until its input ends."""
        said, _ = self.child.communicate(timeout=120)
        assert self.child.returncode == 0, "flow failed"
        ticks = [tuple(map(int, line.split(","))) for line in self.log.read_text().splitlines()]
        self.times, self.totals = [at / 1e6 for at, _ in ticks], [total for _, total in ticks]
        told = json.loads(said)
        self.records, self.rejected, self.flagged = told["records"], told["rejected"], told["flagged"]
        assert self.records == self.totals[-1]
        return self

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def sent_at(self, partition, n):
        """Epoch seconds at which the n-th record of a partition was given to the client; None: it was not."""
        tick = bisect.bisect_right(self.totals, n * self.partitions + partition)
        return self.times[tick] if tick < len(self.times) else None

    def count(self, partition):
        return (self.records - partition + self.partitions - 1) // self.partitions


def quantiles(values):
    """Of seconds, in milliseconds."""
    values = sorted(values)
    at = lambda share: round(values[min(len(values) - 1, int(len(values) * share))] * 1e3, 1)  # noqa: E731
    return {"p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "max_ms": round(values[-1] * 1e3, 1)}
