"""The benchmark's programs: the kernels of bench/kernels, and real programs with inputs made here.

Every input is the same on every machine; each program takes about a second natively.
"""

from __future__ import annotations

import dataclasses
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent

KERNEL = "kernel"
SYSCALLS = "system calls"
REAL = "real program"


@dataclasses.dataclass(frozen=True)
class Program:
    """One row of the table. `command` is run in the inputs' folder; `scratch` are files it makes there."""

    name: str
    kind: str
    command: tuple[str, ...]
    prepare: Callable[[Path], None] = lambda folder: None
    scratch: tuple[str, ...] = ()

    def missing(self, folder: Path) -> str | None:
        """What has to be there for this program to run and is not."""
        return None if shutil.which(self.command[0], path=f"{folder}:/usr/bin:/bin") else self.command[0]


def all_programs(kernels: Path) -> list[Program]:
    """The table's rows; `kernels` is the folder of the built kernels."""
    def kernel(name: str, kind: str = KERNEL) -> Program:
        return Program(name, kind, (str(kernels / name),))

    def script(name: str) -> str:
        return str(HERE / "inputs" / name)

    return [
        *(kernel(name) for name in ("sort", "hashmap", "strmap", "fib", "matrix", "interp_switch", "interp_goto",
                                    "indirect", "virtual", "memcpy")),
        kernel("read_write", SYSCALLS),
        kernel("clock", SYSCALLS),
        Program("bzip2", REAL, ("bzip2", "-9", "-c", "text", "text"), prose),
        Program("xz", REAL, ("xz", "-T1", "-3", "-c", "short"), prose),
        Program("sqlite3", REAL, ("sqlite3", "shop.db", ".read shop.sql"), shop, ("shop.db", "shop.db-journal")),
        Program("perl", REAL, ("perl", script("words.pl"), "text", "text", "text"), prose),
        Program("python3", REAL, ("/usr/bin/python3", "-B", script("mixed.py"))),
        Program("cc1plus", REAL, (cc1plus(), "-quiet", "-O1", "-o", "-", "regex.ii"), preprocessed),
        Program("gawk", REAL, ("gawk", "-f", script("fields.awk"), "table"), table),
        Program("sort (coreutils)", REAL, ("sort", "--parallel=1", "-S", "256M", "-k3,3", "-k2,2n", "table"), table),
    ]


def cc1plus() -> str:
    found = subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "cc1plus"


def once(path: Path) -> bool:
    """True if the input `path` is still to be made."""
    return not path.exists()


def words(rng: random.Random, count: int) -> list[str]:
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = [26 - i for i in range(26)]
    return ["".join(rng.choices(letters, weights, k=rng.randint(2, 10))) for _ in range(count)]


def prose(folder: Path) -> None:
    """`text`: 9 MB of lines of words whose frequencies fall as in a natural language; `short`: 2 MB of it."""
    path = folder / "text"
    if not once(path):
        return
    rng = random.Random(1)
    vocabulary = words(rng, 20_000)
    totals = []
    total = 0.0
    for rank in range(len(vocabulary)):
        total += 1 / (rank + 10)
        totals.append(total)
    drawn = rng.choices(vocabulary, cum_weights=totals, k=1_500_000)
    lines = [" ".join(drawn[i:i + 12]).capitalize() + ".\n" for i in range(0, len(drawn), 12)]
    path.write_text("".join(lines))
    (folder / "short").write_text("".join(lines[:26_000]))


def table(folder: Path) -> None:
    """`table`: 1,000,000 lines of number, amount, name, code."""
    path = folder / "table"
    if not once(path):
        return
    rng = random.Random(2)
    names = words(rng, 5000)
    path.write_text("".join(f"{i} {rng.randrange(100000)} {rng.choice(names)} {rng.randrange(16 ** 6):06x}\n"
                            for i in range(1_000_000)))


def shop(folder: Path) -> None:
    """`shop.sql`: customers and orders inserted one statement each in transactions, then queries."""
    path = folder / "shop.sql"
    if not once(path):
        return
    rng = random.Random(3)
    names = words(rng, 2000)
    lines = ["PRAGMA synchronous = OFF;",
             "CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, town TEXT);",
             "CREATE TABLE item(id INTEGER PRIMARY KEY, customer INTEGER, what TEXT, price REAL, day INTEGER);",
             "CREATE INDEX item_customer ON item(customer);"]
    lines += ["BEGIN;"]
    lines += [f"INSERT INTO customer VALUES({i}, '{rng.choice(names)}', '{rng.choice(names[:100])}');"
              for i in range(8000)]
    lines += ["COMMIT;"]
    for block in range(24):
        lines += ["BEGIN;"]
        lines += [f"INSERT INTO item(customer, what, price, day) VALUES({rng.randrange(8000)}, "
                  f"'{rng.choice(names)} {rng.choice(names)}', {rng.randrange(10000) / 100}, {rng.randrange(365)});"
                  for _ in range(4000)]
        lines += [f"UPDATE item SET price = price * 1.1 WHERE day % 24 = {block};", "COMMIT;"]
    lines += [
        "SELECT town, count(*), round(sum(price), 2) FROM item JOIN customer ON customer.id = customer GROUP BY town "
        "ORDER BY 3 DESC LIMIT 20;",
        "SELECT day, round(avg(price), 3) FROM item WHERE what LIKE '%an%' GROUP BY day HAVING count(*) > 10;",
        "SELECT name, what, rank FROM (SELECT customer, what, rank() OVER (PARTITION BY customer ORDER BY price DESC) "
        "AS rank FROM item) JOIN customer ON customer.id = customer WHERE rank = 1 ORDER BY name, what LIMIT 50;",
        "CREATE INDEX item_what ON item(what, day);",
        "SELECT count(*) FROM item a JOIN item b ON a.what = b.what AND a.day < b.day;",
        "DELETE FROM item WHERE day < 30;",
        "SELECT count(*), round(sum(price), 2), max(length(what)) FROM item;",
        "PRAGMA integrity_check;",
    ]
    path.write_text("\n".join(lines) + "\n")


def preprocessed(folder: Path) -> None:
    """`regex.ii`: what the compiler proper is given for inputs/regex.cpp."""
    path = folder / "regex.ii"
    if once(path):
        subprocess.run(["g++", "-E", "-std=gnu++17", str(HERE / "inputs" / "regex.cpp"), "-o", str(path)], check=True)
