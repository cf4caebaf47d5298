"""Runs the embedded PostgreSQL and ends it when its owner is gone. A program of its own, not to be imported.

Usage: embedded_postgres_guard.py SOCKET_FOLDER COMMAND...
Standard input is a pipe whose other end only the owner holds. The system closes that end however the owner dies, also
by `kill -9`, where no exit handler runs. SOCKET_FOLDER is removed at the end where it is not empty text.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

PATIENCE_WHEN_ASKED_S = 60.0
PATIENCE_WHEN_ORPHANED_S = 2.0
# An immediate shutdown kills what does not end within 5 s by itself.
PATIENCE_AFTER_QUIT_S = 6.0


def end_with_owner(server: subprocess.Popen[bytes]) -> None:
    """Wait for the owner's word or death, then stop the server: with a checkpoint if that can be had in time."""
    asked = os.read(0, 1) != b""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(PATIENCE_WHEN_ASKED_S if asked else PATIENCE_WHEN_ORPHANED_S)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        try:
            server.wait(PATIENCE_AFTER_QUIT_S)
        except subprocess.TimeoutExpired:
            server.kill()


def remove(socket_folder: str) -> None:
    """Remove the folder with what a killed server left in it."""
    with suppress(OSError):
        for name in os.listdir(socket_folder):
            os.unlink(os.path.join(socket_folder, name))
        os.rmdir(socket_folder)


def main() -> int:
    """Run the command until it ends; answers its exit status."""
    socket_folder, *command = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The pipe alone decides. A handler, since the server would inherit "ignore".
        signal.signal(number, lambda *_: None)
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=end_with_owner, args=(server,), daemon=True).start()
    status = server.wait()
    if socket_folder:
        remove(socket_folder)
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main())
