"""Runs one program, natively or under fred, and compares what came out. Used by the runners."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import hashlib
import itertools
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MODES = ("run", "record", "verify")
VERIFIED = re.compile(rb"fred: verified \d+ events, \d+ ticks, [\d.]+ s, no divergence(, \d+ processes)?")
GRACE_SECONDS = 3.0  # how long a process may live on after fred has ended

# Who starts a process does so with the lock held and enters it, until it has been waited for.
spawn_lock = threading.Lock()
children: set[int] = set()
_is_subreaper = False


@dataclasses.dataclass
class Outcome:
    """What one run left: output, status as the shell's wait gives it (-N for signal N), files, problems."""

    stdout: bytes
    stderr: bytes
    status: int
    files: dict[str, str]
    problems: list[str]


def become_subreaper() -> None:
    """Orphans of the runs become children of this process, so that none is overlooked."""
    global _is_subreaper
    pr_set_child_subreaper = 36
    _is_subreaper = ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0


def execute(command: Sequence[str], *, stdin: bytes | None = None, timeout: float = 60.0,
            prepare: Callable[[Path], None] | None = None, env: dict[str, str] | None = None,
            keep_files: bool = True) -> Outcome:
    """Runs `command` in an empty folder of its own (filled by `prepare`) and cleans up after it."""
    base = Path(tempfile.mkdtemp(prefix="guest-"))
    try:
        return _execute_in(base, command, stdin, timeout, prepare, env or {}, keep_files)
    finally:
        _force_remove(base)


def path_with(folder: Path | None) -> str:
    """PATH for what is run, with this folder before the system's."""
    return f"{folder}:" * bool(folder) + "/usr/local/bin:/usr/bin:/bin"


def run_tool(command: Sequence[str], folder: Path) -> None:
    """Runs a tool natively, as a runner prepares its inputs; not taken for something a run left behind."""
    with spawn_lock:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        children.add(process.pid)
    status = process.wait()
    with spawn_lock:
        children.discard(process.pid)
    if status:
        raise subprocess.CalledProcessError(status, command)


def _execute_in(base: Path, command: Sequence[str], stdin: bytes | None, timeout: float,
                prepare: Callable[[Path], None] | None, env: dict[str, str], keep_files: bool) -> Outcome:
    work, tmp = base / "work", base / "tmp"
    work.mkdir()
    tmp.mkdir()
    if prepare:
        prepare(work)
    if stdin is not None:
        (base / "stdin").write_bytes(stdin)
    problems: list[str] = []
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", "LANG": "C", "TMPDIR": str(tmp)} | env
    with open(base / "stdin" if stdin is not None else os.devnull, "rb") as source, \
            open(base / "stdout", "wb") as out, open(base / "stderr", "wb") as err:
        with spawn_lock:
            process = subprocess.Popen(command, stdin=source, stdout=out, stderr=err, cwd=work, env=environment,
                                       start_new_session=True)
            children.add(process.pid)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        problems.append(f"no end within {timeout:g} s")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with spawn_lock:
        children.discard(process.pid)
    problems += [f"process left behind: {name}" for name in end_orphans(str(tmp))]
    problems += [f"left in TMPDIR: {path.name}" for path in sorted(tmp.iterdir())]
    files = digests(work) if keep_files else {}
    return Outcome((base / "stdout").read_bytes(), (base / "stderr").read_bytes(), process.returncode, files, problems)


