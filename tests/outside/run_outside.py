#!/usr/bin/env python3
"""Programs that share memory with a process outside the recording.

Each of programs/ is started twice: as a partner, natively, and as the side that fred records. What both write, and how
they end, is what it is where both are native; the recording verifies; and fred says once that somebody outside writes.
Some begin with the partner, some without; some under random schedules, or with snapshots. Then a process is attached to
that shares memory with its child, and a session goes back to where a value from outside was seen.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import harness  # noqa: E402
from harness import Outcome, Result  # noqa: E402

LONGEST = 200.0
ALONE_SECONDS = 0.5  # how long `late` computes before its partner comes
WARNING = re.compile(rb"fred: process \d+ \([^)]*\) is not recorded and writes to memory of this program: "
                     rb"each access to it is logged, which is slow")


@dataclasses.dataclass
class Case:
    """A program, the kind of its memory (programs/sides.h), and what else fred is told."""

    program: str
    kind: str = "file"
    options: tuple[str, ...] = ()
    warned: bool = True
    of_shell: bool = False  # what fred starts is a shell, whose child the program is

    @property
    def name(self) -> str:
        return " ".join([self.program, self.kind, *["of a shell"] * self.of_shell, *self.options])

    @property
    def either_first(self) -> bool:
        """Whoever comes first makes the memory, if it has a name and both may write."""
        return self.kind in ("file", "posix") and self.program != "read_only"


CASES = [
    *(Case("messages", kind) for kind in ("file", "posix", "sysv", "memfd", "proc_fd")),
    *(Case("read_only", kind) for kind in ("file", "posix", "sysv", "proc_fd")),
    *(Case("counters", kind) for kind in ("file", "memfd")),
    *(Case("locks", kind) for kind in ("file", "sysv")),
    Case("priority_locks"),
    Case("calls"),
    Case("reshaping"),
    Case("truncated"),
    Case("instructions"),
    Case("vectors"),
    Case("vectors", options=("--cpu=native",)),
    Case("threads"),
    Case("interrupted"),
    Case("late"),
    Case("onlooker", warned=False),
    Case("opened", warned=False),
    Case("messages", of_shell=True),
]
# Of each case the runs take turns with these.
VARIATIONS = ((), ("--chaos={seed}",), ("--snapshot-every=50",))


@dataclasses.dataclass
class Context:
    build: Path
    runs: int
    natively: bool

    def program(self, name: str) -> Path:
        return self.build / "tests/outside" / name


class Partner:
    """The side that is never recorded. It is ended if the other one has ended and it does not."""

    def __init__(self, command: list[str], comes: Callable[[Path], bool]) -> None:
        self._command, self._comes = command, comes
        self._process: subprocess.Popen[bytes] | None = None
        self._waiter: threading.Thread | None = None
        self._enough = threading.Event()

    def begin(self, folder: Path) -> None:
        """At once, or later, when `comes` says so of the folder."""
        if self._comes(folder):
            self._start(folder)
        else:
            self._waiter = threading.Thread(target=self._start_later, args=(folder,))
            self._waiter.start()

    def _start_later(self, folder: Path) -> None:
        while not self._comes(folder):
            if self._enough.wait(0.002):
                return
        self._start(folder)

    def _start(self, folder: Path) -> None:
        with harness.spawn_lock:
            self._process = subprocess.Popen(self._command, cwd=folder, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
            harness.children.add(self._process.pid)

    def end(self) -> tuple[bytes, int | None]:
        """What it wrote, and how it ended; None: it did not."""
        self._enough.set()
        if self._waiter is not None:
            self._waiter.join()
        if self._process is None:
            return b"", None
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(harness.GRACE_SECONDS)
        harness.end_child(self._process)
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            return stdout.read(), status


def shm_file(memory: Path) -> Path:
    """As sides.h names it."""
    return Path("/dev/shm") / ("fred-outside" + str(memory).replace("/", "-"))


def at_once(_folder: Path) -> bool:
    return True


def when_there(memory: Path, _folder: Path) -> bool:
    return memory.exists() or shm_file(memory).exists()


def alone_for_a_while() -> Callable[[Path], bool]:
    """The recorded side has said that it computes, and some time has passed since."""
    since: list[float] = []

    def comes(folder: Path) -> bool:
        said = folder.parent / "stdout"
        if not since and said.exists() and b"alone" in said.read_bytes():
            since.append(time.monotonic())
        return bool(since) and time.monotonic() > since[0] + ALONE_SECONDS

    return comes


@dataclasses.dataclass
class Both:
    """What came out of both sides."""

    recorded: Outcome
    partner_output: bytes
    partner_status: int | None


def run_both(context: Context, case: Case, wrap: Callable[[list[str]], list[str]], recorded_first: bool) -> Both:
    """`wrap` makes the command of the recorded side. Both run in the same folder; the memory is in another one."""
    program = str(context.program(case.program))
    with tempfile.TemporaryDirectory(prefix="outside-") as name:
        memory = Path(name) / "memory"
        comes = partial(when_there, memory) if recorded_first else at_once
        if case.program == "late":
            comes = alone_for_a_while()
        partner = Partner([program, str(memory), "partner", case.kind], comes)
        try:
            command = [program, str(memory), "recorded", case.kind]
            if case.of_shell:
                command = ["/bin/sh", "-c", '"$@"; exit $?', "sh", *command]
            recorded = harness.execute(wrap(command), timeout=LONGEST, prepare=partner.begin, keep_files=False)
        finally:
            output, status = partner.end()
        if shm_file(memory).exists():
            shm_file(memory).unlink()
            recorded.problems.append(f"left behind: {shm_file(memory)}")
        return Both(recorded, output, status)


def natively(command: list[str]) -> list[str]:
    return command


def is_right(both: Both) -> list[str]:
    """What is wrong with both sides of a native run, which say so themselves."""
    problems = list(both.recorded.problems)
    for side, output, status in (("recorded side", both.recorded.stdout, both.recorded.status),
                                 ("partner", both.partner_output, both.partner_status)):
        if status != 0 or not output.endswith(b"ok\n"):
            problems.append(f"natively the {side} ends with {status}: {output[-300:].decode(errors='replace')!r}")
    return problems


def compare(case: Case, native: Both, got: Both) -> list[str]:
    lines = got.recorded.stderr.splitlines(keepends=True)
    warnings = [line for line in lines if WARNING.fullmatch(line.rstrip(b"\n"))]
    others = b"".join(line for line in lines if line not in warnings)
    problems = harness.compare(native.recorded, dataclasses.replace(got.recorded, stderr=others), "verify")
    if len(warnings) != case.warned:
        problems.append(f"{len(warnings)} lines say that somebody outside writes, expected {int(case.warned)}")
    if got.partner_status != native.partner_status:
        problems.append(f"the partner ends with {got.partner_status}")
    return problems + harness.first_difference("the partner's output", native.partner_output, got.partner_output)


def run_case(context: Context, case: Case) -> Result:
    """All runs of a case, up to the first that fails."""
    native = run_both(context, case, natively, False)
    problems = is_right(native)
    seconds = []
    for run in range(context.runs):
        if problems:
            break
        recorded_first = case.either_first and run % 2 == 1
        if context.natively:
            again = run_both(context, case, natively, recorded_first)
            problems = is_right(again)
            problems += harness.first_difference("stdout", native.recorded.stdout, again.recorded.stdout)
            continue
        varied = [option.format(seed=run + 1) for option in VARIATIONS[run % len(VARIATIONS)]]
        wrap = partial(harness.fred_command, context.build / "bin/fred", "verify", [*case.options, *varied])
        begin = time.monotonic()
        problems = compare(case, native, run_both(context, case, wrap, recorded_first))
        seconds.append(time.monotonic() - begin)
        which = " ".join([f"run {run + 1}", *["recorded side first"] * recorded_first, *varied])
        problems = [f"{which}: {p}" for p in problems]
    took = [f"{max(seconds):.1f} s at most"] if seconds else []
    return Result(case.name, "failed" if problems else "passed", problems or took)


@contextlib.contextmanager
def running(command: list[str], folder: Path, said: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to the file `said` in the folder. It is ended if it is still there."""
    with open(folder / said, "wb") as file, harness.spawn_lock:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=folder,
                                   start_new_session=True, env=os.environ | {"TMPDIR": str(folder / "tmp")})
        harness.children.add(process.pid)
    try:
        yield process
    finally:
        harness.end_child(process)


