#!/usr/bin/env python3
"""Checks what `fred` itself promises at the command line: finding programs, bad input, logs, ends.

Each check_* function is one test: it gets a Context and returns the list of what is wrong.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import harness
from harness import Outcome, Result

HERE = Path(__file__).resolve().parent


class Skip(Exception):
    pass


@dataclasses.dataclass
class Context:
    fred: Path
    guests: Path
    timeout: float

    def run(self, *words: str, prepare: Callable[[Path], None] | None = None, stdin: bytes | None = None,
            env: dict[str, str] | None = None) -> Outcome:
        return harness.execute([str(self.fred), *words], prepare=prepare, stdin=stdin, timeout=self.timeout, env=env)

    def guest(self, name: str) -> str:
        return str(self.guests / name)


def expect(outcome: Outcome, status: int, *, stdout: bytes | None = None, says: str | None = None) -> list[str]:
    """`says`: exactly one line of fred's, which matches this expression; else none."""
    _, own = harness.split_fred_lines(outcome.stderr)
    wrong = list(outcome.problems)
    if outcome.status != status:
        wrong.append(f"status {outcome.status}, expected {status}")
    if stdout is not None and outcome.stdout != stdout:
        wrong.append(f"output {outcome.stdout[:100]!r}, expected {stdout[:100]!r}")
    if says is not None and (len(own) != 1 or not re.search(says, own[0].decode(errors="replace"))):
        wrong.append(f"fred says {own}, expected one line that matches '{says}'")
    if says is None and own:
        wrong.append(f"fred says {own[0].decode(errors='replace')}")
    return wrong


def put(name: str, content: bytes, mode: int = 0o755) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)
    return prepare


def both_modes(c: Context, command: Sequence[str], status: int, says: str | None,
               prepare: Callable[[Path], None] | None = None) -> list[str]:
    return [f"{mode}: {line}" for mode in ("run", "record")
            for line in expect(c.run(mode, "--", *command, prepare=prepare), status, stdout=b"", says=says)]


def check_found_in_path(c: Context) -> list[str]:
    return expect(c.run("run", "--", "echo", "-n", "found"), 0, stdout=b"found")


def check_relative_path(c: Context) -> list[str]:
    program = Path("/bin/true").read_bytes()
    return expect(c.run("run", "--", "./mine", prepare=put("mine", program)), 0, stdout=b"")


def check_not_in_current_folder(c: Context) -> list[str]:
    return both_modes(c, ["mine"], 127, "mine.*not found|not found.*mine", put("mine", Path("/bin/true").read_bytes()))


def check_script(c: Context) -> list[str]:
    script = b"#!/bin/sh\necho \"$0 $# $1\"\nexit 3\n"
    return expect(c.run("record", "--", "./script", "a b", "c", prepare=put("script", script)), 3, stdout=b"./script 2 a b\n")


def check_script_of_script(c: Context) -> list[str]:
    def prepare(folder: Path) -> None:
        put("inner", b"#!/bin/sh\necho \"inner $#: $1 $2\"\n")(folder)
        put("outer", b"#!" + str(folder / "inner").encode() + b" option\n")(folder)
    outcome = c.run("run", "--", "./outer", "x", prepare=prepare)
    return expect(outcome, 0, stdout=b"inner 3: option ./outer\n")


def check_options_after_program_are_its_own(c: Context) -> list[str]:
    return expect(c.run("run", "--", "echo", "--verify", "--help", "--"), 0, stdout=b"--verify --help --\n")


def check_missing(c: Context) -> list[str]:
    return both_modes(c, ["/nonexistent/program"], 127, "/nonexistent/program.*(No such file|not found)")


def check_missing_name(c: Context) -> list[str]:
    return both_modes(c, ["no-such-program-anywhere"], 127, "no-such-program-anywhere.*not found")


def check_not_executable(c: Context) -> list[str]:
    return both_modes(c, ["./plain"], 126, "plain.*ermission", put("plain", b"text\n", 0o644))


def check_folder(c: Context) -> list[str]:
    return both_modes(c, ["/tmp"], 126, "/tmp.*(directory|folder|ermission)")


