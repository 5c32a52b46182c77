#!/usr/bin/env python3
"""Prints the benchmark table: each program natively, under `fred run`, `fred record`, and re-executed.

The runs alternate (native, run, record, re-execute, native, ...) so that a machine that slows down slows all of
them; each number is the median. The re-execution's time is the one that `fred record --verify` reports.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

from measure import MODES, NATIVE, RECORD, RUN, VERIFY, Bench, Failed, Run, processor
from programs import KERNEL, REAL, SYSCALLS, Program, all_programs

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 3.0  # no program may take longer than this many times its native run
START_UP_RUNS = 10


@dataclasses.dataclass
class Row:
    """A program's runs by mode; `problems` where one failed."""

    program: Program
    runs: dict[str, list[Run]] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)

    def seconds(self, mode: str) -> float | None:
        return median(r.seconds for r in self.runs[mode]) if self.runs.get(mode) else None

    def ratio(self, mode: str, to: str) -> float | None:
        above, below = self.seconds(mode), self.seconds(to)
        return above / below if above is not None and below else None

    def last(self, mode: str) -> Run | None:
        return self.runs[mode][-1] if self.runs.get(mode) else None

    def call_microseconds(self, mode: str) -> float | None:
        """What a system call costs above the native one."""
        seconds, native, last = self.seconds(mode), self.seconds(NATIVE), self.last(NATIVE)
        if seconds is None or native is None or last is None or not last.calls:
            return None
        return (seconds - native) / last.calls * 1e6


def measure(bench: Bench, program: Program, modes: Sequence[str], count: int) -> Row:
    row = Row(program)
    missing = program.missing(bench.folder)
    if missing:
        row.problems.append(f"not installed: {missing}")
        return row
    program.prepare(bench.folder)
    working = list(modes)
    for _ in range(count):
        for mode in list(working):
            try:
                run = bench.run(program, mode)
            except Failed as failure:
                row.problems.append(f"{mode}: {failure}")
                row.runs.pop(mode, None)
                working.remove(mode)
                continue
            native = row.runs[NATIVE][0] if mode != NATIVE and NATIVE in row.runs else run
            if (run.digest, run.status) != (native.digest, native.status):
                row.problems.append(f"{mode}: output or status differs from the native run's")
            row.runs.setdefault(mode, []).append(run)
    return row


def geometric_mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v]
    return math.exp(sum(map(math.log, known)) / len(known)) if known else None


def number(value: float | None, form: str = "{:.2f}") -> str:
    return "-" if value is None else form.format(value)


def megabytes(row: Row) -> str:
    last = row.last(VERIFY)
    return "-" if last is None else f"{last.log_bytes / 1e6:.1f} MB"


COLUMNS: list[tuple[str, Callable[[Row], str]]] = [
    ("program", lambda row: row.program.name),
    ("native s", lambda row: number(row.seconds(NATIVE), "{:.3f}")),
    ("run s", lambda row: number(row.seconds(RUN), "{:.3f}")),
    ("record s", lambda row: number(row.seconds(RECORD), "{:.3f}")),
    ("re-execute s", lambda row: number(row.seconds(VERIFY), "{:.3f}")),
    ("run/native", lambda row: number(row.ratio(RUN, NATIVE))),
    ("record/native", lambda row: number(row.ratio(RECORD, NATIVE)) + flag(row)),
    ("re-execute/record", lambda row: number(row.ratio(VERIFY, RECORD))),
    ("log", megabytes),
]
WIDTHS = [max(len(title), 30 if i == 0 else 9) for i, (title, _) in enumerate(COLUMNS)]


def flag(row: Row) -> str:
    ratio = row.ratio(RECORD, NATIVE)
    return " !" if row.program.kind != SYSCALLS and ratio is not None and ratio > LIMIT else ""


def line(cells: Sequence[str]) -> str:
    padded = (cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, WIDTHS)))
    return "| " + " | ".join(padded) + " |"