def has_said(process: subprocess.Popen[bytes], said: Path, word: bytes) -> None:
    """Waits until it has, or has ended."""
    while word not in said.read_bytes() and process.poll() is None:
        time.sleep(0.002)


def end_of(process: subprocess.Popen[bytes]) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(LONGEST)
    return None


def attach_once(context: Context, recorded: bool) -> tuple[bytes, list[str]]:
    """What `relatives` writes, and problems. Its file is made once fred has attached."""
    problems = []
    with tempfile.TemporaryDirectory(prefix="outside-") as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        with contextlib.ExitStack() as processes:
            command = [str(context.program("relatives")), str(folder / "attached"), "recorded"]
            process = processes.enter_context(running(command, folder, "output"))
            has_said(process, folder / "output", b"begun")
            if recorded:
                command = [str(context.build / "bin/fred"), "record", "-p", str(process.pid), "--verify"]
                fred = processes.enter_context(running(command, folder, "said"))
                has_said(fred, folder / "said", b"attached")
            (folder / "attached").touch()
            if (status := end_of(process)) != 0:
                problems.append(f"the program ends with {status}")
            if recorded and (status := end_of(fred)) != 0:
                problems.append(f"fred ends with {status}")
        if recorded:
            lines = (folder / "said").read_bytes().splitlines()
            for what, wanted in (("verified", harness.VERIFIED), ("that somebody outside writes", WARNING)):
                if sum(bool(wanted.fullmatch(line)) for line in lines) != 1:
                    problems.append(f"not one line says {what}: {lines}")
        problems += [f"left in TMPDIR: {path.name}" for path in (folder / "tmp").iterdir()]
        return (folder / "output").read_bytes(), problems