def check_no_format(c: Context) -> list[str]:
    return both_modes(c, ["./garbage"], 126, "garbage", put("garbage", b"\x01\x02\x03 nothing known\n"))


def check_32_bit(c: Context) -> list[str]:
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\x00\x03\x00\x01\x00\x00\x00" + bytes(100)
    return both_modes(c, ["./old"], 126, "old.*32", put("old", header))


def check_other_machine(c: Context) -> list[str]:
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01\x00\x00\x00" + bytes(100)
    return both_modes(c, ["./arm"], 126, "arm", put("arm", header))


def check_truncated(c: Context) -> list[str]:
    whole = Path(c.guest("start/hello")).read_bytes()
    wrong = []
    for size in (10, 63, 100, 64 + 56, 4100):
        wrong += [f"{size} bytes: {x}" for x in both_modes(c, ["./cut"], 126, "cut", put("cut", whole[:size]))]
    return wrong


def check_corrupt_headers(c: Context) -> list[str]:
    wrong = []
    for offset, value in ((32, b"\xff" * 8), (54, b"\x01\x00"), (56, b"\xff\xff")):  # e_phoff, e_phentsize, e_phnum
        bad = bytearray(Path("/bin/true").read_bytes())
        bad[offset:offset + len(value)] = value
        wrong += [f"at {offset}: {x}" for x in both_modes(c, ["./bad"], 126, "bad", put("bad", bytes(bad)))]
    return wrong


def check_missing_interpreter(c: Context) -> list[str]:
    changed = Path("/bin/true").read_bytes().replace(b"/lib64/ld-linux-x86-64.so.2", b"/nonexistent/ld-linux-x.so9")
    return both_modes(c, ["./lost"], 127, "/nonexistent/ld-linux-x.so9", put("lost", changed))


def check_setuid(c: Context) -> list[str]:
    def prepare(folder: Path) -> None:
        put("privileged", Path("/bin/true").read_bytes())(folder)
        os.chown(folder / "privileged", 65534, 65534)
        (folder / "privileged").chmod(0o4755)
    if os.geteuid() == 0:
        return both_modes(c, ["./privileged"], 126, "privileged.*(set-?uid|set-user)", prepare)
    return both_modes(c, ["su"], 126, "su.*(set-?uid|set-user)")


def check_no_command(c: Context) -> list[str]:
    wrong = []
    for words in ([], ["run"], ["record"], ["nonsense"], ["run", "--no-such-option", "--", "true"]):
        outcome = c.run(*words)
        if outcome.status in (0, -11, -6) or not outcome.stderr + outcome.stdout:
            wrong.append(f"fred {' '.join(words)}: status {outcome.status} and {len(outcome.stderr)} bytes of explanation")
    return wrong


def check_keep_log(c: Context) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/log"
        wrong = expect(c.run("record", "--keep-log", log, "--", c.guest("start/dynamic_c")), 0)
        dump, stats = c.run("dump", log), c.run("stats", log)
        wrong += expect(dump, 0) + expect(stats, 0)
        wrong += [f"dump has no '{word}'" for word in (b"mmap", b"write", b"exit_group") if word not in dump.stdout]
        if len(stats.stdout.splitlines()) < 3:
            wrong.append("stats says nothing")
        return wrong


def check_log_folder_not_writable(c: Context) -> list[str]:
    outcome = c.run("record", "--keep-log", "/proc/nowhere/log", "--", "echo", "ran")
    return expect(outcome, 125, stdout=b"", says="/proc/nowhere/log")


def check_dump_of_nothing(c: Context) -> list[str]:
    wrong = []
    for command in ("dump", "stats"):
        wrong += [f"{command}: {x}" for x in expect(c.run(command, "/nonexistent"), 125, says="/nonexistent")]
    return wrong


def need_namespaces() -> None:
    try:
        harness.run_tool(["unshare", "-rm", "true"], Path("/"))
    except (OSError, subprocess.CalledProcessError):
        raise Skip("no namespaces of one's own") from None


