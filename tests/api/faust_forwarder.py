"""A worker of a Faust group, to be killed, whose messages are handled by the test that started it.

`python -m tests.api.faust_forwarder SERVERS GROUP SOCKET`
"""

from __future__ import annotations

import sys
import threading
from multiprocessing.connection import Client

from infra.broker import Received
from infra.faust_worker import FaustWorker
from projections.topic_messages import INPUTS, TICKS


def main(servers: str, group: str, socket: str) -> None:
    with Client(socket, "AF_UNIX") as connection:

        def handle(topic: str, received: Received) -> None:
            connection.send((topic, received))
            if (error := connection.recv()) is not None:
                raise OSError(error)

        worker = FaustWorker(servers, group, [TICKS, INPUTS], handle, list)
        worker.start()
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
