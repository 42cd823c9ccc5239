"""Topics, what is in them, and the truth about it."""
import json
import os
import subprocess

import bed


class Topic:
    def __init__(self, name, partitions, truth, totals):
        self.name, self.partitions, self.truth, self.totals = name, partitions, truth, totals
        self.records = totals["records"]


def kafka(tool, *args):
    subprocess.run(["stack/kafka", tool, "--bootstrap-server", os.environ["WEIR_BROKERS"], *args], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def create(name, partitions=4, **settings):
    """`settings`: of the topic, as Kafka names them with `_` for `.`."""
    set_to = [text for key, value in settings.items() for text in ("--config", f"{key.replace('_', '.')}={value}")]
    kafka("TopicCommand", "--create", "--topic", name, "--partitions", str(partitions), "--replication-factor", "1", *set_to)
    return name


def delete(*names):
    """Its files go a minute later."""
    for name in names:
        kafka("TopicCommand", "--delete", "--topic", name)


def fill(name, records, seed, partitions=4, **options):
    """A topic of its own; options as `fill --help` has them."""
    create(name, partitions)
    truth = bed.TARGET / f"{name}.truth"
    more = [text for key, value in options.items() if value is not False
            for text in (f"--{key.replace('_', '-')}", *(() if value is True else (str(value),)))]
    said = subprocess.run([bed.RELEASE / "fill", "--brokers", os.environ["WEIR_BROKERS"], "--topic", name, "--records", str(records),
                           "--seed", str(seed), "--truth", truth, *more], check=True, stdout=subprocess.PIPE, text=True)
    return Topic(name, partitions, truth, json.loads(said.stdout))


def letters(topic):
    """What a consumer finds that reads committed records only."""
    said = subprocess.run([bed.RELEASE / "letters", os.environ["WEIR_BROKERS"], topic], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(said.stdout)