def check_log_disk_full(c: Context) -> list[str]:
    script = ("mkdir d && mount -t tmpfs -o size=512k none d && "
              "exec \"$@\" record --keep-log d/log -- sh -c 'dd if=/dev/urandom bs=64k count=100 status=none | wc -c; echo whole'")
    need_namespaces()
    outcome = harness.execute(["unshare", "-rm", "sh", "-c", script, "sh", str(c.fred)], timeout=c.timeout)
    _, own = harness.split_fred_lines(outcome.stderr)
    wrong = list(outcome.problems)
    if outcome.status == 0 and not own:
        return wrong  # what the shell reads itself fits
    if outcome.status != 125 or len(own) != 1 or b"space" not in own[0]:
        wrong.append(f"status {outcome.status}, fred says {own}")
    return wrong


def check_large_log_disk_full(c: Context) -> list[str]:
    script = ("mkdir d && mount -t tmpfs -o size=512k none d && "
              "exec \"$@\" record --keep-log d/log -- dd if=/dev/urandom of=/dev/null bs=64k count=100 status=none")
    need_namespaces()
    outcome = harness.execute(["unshare", "-rm", "sh", "-c", script, "sh", str(c.fred)], timeout=c.timeout)
    return expect(outcome, 125, says="[Nn]o space")


def children_of(parent: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text(errors="replace")
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry))
    return found


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def engine_of(fred: int) -> int:
    """The process id of the engine that this fred started. Once the guest runs, it bears its name."""
    for child in children_of(fred):
        if not name_of(child).startswith("fred"):
            return child
    raise Skip("fred has no child process")


def with_waiting_guest(c: Context, words: Sequence[str], action: Callable[[int], None],
                       guest: Sequence[str] = ("cat",)) -> tuple[int, bytes]:
    """Records `cat` (or what ends in it), lets it echo two lines, does `action(pid of fred)`, and gives status and standard error.

    When the second line is seen, the write of the first one is over and in the log.
    """
    with tempfile.TemporaryDirectory() as tmp:
        with harness.spawn_lock:
            process = subprocess.Popen([str(c.fred), *words, "--", *guest], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, start_new_session=True, env=os.environ | {"TMPDIR": tmp})
            harness.children.add(process.pid)
        try:
            assert process.stdin and process.stdout and process.stderr
            for line in (b"ready\n", b"steady\n"):
                process.stdin.write(line)
                process.stdin.flush()
                if not select.select([process.stdout], [], [], c.timeout)[0] or process.stdout.readline() != line:
                    raise Skip("cat did not echo")
            action(process.pid)
            process.stdin.close()
            error = process.stderr.read()
            status = process.wait(c.timeout)
        finally:
            harness.end_child(process)
        left = harness.end_orphans(tmp)
        if left:
            error += f"fred: left behind: {left}\n".encode()
        if any(Path(tmp).iterdir()):
            error += f"fred: left in TMPDIR: {os.listdir(tmp)}\n".encode()
        return status, error


def check_engine_killed(c: Context) -> list[str]:
    wrong = []
    for options in ([], ["--verify"], ["--verify", "--snapshot-every=1"]):
        with tempfile.TemporaryDirectory() as folder:
            log = f"{folder}/log"
            status, error = with_waiting_guest(c, ["record", "--keep-log", log, *options],
                                               lambda pid: os.kill(engine_of(pid), signal.SIGKILL))
            lines = [line for line in error.decode().splitlines() if line.startswith("fred: ")]
            if status != 125 or len(lines) != 1 or not re.search("engine.*killed.*signal 9", lines[0]):
                wrong.append(f"{options}: status {status}, fred says {lines}")
            dump = c.run("dump", log)
            wrong += expect(dump, 0) + expect(c.run("stats", log), 125, says="broken off")
            if not re.search(rb" syscall write\b.* = 6", dump.stdout):
                wrong.append(f"{options}: the recording does not reach to the write")
    return wrong


def check_engine_killed_without_folder(c: Context) -> list[str]:
    status, error = with_waiting_guest(c, ["record"], lambda pid: os.kill(engine_of(pid), signal.SIGKILL))
    lines = error.decode().splitlines()
    return [] if status == 125 and len(lines) == 1 and "engine" in lines[0] else [f"status {status}, fred says {lines}"]


