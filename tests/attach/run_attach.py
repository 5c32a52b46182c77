#!/usr/bin/env python3
"""Programs that are attached to while they run: each many times, at random instants.

What a program writes, and how it ends, is what it is without fred, and the recording from that instant on verifies. Some
runs end the recording before the program's end, by Ctrl-C or by killing fred: the program goes on natively. Then each is
attached to and let go several times, and nothing may gather in it. Then scripts of a shell that start programs when they
have been attached to: all of those are verified. Then gdb attaches, goes back and forth, and leaves in several ways. Then
what cannot be attached to: one clear line, and the program goes on unharmed.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import pwd
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import harness  # noqa: E402

PROGRAMS = ("arithmetic", "memory", "signals", "threads", "vectors", "sharing", "execute", "prefork")
STARTING = ("sharing", "execute", "prefork")  # those that start processes all the time
LONGEST = 120.0
MOST_DESCRIPTORS = 64  # more than any of the programs has
DETACHED = re.compile(r"fred: the recording ends; process \d+ goes on natively")


@dataclasses.dataclass
class Ended:
    output: bytes
    status: int
    seconds: float = 0.0


@contextlib.contextmanager
def running(program: Path, folder: Path, *words: str, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    """The program, whose output goes to folder/output. It is ended if it is still there."""
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen([program, *words], stdout=output, cwd=folder, start_new_session=True,
                                   **({"stdin": subprocess.DEVNULL} | how))
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def natively(program: Path) -> Ended:
    with tempfile.TemporaryDirectory() as name:
        begin = time.monotonic()
        with running(program, Path(name)) as process:
            status = process.wait(LONGEST)
        return Ended((Path(name) / "output").read_bytes(), status, time.monotonic() - begin)


def compare(native: Ended, folder: Path, status: int) -> list[str]:
    problems = [] if status == native.status else [f"the program ended with {status}, natively with {native.status}"]
    if (folder / "output").read_bytes() != native.output:
        problems.append("the program wrote something else than natively")
    return problems


def wait_until(is_so: Callable[[], object], seconds: float = LONGEST) -> bool:
    """Looks again and again. False: it was not so in time."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def facts_of(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """The lines of /proc/PID/status; none if it has ended."""
    try:
        text = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return {}
    facts = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return {} if process.poll() is not None or facts["State"].startswith("Z") else facts


def descriptors_left(process: subprocess.Popen[bytes]) -> list[str]:
    with contextlib.suppress(OSError):  # it ends meanwhile
        left = [fd.name for fd in Path(f"/proc/{process.pid}/fd").iterdir() if int(fd.name) >= MOST_DESCRIPTORS]
        return [f"the engine has left descriptors open: {left}"] if left else []
    return []


seen_native: set[str] = set()  # programs that were looked at when they had become native again


def native_again(program: Path, process: subprocess.Popen[bytes]) -> list[str]:
    """Waits until no signal is the engine's (which catches SIGTRAP, as none of the programs does), unless it ends."""
    def is_native() -> bool:
        facts = facts_of(process)
        return not facts or not int(facts["SigCgt"], 16) >> (signal.SIGTRAP - 1) & 1

    if not wait_until(is_native, harness.GRACE_SECONDS):
        return ["the program is still under its engine"]
    if facts_of(process):
        seen_native.add(program.name)
    # The last descriptor is closed when the engine's memory has gone.
    return descriptors_left(process) if not wait_until(lambda: not descriptors_left(process), harness.GRACE_SECONDS) else []


def wait_until_attached(folder: Path, tracer: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: b"attached" in (folder / "err").read_bytes() or tracer.poll() is not None)


