#!/usr/bin/env python3
"""Runs servers with their clients: all natively, then the server under `fred record --verify`, then the clients; what the
clients print must be equal, and nothing may be left behind.

A row of SERVERS is one server. What is not installed is skipped.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import harness  # noqa: E402
import inputs  # noqa: E402
import server_inputs  # noqa: E402
from harness import Result  # noqa: E402

NOBODY = 65534
PATH = ":".join(["/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1:]])
MODES = ("native", "server", "clients")


@dataclasses.dataclass
class Client:
    """`compare`: of its standard output the lines with a match are compared (None: no line)."""

    command: str
    stdin: str = ""
    compare: str | None = ""
    status: int = 0


@dataclasses.dataclass
class Server:
    """In commands and files, {port} is a free port and {folder} the folder that all run in, which has `files`. The server
    is ready when the command `ready` says so (empty: when the port takes a connection). It ends by a signal to the process
    in the first line of `pid_file`, or by the last client. Without `command` there are only the clients."""

    name: str
    command: str
    clients: list[Client]
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    prepare: list[str] = dataclasses.field(default_factory=list)
    ready: str = ""
    pid_file: str = ""
    end: signal.Signals = signal.SIGTERM
    needs: tuple[str, ...] = ()


def redis(name: str, options: str, requests: int, tests: str) -> Server:
    return Server(
        name, "redis-server --bind 127.0.0.1 --port {port} --dir {folder} --pidfile {folder}/pid --save '' " + options,
        [Client("redis-cli -p {port}", server_inputs.REDIS),
         Client(f"redis-benchmark -p {{port}} -q -n {requests} -c 10 -t {tests}", compare=None),
         Client(f"redis-benchmark -p {{port}} -q -n {requests} -c 10 --threads 2 -t {tests}", compare=None)],
        pid_file="pid", needs=("redis-cli", "redis-benchmark"))


def postgres(name: str, shared_memory: str, transactions: int) -> Server:
    psql = "psql -h {folder} -p {port} -U test -d postgres -X -q -A -f "
    return Server(
        name, "postgres -D data",
        [Client(psql + "tables"),
         Client(f"pgbench -h {{folder}} -p {{port}} -U test -n -c 3 -j 2 -t {transactions} -f bench postgres",
                compare="processed|failed"),
         Client(psql + "checks")],
        files={"more.conf": server_inputs.POSTGRES + shared_memory, "tables": server_inputs.POSTGRES_TABLES,
               "bench": server_inputs.PGBENCH, "checks": server_inputs.POSTGRES_CHECKS},
        prepare=["initdb -D data -U test -A trust --no-sync -E UTF8 --locale=C", "sh -c 'cat more.conf >> data/postgresql.conf'"],
        ready="pg_isready -h {folder} -p {port}", pid_file="data/postmaster.pid", end=signal.SIGINT,
        needs=("initdb", "psql", "pgbench", "pg_isready"))


def mariadb(name: str, options: str) -> Server:
    client = "mariadb --no-defaults -u root -S {folder}/sock -B "
    return Server(
        name, "mariadbd --no-defaults --datadir={folder}/data --socket={folder}/sock --skip-networking --pid-file={folder}/pid "
        + options,
        [Client(client, server_inputs.MARIADB), Client("python3 -I updates " + client + "-D test"),
         Client(client + "-D test", "select count(*), sum(v) from t; check table t;")],
        files={"updates": server_inputs.MARIADB_UPDATES},
        prepare=["mariadb-install-db --no-defaults --datadir={folder}/data --auth-root-authentication-method=normal"],
        ready="mariadb-admin --no-defaults -u root -S {folder}/sock --silent ping", pid_file="pid",
        needs=("mariadb", "mariadb-admin", "mariadb-install-db"))


SERVERS = [
    redis("redis", "--appendonly yes", 500, "set,get,incr,lpush,lrange_100"),
    redis("redis_io_threads", "--appendonly no --io-threads 2 --io-threads-do-reads yes", 20, "set,get"),
    Server("redis_shutdown", "redis-server --bind 127.0.0.1 --port {port} --dir {folder} --save '60 1000'",
           [Client("redis-cli -p {port} set a b"), Client("redis-cli -p {port} bgsave"), Client("redis-cli -p {port} shutdown")],
           needs=("redis-cli",)),
    Server("nginx", "nginx -p {folder} -e error.log -c conf",
           [Client("python3 -I client {port}"), Client("nginx -p {folder} -e error.log -c conf -s reload"),
            Client("python3 -I client {port}"), Client("nginx -p {folder} -e error.log -c conf -s quit")],
           files={"conf": server_inputs.NGINX, "client": server_inputs.WEB_CLIENT, "text": inputs.text(100)}),
    Server("apache", "apache2 -f {folder}/conf -D FOREGROUND",
           [Client("python3 -I client {port}"), Client("apache2 -f {folder}/conf -k graceful"), Client("python3 -I client {port}")],
           files={"conf": server_inputs.APACHE, "client": server_inputs.WEB_CLIENT, "text": inputs.text(100)},
           pid_file="pid", end=signal.SIGWINCH),
    Server("memcached", "memcached -l 127.0.0.1 -p {port} -t 4 -m 16 -P {folder}/pid", [Client("python3 -I client {port}")],
           files={"client": server_inputs.MEMCACHED_CLIENT}, pid_file="pid"),
    Server("postgres_single", "",
           [Client("initdb -D data -U test -A trust --no-sync -E UTF8 --locale=C", compare="creating|running|ok$|^Success"),
            Client("postgres --single -D data -c log_min_messages=warning postgres", server_inputs.POSTGRES_SINGLE)],
           needs=("initdb", "postgres")),
    postgres("postgres", "shared_buffers = 2MB\ndynamic_shared_memory_type = mmap\nwal_buffers = 256kB\n", 20),
    mariadb("mariadb", "--innodb-buffer-pool-size=16M"),
    postgres("postgres_large", "dynamic_shared_memory_type = posix\n", 20),  # shared_buffers as it is by default, 128MB
]


class Run:
    """One run of a row, in an empty folder of its own."""

    def __init__(self, row: Server, mode: str, base: Path, options: argparse.Namespace) -> None:
        self.row, self.mode, self.options, self.base = row, mode, options, base
        self.folder = base / "work"
        self.problems: list[str] = []
        self.outputs: list[bytes] = []
        self.words = {"folder": str(self.folder), "port": str(free_port())}
        self.environment = {"PATH": PATH, "HOME": str(self.folder), "LANG": "C", "TZ": "UTC", "TMPDIR": str(base / "tmp")}

    def fill(self, text: str) -> str:
        return re.sub(r"\{(folder|port)\}", lambda m: self.words[m[1]], text)

    def argv(self, command: str, recorded: bool) -> list[str]:
        argv = harness.parse_words(self.fill(command))
        argv[0] = shutil.which(argv[0], path=PATH) or argv[0]
        if recorded:
            argv = harness.fred_command(self.options.fred, "verify", harness.parse_words(self.options.engine_options), argv)
        if os.geteuid() == 0:  # which some servers refuse
            argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]
        return argv

    @contextlib.contextmanager
    def process(self, command: str, name: str, recorded: bool, stdin: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """Its output goes to NAME.out and NAME.err; it is waited for, within the limit."""
        with contextlib.ExitStack() as files:
            (self.base / f"{name}.in").write_text(stdin)
            source, out, err = (files.enter_context(open(self.base / f"{name}.{end}", mode))
                                for end, mode in (("in", "rb"), ("out", "wb"), ("err", "wb")))
            with harness.spawn_lock:
                process = subprocess.Popen(self.argv(command, recorded), stdin=source, stdout=out, stderr=err, cwd=self.folder,
                                           env=self.environment, start_new_session=True)
                harness.children.add(process.pid)
        try:
            yield process
            process.wait(self.options.timeout)
        except subprocess.TimeoutExpired:
            self.problems.append(f"{name}: no end within {self.options.timeout:g} s")
        finally:
            harness.end_child(process)
            if recorded:
                self.check_verified(name)

    def check_verified(self, name: str) -> None:
        _, own = harness.split_fred_lines((self.base / f"{name}.err").read_bytes())
        if not own or not harness.VERIFIED.fullmatch(own[-1]):
            self.problems.append(f"{name}: no 'fred: verified … no divergence' line")
        else:
            own.pop()
        self.problems += [f"{name}: fred says: {line.decode(errors='replace')}" for line in own[:3]]

    def client(self, number: int, client: Client) -> None:
        name = f"client {number} ({client.command.split()[0]})"
        with self.process(client.command, f"client{number}", self.mode == "clients", client.stdin) as process:
            pass
        guest_stderr, _ = harness.split_fred_lines((self.base / f"client{number}.err").read_bytes())
        if process.returncode != client.status:
            last = guest_stderr.splitlines()[-1:] or [b""]
            self.problems.append(f"{name}: status {process.returncode}, expected {client.status}: {last[0].decode(errors='replace')}")
        lines = (self.base / f"client{number}.out").read_bytes().splitlines(keepends=True)
        if client.compare is not None:
            self.outputs += [b"".join(line for line in lines if re.search(client.compare.encode(), line))]

    def is_ready(self) -> bool:
        if self.row.ready:
            with self.process(self.row.ready, "ready", False) as process:
                pass
            return process.returncode == 0
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self.words["port"]))) == 0

    def wait_until_ready(self, server: subprocess.Popen[bytes]) -> bool:
        limit = time.monotonic() + self.options.timeout
        while server.poll() is None and time.monotonic() < limit:
            if self.is_ready():
                return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(0.02)
        self.problems.append("server: not ready")
        return False

    def with_server(self) -> None:
        with self.process(self.row.command, "server", self.mode == "server") as server:
            if self.wait_until_ready(server):
                for number, client in enumerate(self.row.clients):
                    self.client(number, client)
            if self.row.pid_file and (pid := first_number(self.folder / self.row.pid_file)):
                os.kill(pid, self.row.end)
        if server.returncode != 0:
            self.problems.append(f"server: status {server.returncode}")

    def run(self) -> None:
        for folder in (self.folder, self.base / "tmp"):
            folder.mkdir()
        for name, content in self.row.files.items():
            (self.folder / name).write_text(self.fill(content))
        for path in [self.base, *self.base.rglob("*")] if os.geteuid() == 0 else []:
            os.chown(path, NOBODY, NOBODY)
        for command in self.row.prepare:
            with self.process(command, "prepare", False) as process:
                pass
            if process.returncode:
                self.problems.append(f"natively: {command}: status {process.returncode}")
                return
        if self.row.command:
            self.with_server()
        else:
            for number, client in enumerate(self.row.clients):
                self.client(number, client)
        self.problems += [f"process left behind: {name}" for name in harness.end_orphans(str(self.base / "tmp"))]
        self.problems += [f"left in TMPDIR: {path.name}" for path in (self.base / "tmp").iterdir()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_number(file: Path) -> int | None:
    try:
        return int(file.read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None


def shared_memory() -> set[str]:
    """What a database may leave: its POSIX segments, and System V ones that nobody has attached, of this user's."""
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    found = {path.name for path in Path("/dev/shm").glob("PostgreSQL.*")}
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[7]) == user and fields[6] == "0":
            found.add(f"segment {fields[1]}")
    return found