def check_fred_killed(c: Context) -> list[str]:
    """Nothing stays behind: no process, and no temporary folder."""
    wrong = []
    for options in ([], ["--verify"], ["--verify", "--snapshot-every=1"]):
        status, error = with_waiting_guest(c, ["record", *options], lambda pid: os.kill(pid, signal.SIGKILL))
        if status != -9 or error:
            wrong.append(f"{options}: status {status}, {error.decode()}")
    return wrong


TREE = ("sh", "-c", "cat | sh -c 'cat; :'")  # of four processes, two of them waiting for the others


def check_fred_killed_with_processes(c: Context) -> list[str]:
    """The same with a tree of processes, forked and executed ones."""
    wrong = []
    for guest in (TREE, ("/usr/bin/python3", "-c", "import subprocess; subprocess.run(['sh', '-c', 'cat | cat'])")):
        for options in ([], ["--verify", "--snapshot-every=1"]):
            status, error = with_waiting_guest(c, ["record", *options], lambda pid: os.kill(pid, signal.SIGKILL), guest)
            if status != -9 or error:
                wrong.append(f"{guest[0]} {options}: status {status}, {error.decode()}")
    return wrong


def check_first_process_killed(c: Context) -> list[str]:
    """The recordings of the others are whole."""
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/log"
        status, error = with_waiting_guest(c, ["record", "--keep-log", log],
                                           lambda pid: os.kill(engine_of(pid), signal.SIGKILL), TREE)
        lines = error.decode().splitlines()
        wrong = [] if status == 125 and len(lines) == 1 and "killed by signal 9" in lines[0] else [f"{status}, {lines}"]
        logs = sorted(path.name for path in Path(log).glob("events*"))
        ends = [name for name in logs[1:] if b" exit_group" in c.run("dump", log, f"--process={name[7:]}").stdout]
        return wrong if len(ends) == 3 else [*wrong, f"of {logs} only {ends} have an end"]


def check_processes_in_dump(c: Context) -> list[str]:
    script = "echo a | cat; exec python3 -c 'import os, subprocess; subprocess.run([\"true\"]); print(os.getpid())'"
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/log"
        outcome = c.run("record", "--keep-log", log, "--", "sh", "-c", script)
        wrong = expect(outcome, 0)
        if wrong:
            return wrong
        pid = outcome.stdout.split()[1].decode()  # of the first process
        dump = {n: c.run("dump", log, f"--process={n}") for n in (1, 2, 3, 4)}
        wrong += [line for outcome in dump.values() for line in expect(outcome, 0)]
        first, fourth = dump[1].stdout.decode(), dump[4].stdout.decode()
        if c.run("dump", log).stdout != dump[1].stdout:
            wrong.append("dump alone is not --process=1")
        others = first.partition("\nother processes (fred dump --process=N):\n")[2].splitlines()
        forms = [r"  2: pid \d+, forked by 1 at its event (\d+)", r"  3: pid \d+, forked by 1 at its event (\d+)",
                 r"  4: pid \d+, executed by 1 at its event (\d+)"]
        if len(others) != 3 or not all(re.fullmatch(form, line) for form, line in zip(forms, others)):
            wrong.append(f"others than 1: {others}")
        elif not re.search(rf"(?m)^{others[0].split()[-1]} .* (clone|fork|vfork)\b", first):
            wrong.append("process 2 does not begin at a fork")
        if f"  1: pid {pid}, started\n" not in fourth or "  4:" in fourth or not re.match(r"0 0:\S+ start ", fourth):
            wrong.append(f"others than 4: {fourth[-300:]}")
        wrong += expect(c.run("dump", log, "--process=5"), 125, stdout=b"", says="no process 5 .* 1 to 4")
        if b"'0' is not a whole number" not in c.run("dump", log, "--process=0").stderr:
            wrong.append("--process=0 is not refused")
        calls = c.run("dump", log, "--calls", "--process=2").stdout
        return wrong if re.search(rb"(?m)^231 exit_group \S+ 1 1$", calls) else [*wrong, "no exit_group in --calls"]


def check_processes_verified(c: Context) -> list[str]:
    """One after the other or beside each other; the line says how many."""
    wrong = expect(c.run("record", "--verify", "--", "sh", "-c", "echo a | cat; (exit 3)"), 3,
                   says="^fred: verified .* no divergence, 4 processes$")
    return wrong + expect(c.run("record", "--verify", "--", "sh", "-c", "exit 3"), 3, says="no divergence$")


