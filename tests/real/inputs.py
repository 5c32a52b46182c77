"""Generated inputs of the real programs: the same bytes on every machine and in every run."""

from __future__ import annotations

import os
from pathlib import Path

FIXED_TIME = 1_000_000_000


class Numbers:
    """A small generator of its own, so that no library version changes the inputs."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, limit: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit


def words(count: int, seed: int = 1) -> list[str]:
    numbers = Numbers(seed)
    syllables = ["ka", "lo", "mi", "ren", "tu", "sho", "ba", "nel", "or", "ix", "pa", "ve"]
    return ["".join(syllables[numbers.below(12)] for _ in range(1 + numbers.below(4))) for _ in range(count)]


def text(kilobytes: int, seed: int = 1) -> str:
    """Lines of words and numbers, as compressible as a log."""
    numbers, vocabulary, lines, size = Numbers(seed), words(3000, seed), [], 0
    while size < kilobytes * 1024:
        line = " ".join(vocabulary[numbers.below(1 + numbers.below(3000))] for _ in range(numbers.below(14)))
        lines.append(f"{numbers.below(100000)} {line}")
        size += len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


def records(count: int) -> str:
    """Comma-separated: name, group, amount, price."""
    numbers, names = Numbers(5), words(count, 5)
    return "".join(f"{name},{numbers.below(50)},{numbers.below(10000)},{numbers.below(100000) / 100:.2f}\n"
                   for name in names)


def tree(folder: Path, files: int) -> None:
    """Folders three deep with files, links and fixed times."""
    numbers = Numbers(9)
    for i in range(files):
        place = folder / f"d{numbers.below(5)}" / f"e{numbers.below(4)}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"file{i:04}.{'txt' if i % 3 else 'dat'}").write_text(text(numbers.below(8), i + 1))
    (folder / "link").symlink_to("d0")
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (FIXED_TIME, FIXED_TIME), follow_symlinks=False)


def sql(rows: int) -> str:
    """A database on disk: transactions, indices, joins, aggregates, changes, a rollback."""
    numbers, names = Numbers(11), words(rows, 11)
    lines = ["pragma journal_mode=delete;", "create table item(id integer primary key, name text, grp int, price real);",
             "create table grp(id integer primary key, title text);"]
    lines += [f"insert into grp values({i}, 'group {i}');" for i in range(40)]
    for start in range(0, rows, 1000):
        lines.append("begin;")
        lines += [f"insert into item values({i}, '{names[i]}', {numbers.below(40)}, {numbers.below(10**6) / 100});"
                  for i in range(start, min(start + 1000, rows))]
        lines.append("commit;")
    lines += [
        "create index by_name on item(name);", "create index by_group on item(grp, price);",
        "select count(*), sum(price), min(name), max(name) from item;",
        "select title, count(*), round(avg(price), 3) from item join grp on grp.id = item.grp group by grp.id order by 2 desc, 1;",
        "update item set price = price * 1.1 where grp < 10;", "delete from item where id % 7 = 3;",
        "begin; delete from item; rollback;",
        "select name, count(*) c from item group by name having c > 3 order by c desc, name limit 20;",
        "with recursive f(n, a, b) as (select 1, 0, 1 union all select n + 1, b, a + b from f where n < 50) select * from f;",
        "select group_concat(name, '|') from (select distinct name from item where name like 'ka%' order by name limit 30);",
        "select * from item i where price > (select avg(price) * 1.9 from item where grp = i.grp) order by id limit 20;",
        "pragma integrity_check;", "vacuum;", "select count(*) from item;"]
    return "\n".join(lines) + "\n"


def cpp_source(functions: int) -> str:
    """C++ that uses templates and the library, for the compiler."""
    parts = ["#include <algorithm>\n#include <map>\n#include <string>\n#include <vector>\n"]
    for i in range(functions):
        parts.append(f"""
template <class T> struct S{i} {{ T v; int n; T f(T x) const {{ return x * v + n + {i}; }} }};
int work{i}(const std::vector<int>& in) {{
  std::map<std::string, S{i}<long>> m;
  for (int x : in) m[std::to_string(x % {i + 3})].v += x;
  std::vector<long> out;
  for (const auto& [k, s] : m) out.push_back(s.f(static_cast<long>(k.size())));
  std::sort(out.begin(), out.end(), [](long a, long b) {{ return a % 7 < b % 7 || (a % 7 == b % 7 && a < b); }});
  return out.empty() ? {i} : static_cast<int>(out.front() ^ out.back());
}}""")
    return "\n".join(parts) + "\n"


def project(folder: Path, units: int) -> None:
    """C sources and a makefile."""
    folder.mkdir()
    for i in range(units):
        (folder / f"unit{i}.c").write_text(f"int unit{i}(int x) {{ return x * {i + 3} + {i}; }}\n")
    calls = "".join(f"int unit{i}(int);\n" for i in range(units))
    (folder / "main.c").write_text(calls + "int main(void) { return " + " ^ ".join(f"unit{i}({i})" for i in range(units)) + "; }\n")
    objects = " ".join(f"{name}.o" for name in ("main", *(f"unit{i}" for i in range(units))))
    (folder / "Makefile").write_text(f"prog: {objects}\n\t$(CC) -Wl,--build-id=none -o $@ {objects}\n"
                                     ".SUFFIXES: .c .o\n.c.o:\n\t@$(CC) -O1 -c -o $@ $<\n")