def check_shared_memory(before: set[str]) -> Result:
    left = sorted(shared_memory() - before)
    return Result("shared memory", "failed" if left else "passed", [f"left behind: {name}" for name in left])


def check(row: Server, options: argparse.Namespace) -> Result:
    tools = [*row.command.split()[:1], *row.needs]
    if missing := [tool for tool in tools if not shutil.which(tool, path=PATH)]:
        return Result(row.name, "skipped", [f"not installed: {' '.join(missing)}"])
    native: list[bytes] = []
    problems: list[str] = []
    for mode in MODES if row.command else ("native", "clients"):
        with tempfile.TemporaryDirectory(prefix="real-", ignore_cleanup_errors=True) as base:
            run = Run(row, mode, Path(base), options)
            run.run()
            if mode == "native":
                native = run.outputs
            for before, now in zip(native, run.outputs):
                run.problems += harness.first_difference("output", before, now)
            problems += [f"{mode}: {line}" for line in run.problems]
            if run.problems and options.keep:
                shutil.copytree(base, options.keep / f"{row.name}-{mode}", dirs_exist_ok=True, copy_function=keep_file)
            if mode == "native" and problems:
                break
    return Result(row.name, "failed" if problems else "passed", problems)


def keep_file(source: str, target: str) -> None:
    with contextlib.suppress(OSError):  # sockets
        shutil.copyfile(source, target)


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs servers and their clients natively and recorded with --verify.")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build", help="build folder")
    parser.add_argument("--fred", type=Path, help="the fred program (default: BUILD/bin/fred)")
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only names that contain it")
    parser.add_argument("--engine-options", metavar="OPTIONS", help="passed to fred record")
    parser.add_argument("--timeout", type=float, default=180, metavar="SECONDS", help="limit of one program")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="what failed leaves its folder there")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed as well")
    options = parser.parse_args()
    options.fred = (options.fred or options.build / "bin" / "fred").resolve()
    if not options.fred.exists():
        print(f"no {options.fred}: build it first (./dev build)", file=sys.stderr)
        return 2
    if os.geteuid() == 0 and subprocess.run(["setpriv", f"--reuid={NOBODY}", "--clear-groups", "test", "-x", options.fred],
                                            check=False).returncode:
        print(f"skipped servers: {options.fred} is not readable for others, and servers want another user than root")
        print(f"0 passed, 0 failed, {len(SERVERS)} skipped")
        return 0
    harness.become_subreaper()
    chosen = [row for row in SERVERS if not options.filter or any(f in row.name for f in options.filter)]
    left = partial(check_shared_memory, shared_memory())
    return harness.report(options.jobs, [partial(check, row, options) for row in chosen], options.verbose, [left])


if __name__ == "__main__":
    sys.exit(main())
