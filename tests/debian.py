"""Debian's packages for tests, fetched without being installed: by an apt with a state of its own.

Nothing outside the given folder is written. The mirror is the one that this machine's apt uses; where it has none of
Debian's, or does not answer, Unavailable says so and the test is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class Unavailable(Exception):
    pass


def run(words: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", env={**os.environ, "LC_ALL": "C"}, check=False)
    except FileNotFoundError:
        raise Unavailable(f"no {words[0]}") from None
    if done.returncode != 0:
        told = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))] or done.stdout.splitlines()
        raise Unavailable(f"{words[0]}: {told[0] if told else f'status {done.returncode}'}")
    return done.stdout


def mirror() -> str:
    known = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], Path("/")).split()
    for uri in known:
        if uri.rstrip("/").endswith("/debian"):
            return uri
    raise Unavailable("apt knows no mirror of Debian")


class Release:
    """A release of Debian, with an apt whose machine has nothing installed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        for part in ("lists/partial", "archives/partial", "state"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "state/status").touch()
        signed = f"[signed-by={KEYS}] " if KEYS.exists() else ""
        uri = mirror()
        (folder / "sources.list").write_text("".join(f"{kind} {signed}{uri} {name} main\n" for kind in ("deb", "deb-src")))
        options = {"Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "-", "Dir::State": folder / "state",
                   "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "state/status", "Dir::Cache": folder,
                   "Dir::Cache::archives": folder / "archives", "APT::Sandbox::User": "", "Acquire::Retries": 1,
                   "Acquire::http::Timeout": 30, "APT::Update::Error-Mode": "any"}
        self.apt = ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        run([*self.apt, "update"], folder)

    def unpack(self, package: str) -> Path:
        """The package and all that it depends on, unpacked into one folder."""
        root = self.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        run([*self.apt, "install", "-y", "--no-install-recommends", "--download-only", package], self.folder)
        for file in sorted((self.folder / "archives").glob("*.deb")):
            run(["dpkg-deb", "-x", str(file), str(root)], self.folder)
        return root

    def source(self, package: str) -> Path:
        """The sources as they were published, without Debian's changes."""
        run([*self.apt, "source", "--download-only", package], self.folder)
        archives = sorted(self.folder.glob(f"{package}_*.orig.tar.*"))
        if not archives:
            raise Unavailable(f"no sources of {package}")
        sources = self.folder / "source"
        shutil.rmtree(sources, ignore_errors=True)
        sources.mkdir()
        run(["tar", "xf", str(archives[-1]), "--strip-components=1", "-C", str(sources)], self.folder)
        return sources

