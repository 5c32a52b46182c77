#!/usr/bin/env python3
"""Runs the guest programs of tests/guests natively and under fred, and compares. When all of them are run, it also
checks that they exercise every row of the system-call table (call_coverage.py).

A guest's header comment may carry directives, one per line:
  // args: A B               arguments; {dir} is the folder of the built guest
  // stdin: TEXT             standard input, one line (repeat for more); none: /dev/null
  // modes: run verify       only these modes of run, record, verify
  // skip-if-no: avx512f     a flag of /proc/cpuinfo that the program needs
  // engine: --cpu=native    options for fred
  // nondeterministic        only the status is compared
  // status: -11             what the native run must give (default 0; -N: death by signal N)
  // expect: TEXT            under fred the output is this (repeat for more lines), status 0, not as natively
  // fred-line: TEXT         fred must print a line that starts "fred: TEXT"
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import harness
from call_coverage import Coverage
from harness import MODES, Outcome, Result

HERE = Path(__file__).resolve().parent
SOURCES = (".c", ".cpp", ".S")
DIRECTIVES = {"args", "status", "stdin", "modes", "skip-if-no", "engine", "nondeterministic", "expect", "fred-line"}


@dataclasses.dataclass
class Guest:
    name: str
    program: Path
    directives: dict[str, list[str]]

    def words(self, key: str) -> list[str]:
        return [w.replace("{dir}", str(self.program.parent))
                for text in self.directives.get(key, []) for w in harness.parse_words(text)]

    def stdin(self) -> bytes | None:
        lines = self.directives.get("stdin")
        return None if lines is None else "".join(line + "\n" for line in lines).encode()

    def modes(self) -> list[str]:
        return self.words("modes") or list(MODES)


def read_directives(source: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in source.read_text().splitlines():
        if not line.startswith("//"):
            break
        key, _, value = line[2:].strip().partition(":")
        if key in DIRECTIVES:
            found.setdefault(key, []).append(value.strip())
    return found


def find_guests(built: Path, patterns: Sequence[str]) -> list[Guest]:
    guests = []
    for source in sorted((HERE / "guests").rglob("*")):
        name = str(source.relative_to(HERE / "guests").with_suffix(""))
        if source.suffix not in SOURCES or source.name.startswith("plugin_"):
            continue
        if not patterns or any(p in name for p in patterns):
            guests.append(Guest(name, built / name, read_directives(source)))
    return guests


def processor_flags() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


def run_native(guest: Guest, timeout: float) -> Outcome:
    return harness.execute([str(guest.program), *guest.words("args")], stdin=guest.stdin(), timeout=timeout)


def native_problems(guest: Guest, outcome: Outcome) -> list[str]:
    expected = int(guest.directives.get("status", ["0"])[0])
    if outcome.status != expected:
        return [f"natively: status {outcome.status}, expected {expected}", *outcome.problems]
    failed = [line.decode(errors="replace") for line in outcome.stdout.splitlines() if b"FAIL" in line]
    return [f"natively: {line}" for line in outcome.problems + failed[:5]]


def check_native(guest: Guest, timeout: float) -> Result:
    first, second = run_native(guest, timeout), run_native(guest, timeout)
    problems = native_problems(guest, first)
    if first.status != second.status:
        problems.append(f"status {first.status}, then {second.status}")
    if "nondeterministic" not in guest.directives:
        problems += harness.first_difference("stdout", first.stdout, second.stdout)
        problems += harness.first_difference("stderr", first.stderr, second.stderr)
    return Result(guest.name, "failed" if problems else "passed", problems or [f"status {first.status}"])


def check_under_fred(guest: Guest, fred: Path, modes: Sequence[str], options: Sequence[str], timeout: float,
                     coverage: Coverage | None) -> Result:
    native = run_native(guest, timeout)
    problems = native_problems(guest, native)
    if problems:
        return Result(guest.name, "failed", problems)
    if "expect" in guest.directives:
        text = "".join(line + "\n" for line in guest.directives["expect"])
        native = dataclasses.replace(native, stdout=text.encode(), stderr=b"", status=0)
    last: list[str] = []
    for mode in guest.modes():
        if mode not in modes:
            continue
        with tempfile.TemporaryDirectory(prefix="log-") as folder:
            kept = [f"--keep-log={folder}/log"] if coverage and mode == "record" else []
            command = harness.fred_command(fred, mode, [*options, *guest.words("engine"), *kept],
                                           [str(guest.program), *guest.words("args")])
            outcome = harness.execute(command, stdin=guest.stdin(), timeout=timeout)
            if coverage and kept:
                problems += coverage.add(Path(folder) / "log")
        differences = harness.compare(native, outcome, mode, output="nondeterministic" not in guest.directives,
                                      fred_lines=guest.directives.get("fred-line", []))
        problems += [f"{mode}: the same"] if differences and differences == last else [f"{mode}: {x}" for x in differences]
        last = differences
    return Result(guest.name, "failed" if problems else "passed", problems)


def check(guest: Guest, flags: set[str], options: argparse.Namespace, coverage: Coverage | None) -> Result:
    missing = [f for f in guest.words("skip-if-no") if f not in flags]
    if missing:
        return Result(guest.name, "skipped", [f"processor has no {' '.join(missing)}"])
    if not guest.program.exists():
        return Result(guest.name, "failed", [f"not built: {guest.program}"])
    if options.native_only:
        return check_native(guest, options.timeout)
    return check_under_fred(guest, options.fred, options.modes.split(","),
                            harness.parse_words(options.engine_options), options.timeout, coverage)


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the guest programs natively and under fred, and compares.")
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="build folder")
    parser.add_argument("--fred", type=Path, help="the fred program (default: BUILD/bin/fred)")
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only names that contain it")
    parser.add_argument("--modes", default=",".join(MODES), help="comma-separated, of run,record,verify")
    parser.add_argument("--engine-options", metavar="OPTIONS", help="passed to fred run and fred record")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run each guest N times")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="limit of one run")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--native-only", action="store_true", help="only natively, twice: checks the guests themselves")
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed as well")
    options = parser.parse_args()
    options.fred = (options.fred or options.build / "bin" / "fred").resolve()
    guests = find_guests(options.build.resolve() / "tests" / "guests", options.filter)
    if options.list:
        print("\n".join(guest.name for guest in guests))
        return 0
    if not options.native_only and not options.fred.exists():
        print(f"no {options.fred}: build it first (./dev build)", file=sys.stderr)
        return 2
    harness.become_subreaper()
    flags = processor_flags()
    whole = not (options.filter or options.native_only or options.engine_options) and "record" in options.modes
    coverage = Coverage(options.fred) if whole else None
    tasks: list[Callable[[], Result]] = [partial(check, guest, flags, options, coverage) for guest in guests]
    return harness.report(options.jobs, tasks * options.repeat, options.verbose,
                          afterwards=[coverage.result] if coverage else [])


if __name__ == "__main__":
    sys.exit(main())