def attach_once(fred: Path, program: Path, native: Ended, seed: int) -> list[str]:
    """Problems. Of five runs the fourth ends the recording by Ctrl-C, the fifth kills fred; some programs are others'."""
    chance = random.Random(f"{program.name} {seed}")
    end = {3: signal.SIGINT, 4: signal.SIGKILL}.get(seed % 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        user = {"user": "nobody"} if os.geteuid() == 0 and seed % 7 == 2 else {}
        with running(program, folder, **user) as process, open(folder / "err", "wb") as err:
            time.sleep(chance.uniform(0.02, 0.4) * native.seconds)  # the random instant
            tracer = subprocess.Popen([fred, "record", "-p", str(process.pid), "--verify"], stderr=err,
                                      stdin=subprocess.DEVNULL, env=os.environ | {"TMPDIR": str(folder / "tmp")},
                                      start_new_session=True)
            if end is not None:
                wait_until_attached(folder, tracer)
                time.sleep(chance.uniform(0.0, 0.2) * native.seconds)
                tracer.send_signal(end)
            tracer_status = tracer.wait(LONGEST)
            problems = native_again(program, process) if end is not None else []
            status = process.wait(LONGEST)
        problems += compare(native, folder, status)
        said = (folder / "err").read_text(errors="replace")
        if end != signal.SIGKILL:
            if tracer_status != 0 or not harness.VERIFIED.search(said.encode()):
                problems.append(f"fred ended with {tracer_status}: {said.strip()!r}")
            if end is None and program.name in STARTING and " processes\n" not in said:
                problems.append(f"nothing that it started is recorded: {said.strip()!r}")
            if end == signal.SIGINT and status == native.status and not DETACHED.search(said):
                problems.append(f"no line that the recording ends: {said.strip()!r}")
        # The cleaner of a killed fred is at work.
        if not wait_until(lambda: not list((folder / "tmp").iterdir()), harness.GRACE_SECONDS):
            problems.append(f"left in TMPDIR: {list((folder / 'tmp').iterdir())}")
    return problems


ROUNDS = 3
# In a mapping's line; the last is the engine's state window. (What fred keeps for the program itself has other names.)
OF_ENGINE = re.compile(r"fred-(engine|processes|remains)|/events|libZydis|^00010000-")
MOST_NEW_MAPPINGS = 12  # that a program makes by itself from one round to another; an engine has some 40


def attach_again(fred: Path, program: Path, native: Ended, seed: int) -> list[str]:
    """Attaches, verifies and lets go, several times. What an engine leaves in the program is gone with the next one."""
    chance = random.Random(f"again {program.name} {seed}")
    problems: list[str] = []
    counts: list[int] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(program, folder) as process:
            for number in range(ROUNDS):
                time.sleep(chance.uniform(0.02, 0.1) * native.seconds)  # the random instant
                with open(folder / "err", "wb") as err:
                    tracer = subprocess.Popen([fred, "record", "-p", str(process.pid), "--verify"], stderr=err,
                                              stdin=subprocess.DEVNULL, env=os.environ | {"TMPDIR": name},
                                              start_new_session=True)
                    wait_until_attached(folder, tracer)
                    time.sleep(chance.uniform(0.0, 0.1) * native.seconds)
                    tracer.send_signal(signal.SIGINT)
                    tracer_status = tracer.wait(LONGEST)
                said = (folder / "err").read_text(errors="replace")
                if tracer_status != 0 or not harness.VERIFIED.search(said.encode()):
                    problems.append(f"round {number}: fred ended with {tracer_status}: {said.strip()!r}")
                if not DETACHED.search(said):
                    break  # the program has ended
                maps = Path(f"/proc/{process.pid}/maps").read_text().splitlines() if facts_of(process) else []
                left = [line for line in maps if OF_ENGINE.search(line)]
                if len(left) > 1 or any("fred-remains" not in line for line in left):
                    problems.append(f"round {number}: of the engine there is still {left}")
                counts += [len(maps)] if maps else []
                problems += descriptors_left(process)
            status = process.wait(LONGEST)
        problems += compare(native, folder, status)
    if counts and max(counts) > counts[0] + MOST_NEW_MAPPINGS:
        problems.append(f"mappings gather in the program: {counts}")
    return problems


@dataclasses.dataclass
class Script:
    """Of a shell, which begins when it reads a line: by then it has been attached to. If the recording is to end before the
    programs do, it does so when the script has written "begun"; after that comes the line for which it waits."""

    name: str
    text: str
    processes: int
    end: signal.Signals | None = None


# By vfork, as a shell does not.
SPAWNED = f"""exec {sys.executable} -I -S -c 'import os
os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "echo begun; read line < late; seq 3"], os.environ), 0)
print("outer")'"""
SCRIPTS = [
    Script("a shell starts programs", "seq 5 | tac; x=$(echo one); (exit 3); echo $? $x; seq 2 > f; cat f", 7),
    Script("a shell starts shells", "sh -c 'sh -c \"seq 3\" | cat; echo inner'; echo outer", 5),
    Script("what it starts outlives it", "(read line < late; seq 3) & echo begun", 2),
    Script("Ctrl-C, and what has been forked goes on", "(read line < late; seq 3) & echo begun; wait; seq 2", 2, signal.SIGINT),
    Script("fred is killed, and all goes on", "(read line < late; seq 3) & echo begun; wait; seq 2", 2, signal.SIGKILL),
    Script("Ctrl-C, and what has been spawned goes on", SPAWNED, 2, signal.SIGINT),
    Script("fred is killed, and what has been spawned goes on", SPAWNED, 2, signal.SIGKILL),
]


def run_script(fred: Path, row: Script) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.mkfifo(folder / "late")
        command = ["/bin/sh", "-c", f"read line; {row.text}"]
        late = os.open(folder / "late", os.O_RDWR)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as natively_run:
            assert natively_run.stdin is not None and natively_run.stdout is not None
            natively_run.stdin.write(b"go\n")
            natively_run.stdin.close()
            native = natively_run.stdout.readline()
            os.write(late, b"late\n")
            native += natively_run.stdout.read()
        with running(Path(command[0]), folder, *command[1:], stdin=subprocess.PIPE) as process, \
                open(folder / "err", "wb") as err:
            tracer = subprocess.Popen([fred, "record", "-p", str(process.pid), "--verify"], stderr=err,
                                      stdin=subprocess.DEVNULL, env=os.environ | {"TMPDIR": name}, start_new_session=True)
            wait_until_attached(folder, tracer)
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.close()
            if row.end is not None:
                wait_until(lambda: b"begun" in (folder / "output").read_bytes())
                tracer.send_signal(row.end)
                tracer.wait(LONGEST)
            else:
                process.wait(LONGEST)
            os.write(late, b"late\n")
            status = tracer.wait(LONGEST)
            process.wait(LONGEST)
            wait_until(lambda: len((folder / "output").read_bytes()) >= len(native), harness.GRACE_SECONDS)
        os.close(late)
        said = (folder / "err").read_text(errors="replace")
        problems = []
        if (output := (folder / "output").read_bytes()) != native:
            problems.append(f"wrote {output!r}, natively {native!r}")
        if row.end == signal.SIGKILL:
            return problems
        if status != 0 or not re.search(rf"no divergence, {row.processes} processes\n$", said):
            problems.append(f"fred ended with {status}, not with {row.processes} processes: {said.strip()!r}")
        return problems


@dataclasses.dataclass
class Refusal:
    """What cannot be attached to: `odd` is started with the word; `prepare` makes it so, and gives the process id."""

    name: str
    says: str
    word: str = ""
    prepare: Callable[[subprocess.Popen[bytes], Path], contextlib.AbstractContextManager[int]] | None = None
    as_user: str = ""


@contextlib.contextmanager
def stopped(process: subprocess.Popen[bytes], _fred: Path) -> Iterator[int]:
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    yield process.pid
    process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def traced(process: subprocess.Popen[bytes], _fred: Path) -> Iterator[int]:
    tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(process.pid)], stderr=subprocess.DEVNULL)
    wait_until(lambda: facts_of(process)["TracerPid"] != "0")
    yield process.pid
    tracer.terminate()
    tracer.wait()


