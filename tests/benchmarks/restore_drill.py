"""Loss of everything with a million events, and the restore. Run: python -m tests.benchmarks.restore_drill

Prints RPO and RTO reached against 15 and 60 minutes. The log is generated (tests/generated_log.py): half of its events
are publications of three rows, each read from the object store for itself, as those of many small files are.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.files import machine
from tests.generated_log import MIX
from tests.restore_drill import RPO_S, RTO_S, drill

EVENTS = 1_000_000
MORE = 10_000
"""Events between two backups: some sixteen a second."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=EVENTS)
    arguments.add_argument("--log-only", action="store_true", help="build no read models: a part of the RTO")
    chosen = arguments.parse_args()
    print(machine())
    print("Mix of each hundred events:", ", ".join(f"{count} {name}" for name, count in MIX.items()))
    with tempfile.TemporaryDirectory() as folder:
        done = drill(Path(folder), chosen.events, more=MORE, patience_s=RTO_S, log_only=chosen.log_only)
    print(done)
    return int(done.rpo_s > RPO_S or done.restore_s > RTO_S or bool(done.restored["difference"]))


if __name__ == "__main__":
    sys.exit(main())
