"""A session's history, saved and run again: the same stops, or the first that differs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from terminal import Failure, Terminal

COMMANDS = ["break new_node", "run", "continue 3", "reverse-next", "reverse-watch list_len(head) < 2", "next",
            "bookmark here", "goto start", "goto here", "undo", "goto 50%", "tbreak finished", "continue"]


def save_in_terminal(command: list[str], folder: Path, env: dict[str, str], timeout: float) -> None:
    terminal = Terminal(command, env, folder, timeout)
    try:
        for line, answer in (("break finished", "Breakpoint 1 at"), ("run", "Breakpoint 1, "), ("history save typed", "Saved"),
                             ("kill", "(y or n)"), ("y", "killed")):
            terminal.type(line.encode() + b"\r")
            terminal.expect(answer, [])
        terminal.type(b"quit\r")
        terminal.finish()
    finally:
        terminal.close()


def check(fred_gdb: Path, program: Path, folder: Path, env: dict[str, str], timeout: float) -> list[str]:
    def run(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(fred_gdb), "-q", "-nx", *words, str(program)], input=typed, cwd=folder, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)

    def replay(text: str) -> subprocess.CompletedProcess[str]:
        (folder / "replayed").write_text(text)
        return run("--batch", "--replay-commands", "replayed")

    first = run(typed="\n".join([*COMMANDS, "history save saved"]) + "\n")
    saved = (folder / "saved").read_text()
    wrong = [] if len(saved.splitlines()) == len(COMMANDS) else [f"saved: {saved}", first.stdout]
    again = replay(saved)
    if again.returncode != 0:
        wrong.append(f"the same program: status {again.returncode}, {again.stdout[-300:]}")
    try:
        save_in_terminal([str(fred_gdb), "-q", "-nx", str(program)], folder, env, timeout)
        typed = replay((folder / "typed").read_text())
        if typed.returncode != 0:
            wrong.append(f"typed at a terminal: status {typed.returncode}, {typed.stdout[-300:]}")
    except Failure as failure:
        wrong.append(f"in a terminal: {failure}")
    for what, text, message in (
            ("another step", saved.replace('"next"', '"step 2"'), "replayed:6: 'step 2' ended at "),
            ("cut off", saved[:-20], f"replayed:{len(COMMANDS)}: "),
            ("no history", "garbage\n", "replayed:1: ")):
        outcome = replay(text)
        if outcome.returncode != 1 or message not in outcome.stdout:
            wrong.append(f"{what}: status {outcome.returncode}, {outcome.stdout[-300:]}")
    return wrong