@contextlib.contextmanager
def under_fred(process: subprocess.Popen[bytes], fred: Path) -> Iterator[int]:
    first = subprocess.Popen([fred, "record", "-p", str(process.pid)], stderr=subprocess.PIPE)
    assert first.stderr is not None
    first.stderr.readline()
    yield process.pid
    first.send_signal(signal.SIGINT)
    first.wait(LONGEST)
    first.stderr.close()


@contextlib.contextmanager
def other(pid: int, _process: subprocess.Popen[bytes], _fred: Path) -> Iterator[int]:
    yield pid


@contextlib.contextmanager
def child(process: subprocess.Popen[bytes], _fred: Path) -> Iterator[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    yield int(children[0])


@contextlib.contextmanager
def in_state(letter: str, process: subprocess.Popen[bytes], _fred: Path) -> Iterator[int]:
    """As soon as its main thread is in that state of proc(5)."""
    wait_until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] == letter)
    yield process.pid


@contextlib.contextmanager
def its_thread(process: subprocess.Popen[bytes], _fred: Path) -> Iterator[int]:
    tids = Path(f"/proc/{process.pid}/task")
    wait_until(lambda: len(list(tids.iterdir())) > 1)
    yield next(int(tid.name) for tid in tids.iterdir() if int(tid.name) != process.pid)


