#!/usr/bin/env python3
"""What processes cost: kernels/processes.cpp and a compiler driver, natively and recorded, each with what it is allowed.

Of several runs, in turn, the fastest counts, natively and recorded alike: what disturbs a run makes it slower.
"""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rows import arguments, checked

TIMEOUT = 300.0


@dataclasses.dataclass(frozen=True)
class Row:
    """`command`: {kernel} measures itself, anything else is timed from outside. One limit is given: seconds for
    each of the `count`, seconds for each above the native ones, or times the native run."""

    what: str
    command: tuple[str, ...]
    count: int
    beside: tuple[str, ...] = ()  # natively, from before the run to its end; says a line when it is ready
    most: float | None = None
    above: float | None = None
    factor: float | None = None


ROWS = (
    Row("fork, execute /bin/true and wait, each", ("{kernel}", "spawn", "20"), 20, above=0.015),
    Row("gcc -c of a small file, 40 times", ("sh", "-c", "for i in $(seq 40); do gcc -c -o unit.o unit.c || exit 1; done"), 1, factor=8),
    Row("a byte to another process and back, each", ("{kernel}", "ping-pong", "5000"), 5000, most=0.00002),
    Row("the same, with 16 KiB of shared memory", ("{kernel}", "ping-pong", "3000", "16"), 3000, most=0.00015),
    Row("the same, with 128 MiB of it in use", ("{kernel}", "ping-pong", "1000", "131072"), 1000, most=0.0005),
    Row("an access to memory that an unrecorded process writes", ("{foreign}", "access", "memory", "100000"), 200_000,
        ("{foreign}", "hold", "memory"), most=0.000003),
    Row("computing beside such memory", ("{foreign}", "beside", "memory", "1000"), 1, ("{foreign}", "hold", "memory"), factor=4),
)


def seconds_of(command: list[str], folder: str, itself: bool) -> float:
    begin = time.perf_counter()
    output = checked(command, TIMEOUT, folder)
    seconds = time.perf_counter() - begin
    return float(output.split()[0]) if itself else seconds


@contextlib.contextmanager
def running(command: list[str], folder: str) -> Iterator[None]:
    if not command:
        yield
        return
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    with process:
        process.stdout.readline()
        yield
        process.stdin.close()


def text(seconds: float) -> str:
    return f"{seconds:.3f} s" if seconds >= 1 else f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


def main() -> int:
    options = arguments("Prints what processes cost.", 3)
    build = options.build.resolve()
    missed = False
    print("| what | native | recorded | allowed | |\n|---|--:|--:|--:|---|")
    for row in ROWS:
        if options.filter not in row.what:
            continue
        programs = {"{kernel}": str(build / "bench/processes"), "{foreign}": str(build / "bench/foreign")}
        command = [programs.get(word, word) for word in row.command]
        beside = [programs.get(word, word) for word in row.beside]
        itself = row.command[0] in programs
        native, recorded = [], []
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "unit.c").write_text("int unit(int x) { return x + 1; }\n")
            for _ in range(options.runs):
                with running(beside, folder):
                    native.append(seconds_of(command, folder, itself))
                    recorded.append(seconds_of([str(build / "bin/fred"), "record", "--", *command], folder, itself))
        base, got = min(native) / row.count, min(recorded) / row.count
        if row.most is not None:
            allowed, why = row.most, "absolute"
        elif row.above is not None:
            allowed, why = base + row.above, f"native + {text(row.above)}"
        else:
            assert row.factor is not None
            allowed, why = base * row.factor, f"{row.factor:g} × native"
        missed |= got > allowed
        print(f"| {row.what} | {text(base)} | {text(got)} | {text(allowed)}, {why} | {'missed' if got > allowed else 'ok'} |",
              flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