def attach(context: Context) -> Result:
    native, problems = attach_once(context, False)
    for run in range(context.runs):
        if problems:
            break
        output, problems = attach_once(context, not context.natively)
        problems += harness.first_difference("stdout", native, output)
        problems = [f"run {run + 1}: {p}" for p in problems]
    return Result("relatives, attached to", "failed" if problems else "passed", problems)


def line_of(mark: str) -> int:
    text = (HERE / "programs/channel.h").read_text().splitlines()
    return next(number for number, line in enumerate(text, 1) if f"// {mark}" in line)


# The number behind the partner's messages, and the first of their bytes.
NUMBER = "shared->channel.question.number"
BYTES = "*(unsigned long*)shared->channel.question.bytes"
SEEN = rf"changed by \S*channel\.h:{line_of('sees the change')} in wait_for_message"
# Commands, and regular expressions for what gdb writes, in that order.
SESSION = [
    (f"break channel.h:{line_of('answers')} if round == 60", r"Breakpoint 1 at"),
    ("run", r"Breakpoint 1, answer "),
    (f"print {NUMBER}", r"\$1 = 60\n"),
    (f"set $bytes = {BYTES}", ""),
    # Back to the statement whose load saw it: that makes the difference.
    (f"reverse-watch {NUMBER}", rf"{re.escape(NUMBER)}: 59 -> 60\n{SEEN}"),
    (f"print {NUMBER}", r"\$2 = 59\n"),
    ("next", ""),
    (f"print {NUMBER}", r"\$3 = 60\n"),
    ("undo", ""),
    (f"print {NUMBER}", r"\$4 = 59\n"),
    (f"last {NUMBER}", rf"{re.escape(NUMBER)}: 58 -> 59\n{SEEN}"),
    # Equal values at equal Times, from either side.
    ("goto 90%", ""),
    (f"set $then = {NUMBER}", ""),
    (f"set $bytes_then = {BYTES}", ""),
    ("goto end", ""),
    (f"print {NUMBER} == 60 && $bytes == {BYTES}", r"\$5 = 1\n"),
    ("goto 90%", ""),
    (f"print {NUMBER} == $then && $bytes_then == {BYTES}", r"\$6 = 1\n"),
    ("goto start", ""),
    ("goto 90%", ""),
    (f"print {NUMBER} == $then && $bytes_then == {BYTES}", r"\$7 = 1\n"),
    # A watchpoint leads back to the load itself: the instruction there makes the difference.
    ("goto end", ""),
    (f"watch {NUMBER}", r"Hardware watchpoint 2"),
    ("reverse-continue", r"Hardware watchpoint 2"),
    ("x/i $pc", r"\(%r\w+\)"),
    (f"print {NUMBER}", r"\$8 = 59\n"),
    ("stepi", ""),
    (f"print {NUMBER}", r"\$9 = 60\n"),
    ("reverse-stepi", ""),
    (f"print {NUMBER}", r"\$10 = 59\n"),
    ("delete 2", ""),
    ("condition 1 round == 20", ""),
    ("goto end", ""),
    ("reverse-continue", r"Breakpoint 1, answer "),
    (f"print {NUMBER} == 20 && round == 20", r"\$11 = 1\n"),
    ("goto start", ""),
    ("continue", r"Breakpoint 1, answer "),
    (f"print {NUMBER} == 20 && round == 20", r"\$12 = 1\n"),
    ("kill", r"Inferior 1 .* killed"),
]


