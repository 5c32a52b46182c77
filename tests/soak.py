#!/usr/bin/env python3
"""Randomly chosen guests under random schedules, recorded and verified, as many as there is time for.

A line with the seed of each round lets one have it again (--seed). At the end nothing is left behind: no process of fred's,
no shared memory, no file.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import harness  # noqa: E402
import run_guests  # noqa: E402
from harness import Result  # noqa: E402

AT_ONCE = 40  # guests in a round


def engines() -> set[str]:
    """The processes of fred's that are there."""
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name = (folder / "comm").read_text().strip()
        except OSError:
            continue  # it has ended
        if name.startswith("fred-"):
            found.add(f"{name} ({folder.name})")
    return found


def left_behind() -> set[str]:
    """What a recording could leave, but for what the guests' own folders hold: those are looked at for each guest."""
    return engines() | {f"/dev/shm/{entry}" for entry in os.listdir("/dev/shm")} | \
        {str(path) for path in Path(os.environ.get("TMPDIR", "/tmp")).glob("fred-*")}


def check_nothing_left(before: set[str]) -> Result:
    left = sorted(left_behind() - before)
    return Result("nothing left behind", "failed" if left else "passed", left)


def run_round(seed: int, guests: list[run_guests.Guest], options: argparse.Namespace, before: set[str]) -> int:
    print(f"-- seed {seed}", flush=True)
    choose = random.Random(seed)
    flags = run_guests.processor_flags()
    tasks = []
    for guest in choose.sample(guests, min(AT_ONCE, len(guests))):
        words = f"--chaos={choose.randrange(1 << 32)} --snapshot-every={choose.choice((10, 50, 500))}"
        own = argparse.Namespace(**vars(options) | {"engine_options": words})
        tasks.append(partial(run_guests.check, guest, flags, own, None))
    return harness.report(options.jobs, tasks, options.verbose, afterwards=[partial(check_nothing_left, before)])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parent / "build")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, help="one round, this one")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    options.fred = (options.build / "bin/fred").resolve()
    options.modes, options.native_only = "verify", False
    guests = run_guests.find_guests(options.build.resolve() / "tests/guests", [])
    harness.become_subreaper()
    before = left_behind()
    if options.seed is not None:
        return run_round(options.seed, guests, options, before)
    end = time.monotonic() + options.minutes * 60
    failed = 0
    while time.monotonic() < end:
        failed |= run_round(random.randrange(1 << 32), guests, options, before)
    return failed


if __name__ == "__main__":
    sys.exit(main())
