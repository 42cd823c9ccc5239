"""What the figures were taken on."""
import os
import pathlib
import re
import subprocess

import bed


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=bed.ROOT).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def found(pattern, text):
    match = re.search(pattern, text or "")
    return match[1] if match else text


def second(text):
    """`rustc 1.95.0 (…)`: the version."""
    return found(r"^\S+ (\S+)", text)


def machine():
    cpu = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {"cpu": cpu[1] if cpu else None, "cores": os.cpu_count(), "memory_gib": round(int(memory[1]) / (1 << 20), 1),
            "kernel": os.uname().release}


def versions():
    kafka = [jar.name for jar in pathlib.Path(os.environ["KAFKA_LIBS"]).glob("kafka-clients-*.jar")]
    lock = (bed.ROOT / "Cargo.lock").read_text()
    librdkafka = re.search(r'name = "rdkafka-sys"\nversion = "[^"+]*\+?([^"]*)"', lock)
    return {"weir": bed.commit(), "rustc": second(said("rustc", "--version")), "kafka": kafka[0][len("kafka-clients-"):-len(".jar")] if kafka else None,
            "librdkafka": librdkafka[1] if librdkafka else None, "mariadb": found(r"Ver (\S+)", said("mariadbd", "--version")), "java": second(said("java", "--version"))}