def session(context: Context) -> Result:
    if context.natively:
        return Result("session", "skipped", ["only natively"])
    program = str(context.program("messages"))
    partner = Partner([program, "memory", "partner"], at_once)
    with tempfile.TemporaryDirectory(prefix="outside-") as name:
        command = [str(context.build / "bin/fred-gdb"), "-nx", "-q", "--batch", "-iex", "set debuginfod enabled off"]
        command += [word for line, _ in SESSION for word in ("-ex", line)]
        partner.begin(Path(name))
        try:
            got = subprocess.run([*command, "--args", program, "memory", "recorded"], cwd=name,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 timeout=LONGEST, check=False, env=os.environ | {"TMPDIR": name, "HOME": name})
            said = got.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as expired:
            said = (expired.stdout or b"").decode(errors="replace")
        finally:
            partner.end()
        left = [path.name for path in Path(name).glob("fred-*")]
    if left:
        return Result("session", "failed", [f"left in TMPDIR: {left}"])
    at = 0
    for line, wanted in SESSION:
        found = re.compile(wanted).search(said, at)
        if not found:
            where = [f"after '{line}' no '{wanted}' in {said[at:]!r}", f"before that: {said[:at]!r}"]
            return Result("session", "failed", where)
        at = found.end()
    return Result("session", "passed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--only", "--filter", dest="only", action="append", default=[],
                        help="only cases whose name contains this")
    parser.add_argument("--runs", type=int, default=3, help="of each case (default: %(default)s)")
    parser.add_argument("--natively", action="store_true", help="without fred: are the programs right?")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 2),
                        help="cases at a time; each has two processes that wait for each other (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    harness.become_subreaper()
    context = Context(options.build.resolve(), options.runs, options.natively)
    tasks: dict[str, Callable[[], Result]] = {case.name: partial(run_case, context, case) for case in CASES}
    tasks |= {"relatives": partial(attach, context), "session": partial(session, context)}
    chosen = [task for name, task in tasks.items() if any(word in name for word in options.only or [""])]
    return harness.report(options.jobs, chosen, options.verbose)


if __name__ == "__main__":
    sys.exit(main())
