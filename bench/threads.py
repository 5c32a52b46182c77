#!/usr/bin/env python3
"""What threads cost: kernels/threads.cpp natively on one processor, and recorded; each with what it is allowed.

The programs measure themselves, so that starting them and fred is not in it. Of several runs the fastest counts, natively
and recorded alike: what disturbs a run makes it slower. Of the recorded run there is also the processor's time, with that
of starting: where other work keeps the machine busy it says more.
"""

from __future__ import annotations

import dataclasses
import os
import resource
import sys

from rows import arguments, checked

TIMEOUT = 120.0


@dataclasses.dataclass(frozen=True)
class Row:
    """`words` are the program's arguments. Of `most` and `factor` one is given: seconds, or times `base`, which is the
    native run if it is None."""

    what: str
    words: str
    most: float | None = None
    factor: float | None = None
    options: str = ""
    base: str | None = None


ROWS = (
    Row("1,500 threads created and joined", "create 1500", most=0.5),
    Row("20,000 hand-overs by a condition variable (10 µs each)", "hand-over 20000", most=0.2),
    Row("a wait of 0.2 s by spinning", "spin 200", most=0.5),
    Row("2,000 hand-overs by spinning with pause", "pauses 2000", most=0.05),
    Row("2,000 hand-overs by spinning without", "spins 2000", most=0.1),
    Row("2,000 barriers of OpenMP, 2 threads", "barriers 2000", most=0.1),
    Row("2 threads, short critical sections", "sections 2", factor=2.5),
    Row("8 threads, short critical sections", "sections 8", factor=2.5),
    Row("a queue of 64, 200,000 values", "queue 200000", factor=2.5),
    Row("a pool of 4 threads, 10,000 tasks", "pool 10000", factor=2.5),
    Row("computing among 32 threads that wait", "idle 32", factor=1.05, base="idle 0"),
    Row("the same among 63, a snapshot every 20 ms", "idle 63", factor=1.10, options="--snapshot-every=20", base="idle 0"),
)


def seconds_of(command: list[str], native: bool) -> tuple[float, float]:
    """What the program says, and the processor's time. Natively on one processor: more of them is not what fred can be compared with."""
    pin = (lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})) if native else None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = checked(command, TIMEOUT, before=pin)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(output.split()[0]), after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> int:
    options = arguments("Prints what threads cost.", 5)
    program, fred = str(options.build / "bench/threads"), str(options.build / "bin/fred")
    over = 0
    print("| what | native | recorded | processor | allowed | |\n|---|--:|--:|--:|--:|---|")
    for row in ROWS:
        if options.filter not in row.what:
            continue
        record = [fred, "record", *row.options.split(), "--", program]
        native: list[float] = []
        recorded: list[tuple[float, float]] = []
        base: list[float] = []
        for _ in range(options.runs):  # in turn: what else the machine does meets all of them
            native.append(seconds_of([program, *row.words.split()], True)[0])
            recorded.append(seconds_of([*record, *row.words.split()], False))
            if row.base:
                base.append(seconds_of([*record, *row.base.split()], False)[0])
        allowed = row.most if row.factor is None else row.factor * min(base or native)
        assert allowed is not None
        fastest = min(seconds for seconds, _ in recorded)
        missed = fastest > allowed
        over += missed
        limit = f"{allowed:.3f} s" + (f" ({row.factor:g} × {row.base or 'native'})" if row.factor else "")
        print(f"| {row.what} | {min(native):.3f} s | {fastest:.3f} s | {min(cpu for _, cpu in recorded):.3f} s | {limit} "
              f"| {'missed' if missed else 'ok'} |", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
