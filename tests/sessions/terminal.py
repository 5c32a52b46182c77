"""A program in a pseudo-terminal, and what it shows there."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]|[\x01\x02\x07]")


# Sessions say what gdb 13 writes. What later versions write for it: (since, theirs as a regular expression, gdb 13's).
OTHER_WORDS = (
    (14, r"(?m)^warning: (\d+\t.*: No such file or directory)$", r"\1."),
    (16, r"Reached end of recorded history; stopping\.", "No more reverse-execution history."),
    (16, r"No breakpoints, watchpoints, tracepoints, or catchpoints\.", "No breakpoints or watchpoints."),
    (16, r"Delete all breakpoints, watchpoints, tracepoints, and catchpoints\? ", "Delete all breakpoints? "),
    (16, r"Error in testing condition for breakpoint ", "Error in testing breakpoint condition "),
    (18, r"(?<=stopped\.\n)\[Switching to thread [\d.]+ \((Thread [\d.]+)\)\]", r"[Switching to \1]"),
    (18, r"\[Switching to thread [\d.]+ \((Thread [\d.]+)\)\](?=\n\nThread )", r"[Switching to \1]"),
    (18, r"\[New Thread ([\d.]+) \(id \d+\)\]", r"[New Thread \1]"),
)


def as_gdb_13(text: str) -> str:
    for _, theirs, words in OTHER_WORDS:
        text = re.sub(theirs, words, text)
    return text


class Failure(Exception):
    pass


class Terminal:
    """A program in a pseudo-terminal of its own."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path, timeout: float) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, env)
        self.deadline = time.monotonic() + timeout
        self.raw, self.ended, self.seen = b"", False, 0
        self.resize(24, 80)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def text(self) -> str:
        return as_gdb_13(ESCAPES.sub("", self.raw.decode(errors="replace")).replace("\r", ""))

    def read_more(self) -> None:
        remaining = self.deadline - time.monotonic()
        if self.ended:
            raise Failure("the program has ended")
        if remaining <= 0 or not select.select([self.master], [], [], remaining)[0]:
            raise Failure("nothing more appeared in time")
        try:
            chunk = os.read(self.master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            chunk = b""
        self.ended = not chunk
        self.raw += chunk

    def expect(self, line: str, forbidden: list[str]) -> None:
        """Waits for the text behind what has been matched so far."""
        while True:
            rest = self.text()[self.seen:]
            found = re.search(line[1:], rest) if line.startswith("/") else None
            begin, end = (found.start(), found.end()) if found else (-1, -1)
            if not line.startswith("/"):
                begin = rest.find(line)
                end = begin + len(line)
            if begin >= 0:
                for text in forbidden:
                    if text in rest[:begin]:
                        raise Failure(f"'{text}' appeared")
                self.seen += end
                return
            try:
                self.read_more()
            except Failure as failure:
                raise Failure(f"{failure}; expected '{line}'") from None

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def finish(self) -> int:
        while not self.ended:
            self.read_more()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        os.close(self.master)
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