def print_head() -> None:
    print(line([title for title, _ in COLUMNS]))
    print("|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(WIDTHS)) + "|", flush=True)


def mean_line(kind: str, rows: Sequence[Row]) -> str:
    means = {"run/native": (RUN, NATIVE), "record/native": (RECORD, NATIVE), "re-execute/record": (VERIFY, RECORD)}
    cells = [f"geometric mean ({kind}s)"]
    for title, _ in COLUMNS[1:]:
        cells.append(number(geometric_mean(r.ratio(*means[title]) for r in rows)) if title in means else "")
    return line(cells)


def start_up(bench: Bench, count: int) -> dict[str, float] | None:
    """Milliseconds of a program that does nothing, per mode."""
    nothing = Program("true", REAL, ("/bin/true",))
    times: dict[str, list[float]] = {}
    try:
        for _ in range(count):
            for mode in (NATIVE, RUN, RECORD):
                times.setdefault(mode, []).append(bench.run(nothing, mode).seconds)
    except Failed as failure:
        print(f"start-up: {failure}", file=sys.stderr)
        return None
    return {mode: median(t) * 1000 for mode, t in times.items()}


def print_rest(rows: Sequence[Row], starts: dict[str, float] | None) -> None:
    print()
    for row in rows:
        if row.program.kind == SYSCALLS and row.seconds(RECORD) is not None:
            last = row.last(NATIVE)
            whole = (row.seconds(RECORD) or 0) / last.calls * 1e6 if last and last.calls else 0
            print(f"{row.program.name}: a recorded call costs {number(row.call_microseconds(RECORD), '{:.3f}')} µs above "
                  f"the native one, {whole:.3f} µs in all; re-executed "
                  f"{number(row.call_microseconds(VERIFY), '{:.3f}')} µs above")
    if starts:
        print(f"start-up of /bin/true: native {starts[NATIVE]:.1f} ms, run {starts[RUN] - starts[NATIVE]:+.1f} ms, "
              f"record {starts[RECORD] - starts[NATIVE]:+.1f} ms")
    for row in rows:
        for problem in row.problems:
            print(f"{row.program.name}: {problem}")


def save(path: Path, rows: Sequence[Row], starts: dict[str, float] | None) -> None:
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            check=False).stdout.strip()
    result = {
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "commit": commit,
        "processor": processor(),
        "kernel": os.uname().release,
        "start_up_ms": starts,
        "programs": [{
            "name": row.program.name, "kind": row.program.kind, "problems": row.problems,
            "record/native": row.ratio(RECORD, NATIVE), "re-execute/record": row.ratio(VERIFY, RECORD),
            "microseconds_per_call_above_native": row.call_microseconds(RECORD),
            "runs": {mode: [dataclasses.asdict(run) for run in runs] for mode, runs in row.runs.items()},
        } for row in rows],
    }
    path.write_text(json.dumps(result, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prints the benchmark table.")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only programs with it in name or kind")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="runs of each, of which the median counts (3)")
    parser.add_argument("--quick", action="store_true", help="one run of each")
    parser.add_argument("--native", action="store_true", help="only natively")
    parser.add_argument("--modes", metavar="LIST", help=f"comma-separated, of {', '.join(MODES[1:])}")
    parser.add_argument("--engine-options", default="", metavar="OPTIONS", help="passed to fred run and fred record")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also save all runs there")
    parser.add_argument("--inputs", type=Path, metavar="DIR", help="keep the programs' inputs there, or use them")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    build = options.build.resolve()
    fred = build / "bin" / "fred"
    modes = [NATIVE] if options.native else [NATIVE, *(options.modes.split(",") if options.modes else MODES[1:])]
    if not set(modes) <= set(MODES):
        print(f"modes are {', '.join(MODES)}", file=sys.stderr)
        return 2
    if not options.native and not fred.exists():
        print(f"no {fred}: build it first (./dev build), or use --native", file=sys.stderr)
        return 2
    count = 1 if options.quick else options.runs
    chosen = [p for p in all_programs(build / "bench")
              if not options.filter or any(f in p.name or f in p.kind for f in options.filter)]
    with tempfile.TemporaryDirectory(prefix="fred-bench-") as temporary:
        folder = options.inputs.resolve() if options.inputs else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, fred, options.engine_options.split())
        print(f"{processor()}; medians of {count}\n")
        print_head()
        rows = []
        for kind in (KERNEL, SYSCALLS, REAL):
            of_kind = []
            for program in chosen:
                if program.kind == kind:
                    of_kind.append(measure(bench, program, modes, count))
                    print(line([cell(of_kind[-1]) for _, cell in COLUMNS]), flush=True)
            if kind != SYSCALLS and len(of_kind) > 1:
                print(mean_line(kind, of_kind), flush=True)
            rows += of_kind
        starts = None if options.native or options.filter else start_up(bench, START_UP_RUNS)
        print_rest(rows, starts)
        if options.json:
            save(options.json, rows, starts)
    return 1 if any(row.problems for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