def digests(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = "-> " + os.readlink(path)
        elif path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return found


def _force_remove(folder: Path) -> None:
    def open_up(_function: object, path: str, _info: object) -> None:
        os.chmod(os.path.dirname(path), 0o700)
        os.chmod(path, 0o700)
        (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)

    shutil.rmtree(folder, onerror=open_up)


def end_child(process: subprocess.Popen[bytes]) -> None:
    """Kills what still runs of a child that leads its own group; it is counted among the runner's no more."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with spawn_lock:
        children.discard(process.pid)


def end_orphans(token: str) -> list[str]:
    """Names of processes of the run with TMPDIR `token` that outlived it; they are ended."""
    if not _is_subreaper:
        return []
    names = []
    with spawn_lock:
        orphans = [pid for pid in _own_children() if pid not in children and _belongs_to(pid, token)]
    for pid in orphans:
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            handle = os.pidfd_open(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        with os.fdopen(handle):
            waiter = select.poll()
            waiter.register(handle, select.POLLIN)
            if not waiter.poll(GRACE_SECONDS * 1000):
                names.append(f"{name} ({pid})")
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # another run's check was first
                os.waitpid(pid, 0)
    return names


def _own_children() -> Iterable[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text(errors="replace").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == os.getpid():
                yield int(entry)


def _belongs_to(pid: int, token: str) -> bool:
    """True also for a process whose environment says nothing (an engine with an empty one, or a zombie)."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return True
    return b"TMPDIR=" not in environment or f"TMPDIR={token}".encode() in environment


def fred_command(fred: Path, mode: str, options: Sequence[str], command: Sequence[str]) -> list[str]:
    words = {"run": ["run"], "record": ["record"], "verify": ["record", "--verify"]}[mode]
    return [str(fred), *words, *options, "--", *command]


def split_fred_lines(stderr: bytes) -> tuple[bytes, list[bytes]]:
    """The guest's standard error, and the lines that fred itself wrote."""
    lines = stderr.splitlines(keepends=True)
    own = [line.rstrip(b"\n") for line in lines if line.startswith(b"fred: ")]
    return b"".join(line for line in lines if not line.startswith(b"fred: ")), own


def compare(native: Outcome, got: Outcome, mode: str, *, output: bool = True,
            fred_lines: Sequence[str] = ()) -> list[str]:
    """What differs between a native run and one under fred, in short lines; empty if nothing does."""
    problems = list(got.problems)
    guest_stderr, own = split_fred_lines(got.stderr)
    if mode == "verify":
        if own and VERIFIED.fullmatch(own[-1]):
            own.pop()
        else:
            problems.append("no 'fred: verified … no divergence' line")
    unexpected = [line for line in own if not any(line.startswith(b"fred: " + w.encode()) for w in fred_lines)]
    problems += [f"fred says: {line.decode(errors='replace')}" for line in unexpected[:3]]
    problems += [f"no line 'fred: {w}…'" for w in fred_lines if not any(w.encode() in line for line in own)]
    expected = native.status if mode == "run" or native.status >= 0 else 128 - native.status
    if got.status != expected:
        problems.append(f"status {got.status}, expected {expected}")
    if output:
        problems += first_difference("stdout", native.stdout, got.stdout)
        problems += first_difference("stderr", native.stderr, guest_stderr)
        for name in sorted(native.files.keys() | got.files.keys()):
            if native.files.get(name) != got.files.get(name):
                problems.append(f"file {name}: {got.files.get(name)}, natively {native.files.get(name)}")
    return problems


def first_difference(what: str, native: bytes, got: bytes) -> list[str]:
    if native == got:
        return []
    a, b = native.splitlines(keepends=True), got.splitlines(keepends=True)
    line = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    def show(lines: list[bytes]) -> str:
        return repr(lines[line][:160].decode(errors="replace")) if line < len(lines) else "(end)"
    return [f"{what} differs in line {line + 1}", f"  native {show(a)}", f"  fred   {show(b)}"]


def parse_words(text: str | None) -> list[str]:
    return shlex.split(text) if text else []


@dataclasses.dataclass
class Result:
    """One line of the report. `state` is passed, failed or skipped."""

    name: str
    state: str
    details: list[str] = dataclasses.field(default_factory=list)


def report(jobs: int, tasks: Sequence[Callable[[], Result]], verbose: bool,
           afterwards: Sequence[Callable[[], Result]] = ()) -> int:
    """Runs the tasks, and `afterwards` when all are done, prints what failed, and gives the exit status of the runner."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with ThreadPoolExecutor(jobs) as pool:
        for result in itertools.chain(pool.map(lambda task: task(), tasks), (task() for task in afterwards)):
            counts[result.state] += 1
            if result.state == "failed":
                print(f"FAILED {result.name}")
                for line in result.details:
                    print(f"  {line}")
            elif result.state == "skipped":
                print(f"skipped {result.name}: {'; '.join(result.details)}")
            elif verbose:
                print(f"passed {result.name} {'; '.join(result.details)}".rstrip())
    print(", ".join(f"{n} {state}" for state, n in counts.items()), flush=True)
    return 1 if counts["failed"] else 0
