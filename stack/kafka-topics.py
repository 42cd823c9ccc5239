"""kafka-topics.py PORT PARTITIONS TOPIC...: makes the topics that are not there on the broker on 127.0.0.1:PORT.

Kafka's own tool makes one topic a call, and a JVM a call costs two seconds on a busy machine; one JVM for all topics would need a
program of ours, compiled at the start, and costs as much. A client for Python (confluent-kafka, kafka-python) would be one more thing to
install before the stack starts, where Python alone is there. Kafka 4.1 takes versions 2 to 7 of the request; this is version 4."""
import socket
import struct
import sys

ALREADY_EXISTS = 36


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


port, partitions, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
# CreateTopics, version 4, correlation 1: one replica, no assignment, no settings; within a minute, and not only on trial.
topics = b"".join(text(name) + struct.pack(">ihii", partitions, 1, 0, 0) for name in names)
request = struct.pack(">hhi", 19, 4, 1) + text("stack") + struct.pack(">i", len(names)) + topics + struct.pack(">i?", 60_000, False)
with socket.create_connection(("127.0.0.1", port), 5) as s:
    s.settimeout(90)
    s.sendall(struct.pack(">i", len(request)) + request)
    stream = s.makefile("rb")
    (size,) = struct.unpack(">i", stream.read(4))
    answer = stream.read(size)
# Behind the correlation and the time of throttling: each topic's name, error and its words.
at, failed = 12, []
for _ in names:
    (length,) = struct.unpack_from(">h", answer, at)
    name = answer[at + 2 : at + 2 + length].decode()
    error, words = struct.unpack_from(">hh", answer, at + 2 + length)
    at += 2 + length + 4
    if error not in (0, ALREADY_EXISTS):
        failed.append(f"topic {name} could not be made: error {error} {answer[at : at + max(words, 0)].decode()}")
    at += max(words, 0)
if failed:
    sys.exit("\n".join(failed))