REFUSALS = [
    Refusal("no such process", r"cannot attach to process 999999999: No such process", prepare=partial(other, 999999999)),
    Refusal("no process id", r"'0' is not the id of a process", prepare=partial(other, 0)),
    Refusal("a thread of the kernel", r"cannot attach to process 2 \(kthreadd\): it is a thread of the kernel",
            prepare=partial(other, 2)),
    Refusal("a zombie", r"cannot attach to process \d+ \(odd\): it has ended \(a zombie\)", word="zombie", prepare=child),
    Refusal("stopped", r"cannot attach to process (\d+) \(odd\): it is stopped \(kill -CONT \1 has it go on\)", prepare=stopped),
    Refusal("traced", r"cannot attach to process \d+ \(odd\): it is traced by process \d+ \(strace\) already", prepare=traced),
    Refusal("under fred", r"cannot attach to process \d+ \(odd\): it is under fred already", prepare=under_fred),
    Refusal("a seccomp filter", r"cannot attach to process \d+ \(odd\): it has a seccomp filter, which fred's own system calls would meet",
            word="seccomp"),
    Refusal("its main thread has ended", r"cannot attach to process \d+ \(odd\): its main thread has ended", word="main_ended",
            prepare=partial(in_state, "Z")),
    Refusal("a thread", r"cannot attach to process \d+ \(odd\): it is a thread of process \d+", word="main_ended",
            prepare=its_thread),
    Refusal("waits for its vfork child", r"cannot attach to process (\d+): its thread \1 does not stop", word="vfork",
            prepare=partial(in_state, "D")),
    Refusal("in another namespace", r"cannot attach to process \d+ \(odd\): it is in another namespace of process ids \(a container\)",
            word="namespace", prepare=child),
    Refusal("in another root", r"cannot attach to process \d+ \(odd\): it has another file system, in which fred is not \(a container or chroot\)",
            word="chroot"),
    Refusal("io_uring", r"cannot attach to process \d+ \(odd\): it uses io_uring, which fred does not follow", word="io_uring"),
    Refusal("no room", r"cannot attach to process \d+ \(odd\): it occupies all places below 2 GiB that fred needs one of",
            word="occupied"),
    Refusal("another user's", r"cannot attach to process \d+ \(odd\): it belongs to user root", as_user="nobody"),
]


