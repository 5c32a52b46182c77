"""What the tables of single figures have in common: their options, and a run that has to succeed."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def arguments(description: str, runs: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--filter", default="", metavar="SUBSTR", help="only rows with it")
    parser.add_argument("--runs", type=int, default=runs, metavar="N", help=f"runs of each, of which the fastest counts ({runs})")
    return parser.parse_args()


def checked(command: list[str], timeout: float, folder: str | None = None, before: Callable[[], None] | None = None) -> str:
    """The command's standard output; `before` is called in its process."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, preexec_fn=before)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stderr.decode(errors='replace')[-200:]}")
    return done.stdout.decode(errors="replace")
