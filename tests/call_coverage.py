"""Is every row of the system-call table exercised by some guest?

A row must be called at least once, and, unless it only refuses, succeed at least once. Rows that cannot are in
guests/calls_without_success.txt, with the reason.
"""

from __future__ import annotations

import collections
import dataclasses
import subprocess
import threading
from pathlib import Path

from harness import Result

TABLE = Path(__file__).resolve().parent / "guests" / "calls_without_success.txt"


@dataclasses.dataclass
class Row:
    name: str
    cls: str  # walked, handled, refused, absent
    made: int
    succeeded: int


class Coverage:
    """Adds up the recordings of many guests."""

    def __init__(self, fred: Path) -> None:
        self._fred = fred
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}

    def add(self, log: Path) -> list[str]:
        """What is wrong with this recording, if anything."""
        dump = subprocess.run([self._fred, "dump", "--calls", log], capture_output=True, text=True)
        if dump.returncode:
            return [f"fred dump --calls: {dump.stderr.strip()}"]
        with self._lock:
            for line in dump.stdout.splitlines():
                _, name, cls, made, succeeded = line.split()
                row = self._rows.setdefault(name, Row(name, cls, 0, 0))
                row.made += int(made)
                row.succeeded += int(succeeded)
        return []

    def result(self) -> Result:
        reasons = read_table()
        problems = [f"{name}: listed in {TABLE.name} without a row" for name in reasons if name not in self._rows]
        for row in self._rows.values():
            kind = reasons.get(row.name)
            if row.made == 0:
                problems.append(f"{row.name}: no guest calls it")
            elif row.cls in ("walked", "handled") and row.succeeded == 0 and kind is None:
                problems.append(f"{row.name}: {row.made} calls, none succeeds, and {TABLE.name} gives no reason")
            elif row.succeeded != 0 and kind == "never":
                problems.append(f"{row.name}: succeeds, but {TABLE.name} says that it never does")
        counts = collections.Counter(row.cls for row in self._rows.values() if row.succeeded or row.cls == "refused")
        text = ", ".join(f"{n} {cls}" for cls, n in sorted(counts.items()))
        return Result("coverage of the system-call table", "failed" if problems else "passed", problems or [text])


def read_table() -> dict[str, str]:
    """The name of a row to never or maybe."""
    found: dict[str, str] = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            kind, names, _ = (part.strip() for part in line.split("|"))
            found |= {name: kind for name in names.split()}
    return found
