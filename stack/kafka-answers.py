"""kafka-answers.py PORT: exits 0 when the broker on 127.0.0.1:PORT names a live broker in its metadata.

Kafka's own tools would do as a probe, but a JVM a try costs two seconds on a busy machine."""
import socket
import struct
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2) as s:
    s.settimeout(5)
    request = struct.pack(">hhih5si", 3, 1, 1, 5, b"stack", 0)  # Metadata, version 1, correlation 1, no topics
    s.sendall(struct.pack(">i", len(request)) + request)
    answer = b""
    while len(answer) < 12:
        part = s.recv(4096)
        if not part:
            sys.exit("the broker closed the connection")
        answer += part
    _size, correlation, brokers = struct.unpack(">iii", answer[:12])
    if correlation != 1:
        sys.exit("what answers is no broker")
    sys.exit(0 if brokers > 0 else "no broker is alive yet")