def check_no_children(c: Context) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/log"
        outcome = c.run("record", "--no-children", "--verify", "--keep-log", log, "--", "sh", "-c", "echo a | cat; (exit 3)")
        logs = sorted(path.name for path in Path(log).glob("events*"))
        return expect(outcome, 3, stdout=b"a\n", says="no divergence$") + [f"logs {logs}"] * (logs != ["events"])


def check_children_outlive_program(c: Context) -> list[str]:
    """They are recorded to their end; Ctrl-C lets them go on without."""
    wrong = []
    for interrupted in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            os.mkfifo(f"{folder}/go")
            script = f"(read x <{folder}/go; echo $x >{folder}/new; mv {folder}/new {folder}/got) >/dev/null 2>&1 & exit 4"
            with harness.spawn_lock:
                process = subprocess.Popen([str(c.fred), "record", f"--keep-log={folder}/log", "--", "sh", "-c", script],
                                           stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
                harness.children.add(process.pid)
            assert process.stderr
            said = process.stderr.readline()
            if b"what it started is recorded until it ends" not in said:
                wrong.append(f"fred says {said!r}")
            if interrupted:
                process.send_signal(signal.SIGINT)
                process.wait(c.timeout)
            with open(f"{folder}/go", "w") as go:
                go.write("on\n")
            status = process.wait(c.timeout)
            limit = time.monotonic() + c.timeout
            while not os.path.exists(f"{folder}/got"):
                if time.monotonic() > limit:
                    return [*wrong, "the child has not gone on"]
                time.sleep(0.01)
            with harness.spawn_lock:
                harness.children.discard(process.pid)
            ended = b" exit_group" in c.run("dump", f"{folder}/log", "--process=2").stdout
            if status != 4 or ended == interrupted or process.stderr.read():
                wrong.append(f"interrupted {interrupted}: status {status}, end in the recording: {ended}")
            process.stderr.close()
    return wrong


def check_fred_killed_after_change_of_user(c: Context) -> list[str]:
    """The kernel forgets PR_SET_PDEATHSIG then."""
    if os.geteuid() != 0:
        raise Skip("not root")
    status, error = with_waiting_guest(c, ["record"], lambda pid: os.kill(pid, signal.SIGKILL),
                                       ["setpriv", "--reuid=65534", "--clear-groups", "cat"])
    return [] if status == -9 and not error else [f"status {status}, {error.decode()}"]


def check_fred_killed_in_re_execution(c: Context) -> list[str]:
    """The same while a worker runs: it is waited for in the list of fred's children, behind the end of the guest."""
    with tempfile.TemporaryDirectory() as tmp:
        loop = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo end"
        with harness.spawn_lock:
            process = subprocess.Popen([str(c.fred), "record", "--verify", "--", "sh", "-c", loop],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                       env=os.environ | {"TMPDIR": tmp})
            harness.children.add(process.pid)
        assert process.stdout and process.stderr
        process.stdout.readline()  # from here on the re-execution begins; it may be over when the signal comes
        worker = None
        while worker is None and process.poll() is None:
            worker = next((pid for pid in children_of(process.pid) if name_of(pid) == "fred-worker"), None)
        process.kill()
        process.communicate()
        with harness.spawn_lock:
            harness.children.discard(process.pid)
        wrong = [f"left behind: {name}" for name in harness.end_orphans(tmp)]
        wrong += [f"left in TMPDIR: {name}" for name in os.listdir(tmp)]
        return wrong if worker else [*wrong, "no worker was seen"]


def check_interrupt_from_keyboard(c: Context) -> list[str]:
    wrong = []
    for words, expected in ((["run"], -2), (["record"], 130), (["record", "--verify"], 130)):
        status, error = with_waiting_guest(c, words, lambda pid: os.killpg(pid, signal.SIGINT))
        lines = [x for x in error.splitlines() if not harness.VERIFIED.fullmatch(x)]
        if status != expected or lines:
            wrong.append(f"{' '.join(words)}: status {status}, expected {expected}; {lines[:2]}")
    return wrong


def on_terminal(command: Sequence[str], asked: bytes, typed: bytes, timeout: float) -> bytes:
    """What the command writes to a terminal of 24x80 on which `typed` is typed when `asked` has been read, and its status
    as text."""
    with harness.spawn_lock:
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp(command[0], list(command))
        harness.children.add(pid)
    os.set_inheritable(terminal, False)
    output = b""
    waiting = True
    while True:
        if waiting and asked in output:
            os.write(terminal, typed)
            waiting = False
        if not select.select([terminal], [], [], timeout)[0]:
            os.kill(pid, signal.SIGKILL)
            break
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        output += data
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with harness.spawn_lock:
        harness.children.discard(pid)
    os.close(terminal)
    return output + f" status {status}".encode()


def check_terminal(c: Context) -> list[str]:
    script = "tty; stty -a | head -1; echo name?; read -r line; echo \"got $line\"; test -t 0 && test -t 1 && exit 4"
    command = ["sh", "-c", script]
    native = on_terminal(command, b"name?", b"typed\n", c.timeout)
    wrong = []
    for mode in ("run", "record"):
        got = on_terminal([str(c.fred), mode, "--", *command], b"name?", b"typed\n", c.timeout)
        strip = partial(re.sub, rb"/dev/pts/\d+", b"TTY")
        if strip(got) != strip(native):
            wrong.append(f"{mode}: {got!r}, natively {native!r}")
    return wrong


def check_closed_descriptors(c: Context) -> list[str]:
    wrong = []
    for redirect in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        script = f"exec \"$@\" {redirect}"
        inner = ["sh", "-c", "exec 9>&-; ls /proc/self/fd | wc -l >&2; cat </dev/null; exit 5"]
        native = harness.execute(["sh", "-c", script, "sh", *inner])
        got = harness.execute(["sh", "-c", script, "sh", str(c.fred), "run", "--", *inner], timeout=c.timeout)
        wrong += [f"{redirect}: {x}" for x in harness.compare(native, got, "run")]
    return wrong


def check_inherited_descriptor(c: Context) -> list[str]:
    script = "exec 7<<'end'\nfrom seven\nend\nexec \"$@\" run -- sh -c 'cat <&7'"
    return expect(harness.execute(["sh", "-c", script, "sh", str(c.fred)], timeout=c.timeout), 0, stdout=b"from seven\n")


def check_environment_passed(c: Context) -> list[str]:
    outcome = c.run("run", "--", "env", env={"COLOUR": "green", "FRED_LOG": "", "LD_BIND_NOW": "1"})
    lines = outcome.stdout.splitlines()
    wrong = expect(outcome, 0)
    if b"COLOUR=green" not in lines or b"LD_BIND_NOW=1" not in lines:
        wrong.append("a variable is missing")
    return wrong


def check_bad_log_levels(c: Context) -> list[str]:
    return expect(c.run("run", "--", "true", env={"FRED_LOG": "nonsense:debug"}), 125, says="FRED_LOG")


def check_stats(c: Context) -> list[str]:
    outcome = c.run("run", "--stats", "--", c.guest("flow/recursion"))
    return [] if outcome.status == 0 and b"blocks" in outcome.stderr else [f"status {outcome.status}: {outcome.stderr[:200]!r}"]


CHECKS = {name[6:]: function for name, function in list(globals().items()) if name.startswith("check_")}


def run_check(name: str, context: Context) -> Result:
    try:
        wrong = CHECKS[name](context)
    except Skip as reason:
        return Result(name, "skipped", [str(reason)])
    return Result(name, "failed" if wrong else "passed", wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks the command line of fred.")
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="build folder")
    parser.add_argument("--fred", type=Path, help="the fred program (default: BUILD/bin/fred)")
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only names that contain it")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="limit of one run")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed as well")
    options = parser.parse_args()
    build = options.build.resolve()
    context = Context((options.fred or build / "bin" / "fred").resolve(), build / "tests" / "guests", options.timeout)
    chosen = [name for name in CHECKS if not options.filter or any(f in name for f in options.filter)]
    if options.list:
        print("\n".join(chosen))
        return 0
    harness.become_subreaper()
    return harness.report(options.jobs, [partial(run_check, name, context) for name in chosen], options.verbose)


if __name__ == "__main__":
    sys.exit(main())
