"""A worker in a process of its own, to be killed: notes each message in a file, and whether it works.

`python -m tests.infra.faust_process SERVERS GROUP TOPIC FILE SECONDS_A_MESSAGE`
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from infra.broker import Received
from infra.faust_worker import FaustWorker
from infra.kafka import KafkaBroker


def main(servers: str, group: str, topic: str, file: str, seconds: str) -> None:
    notes = os.open(file, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())

    def handle(topic: str, received: Received) -> None:
        if received.record.headers["number"] == "fails-once" and not os.path.exists(f"{file}.failed"):
            open(f"{file}.failed", "w").close()
            raise OSError("an engine does not answer")
        os.write(notes, f"{os.getpid()} {received.record.headers['number']}\n".encode())
        time.sleep(float(seconds))

    broker = KafkaBroker(servers)
    worker = FaustWorker(servers, group, [topic], handle, lambda: broker.missing([topic]))
    worker.start()
    told = None
    while not ended.wait(0.05):
        if (now := f"{worker.trouble} lag {worker.lag}") != told:
            told = now
            print(now, flush=True)
    worker.stop()
    broker.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