def refuse(fred: Path, programs: Path, row: Refusal) -> list[str] | None:
    """What is wrong; None: such a program cannot be made here."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        with running(programs / "odd", folder, *([row.word] if row.word else []), stdin=subprocess.PIPE) as process:
            wait_until(lambda: (folder / "output").read_bytes().endswith(b"\n"))
            if (folder / "output").read_bytes() == b"unavailable\n":
                return None
            user = pwd.getpwnam(row.as_user).pw_uid if row.as_user else None
            with (row.prepare or partial(other, process.pid))(process, fred) as pid:
                got = subprocess.run([fred, "record", "-p", str(pid)], stdin=subprocess.DEVNULL, capture_output=True,
                                     timeout=LONGEST, user=user, env={"TMPDIR": name, "PATH": os.environ["PATH"]})
            assert process.stdin is not None
            process.stdin.close()
            status = process.wait(LONGEST)
        problems = compare(Ended(b"ready\ndone\n", 4), folder, status)
        why = got.stderr.decode(errors="replace")
        if got.returncode != 125 or not re.fullmatch(f"fred: {row.says}\n", why):
            problems.append(f"status {got.returncode}, said {why!r}")
    return problems


@dataclasses.dataclass
class GdbSession:
    """Commands for gdb, lines that it must print (regular expressions, in that order), and what becomes of the program."""

    name: str
    program: str
    commands: list[str]
    expect: list[str]
    status: int | None = None  # None: as natively
    tool: str = "fred-gdb"  # or gdb, connected to fred serve


BACK = ["tbreak arithmetic.c:mark", "continue", "set $here = i", "reverse-continue", "continue", "print i == $here"]
GDB_SESSIONS = [
    GdbSession("fred-gdb -p, back and forth, detach", "arithmetic",
               ["-p", "{pid}", *BACK, "stepi 200", "reverse-stepi 150", "tbreak arithmetic.c:mark", "continue", "print i - $here", "detach"],
               [r"No more reverse-execution history", r"\$\d+ = 1", r"\$\d+ = 1", r"Inferior 1 .* detached"]),
    GdbSession("attach at the prompt, quit", "arithmetic", ["attach {pid}", "stepi 1000", "reverse-stepi 1000"], []),
    GdbSession("threads, a breakpoint in each, detach", "threads",
               ["-p", "{pid}", "break threads.c:mark", "continue", "continue", "print turn >= 0", "info threads", "reverse-continue",
                "delete", "detach"],
               [r"hit Breakpoint 1", r"hit Breakpoint 1", r"\$\d+ = 1", r"worker-", r"hit Breakpoint 1", r"Inferior 1 .* detached"]),
    GdbSession("kill", "arithmetic", ["-p", "{pid}", "stepi", "kill"], [r"Inferior 1 .* killed"], status=-signal.SIGKILL),
    GdbSession("its children, detach", "prefork",
               ["-p", "{pid}", "break prefork.c:mark", *["continue"] * 4, "info processes", "process 2", "reverse-continue", "process 3",
                "reverse-stepi", "detach inferiors 2 3", "inferior 1", "reverse-continue", "detach"],
               [r"(hit Breakpoint 1(?s:.)*?){4}", r"\* 1 ", r"\n +2 +1 ", r"\n +3 +1 ", r"No more reverse-execution history",
                r"Inferior 2 .* detached", r"hit Breakpoint 1", r"Inferior 1 .* detached"]),
    GdbSession("its children, quit in one", "prefork",
               ["-p", "{pid}", "break prefork.c:mark", *["continue"] * 3, "process 2", "reverse-stepi"], [r"hit Breakpoint 1"]),
    GdbSession("to the end", "arithmetic", ["-p", "{pid}", "continue", "reverse-stepi", "continue", "continue"],
               [r"exited with code 07"]),
    GdbSession("gdb on fred serve", "arithmetic", ["attach {pid}", *BACK, "detach"],
               [r"No more reverse-execution history", r"\$\d+ = 1", r"Inferior 1 .* detached"], tool="gdb"),
]


def gdb_session(build: Path, programs: Path, sources: Path, row: GdbSession) -> list[str]:
    program = programs / row.program
    native = natively(program)
    text = (sources / f"{row.program}.c").read_text().splitlines()
    mark = str(next(number for number, line in enumerate(text, 1) if "// mark" in line))
    with tempfile.TemporaryDirectory() as name, running(program, Path(name)) as process:
        wait_until((Path(name) / "output").read_bytes)
        words = [c.replace("{pid}", str(process.pid)).replace(":mark", f":{mark}") for c in row.commands]
        command = [build / "bin/fred-gdb"] if row.tool == "fred-gdb" else ["gdb"]
        command += ["-nx", "-q", "--batch", "-iex", "set debuginfod enabled off"]
        if row.tool == "gdb":
            command += ["-ex", f"target extended-remote | {build}/bin/fred serve --stdio"]
        if words[0] == "-p":
            command += words[:2]
            words = words[2:]
        command += [w for c in words for w in ("-ex", c)]
        got = subprocess.run([*command, program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=LONGEST, env=os.environ | {"TMPDIR": name})
        status = process.wait(LONGEST)
        problems = []
        if row.status is None:
            problems = compare(native, Path(name), status)
        elif status != row.status:
            problems = [f"the program ended with {status}, expected {row.status}"]
    said = got.stdout.decode(errors="replace")
    at = 0
    for wanted in row.expect:
        found = re.compile(wanted).search(said, at)
        if not found:
            return [*problems, f"no line '{wanted}' (behind character {at}) in {said!r}"]
        at = found.end()
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--filter", action="append", default=[], help="only programs or rows whose name contains this")
    parser.add_argument("--runs", type=int, default=20, help="of each program (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    build = options.build.resolve()
    fred, programs = build / "bin/fred", build / "tests/attach"

    def wanted(name: str) -> bool:
        return not options.filter or any(f in name for f in options.filter)

    passed = failed = skipped = 0

    def count(name: str, problems: list[str]) -> None:
        nonlocal passed, failed
        passed, failed = passed + (not problems), failed + bool(problems)
        for problem in problems:
            print(f"FAIL {name}: {problem}", flush=True)

    with ThreadPoolExecutor(options.jobs) as pool:
        for program in filter(wanted, PROGRAMS):
            native = natively(programs / program)
            runs = list(pool.map(partial(attach_once, fred, programs / program, native), range(options.runs)))
            problems = [f"run {seed}: {p}" for seed, problems in enumerate(runs) for p in problems]
            if options.runs >= 5 and program not in seen_native:
                problems.append("it never became native again")
            count(program, problems)
        for program in filter(lambda p: wanted(f"{p} again"), PROGRAMS):
            native = natively(programs / program)
            runs = list(pool.map(partial(attach_again, fred, programs / program, native), range(options.runs // 5 + 1)))
            count(f"{program} again", [f"run {seed}: {p}" for seed, problems in enumerate(runs) for p in problems])
    for script in SCRIPTS:
        if wanted(script.name):
            count(script.name, run_script(fred, script))
    for session in GDB_SESSIONS:
        if wanted(session.name):
            count(session.name, gdb_session(build, programs, HERE / "programs", session))
    for row in REFUSALS:
        if not wanted(row.name):
            continue
        if (row.as_user and os.geteuid() != 0) or (row.name == "a thread of the kernel" and not Path("/proc/2").exists()):
            skipped += 1
            continue
        problems = refuse(fred, programs, row)
        if problems is None:
            skipped += 1
        else:
            count(row.name, problems)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
