"""The real servers that tests talk to: found on this machine, started on free ports, stopped at the end.

`python tests/servers.py` (which `make test` runs) installs what is missing, as root on Debian or Ubuntu, and names what
it cannot get. Nothing is installed from inside a test.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg


class Absent(Exception):
    """A server is not on this machine; the message says so in one sentence, with the remedy."""


@dataclass(frozen=True)
class Need:
    title: str
    programs: tuple[str, ...]  # any one of them will do
    places: tuple[str, ...]  # glob patterns of folders outside PATH where packagers put them
    packages: tuple[str, ...]  # Debian's
    whole: Callable[[Path], bool] = Path.exists  # whether what the program needs beside it is there too


def has_postgis(initdb: Path) -> bool:
    config = initdb.resolve().with_name("pg_config")
    if not config.exists():
        return False
    shared = subprocess.run([config, "--sharedir"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(shared, "extension", "postgis.control").exists()


def can_be_driven(_chromium: Path) -> bool:
    """Playwright's driver is a program too, and a slim Debian lacks a library it needs."""
    return (
        subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, check=False).returncode
        == 0
    )


POSTGRES = Need(
    title="PostgreSQL with PostGIS",
    programs=("initdb",),
    places=("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"),
    packages=("postgresql", "postgresql-postgis"),
    whole=has_postgis,
)
MOSQUITTO = Need(
    title="Mosquitto",
    programs=("mosquitto",),
    places=("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"),
    packages=("mosquitto",),
)
NATS = Need(
    title="NATS",
    programs=("nats-server",),
    places=("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"),
    packages=("nats-server",),
)
CHROMIUM = Need(
    title="Chromium",
    programs=("chromium", "chromium-browser", "google-chrome", "Chromium", "Google Chrome"),
    places=("/Applications/Chromium.app/Contents/MacOS", "/Applications/Google Chrome.app/Contents/MacOS"),
    packages=("chromium", "libatomic1"),
    whole=can_be_driven,
)
NEEDS = (POSTGRES, MOSQUITTO, NATS, CHROMIUM)

START_SECONDS = 60


def find(need: Need) -> Path:
    """Path of the program; raises Absent where there is none."""
    folders = [os.environ.get("PATH", os.defpath)]
    for place in need.places:
        folders += sorted(map(str, Path("/").glob(place.removeprefix("/"))), key=version, reverse=True)
    for name in need.programs:
        for folder in folders:
            if (program := shutil.which(name, path=folder)) and need.whole(Path(program)):
                return Path(program)
    packages = " ".join(need.packages)
    raise Absent(f"{need.title} is not on this machine: as root on Debian `make servers` installs {packages}")


def version(folder: str) -> list[int]:
    """Numbers in a path, so that the newest of several versions sorts last: 9.6, 10, 17."""
    return [int(number) for number in re.findall(r"\d+", folder)]


def install() -> None:
    """Install what is missing where that can be done here, then name what is still missing, one line each."""
    missing = [need for need in NEEDS if not present(need)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        apt("update", "-qq")
        for need in missing:  # one by one, so that a package this release does not have costs only itself
            print(f"installing {need.title}", flush=True)
            apt("install", "-qq", "-y", "--no-install-recommends", *need.packages)
    for need in missing:
        if not present(need):
            print(
                f"{need.title} cannot be had here ({' '.join(need.packages)} on Debian): tests that need it are skipped"
            )


def present(need: Need) -> bool:
    try:
        find(need)
    except Absent:
        return False
    return True


def apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30", *arguments]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        complaint = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        print(f"apt-get {' '.join(arguments)}: {complaint[-1]}", flush=True)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(title: str, command: list[str], answers: Callable[[], bool], **options: object) -> Iterator[None]:
    """Run a server until the block ends; raises RuntimeError with its last words when it does not come up."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **options)  # type: ignore[call-overload]
        try:
            deadline = time.monotonic() + START_SECONDS
            while not answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{title} did not start: {log.read()[-2000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Address(NamedTuple):
    host: str
    port: int


@dataclass(frozen=True)
class Postgres:
    """A cluster of our own; `database()` makes a fresh database with PostGIS in it and drops it afterwards."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True
        ) as link:
            link.execute(psycopg.sql.SQL(statement))  # type: ignore[arg-type]

    @contextmanager
    def database(self) -> Iterator[str]:
        name = f"test_{time.monotonic_ns()}"
        self.run(f"CREATE DATABASE {name} TEMPLATE with_postgis")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgres() -> Iterator[Postgres]:
    initdb = find(POSTGRES)
    port = free_port()
    # PostgreSQL refuses to run as root: there it runs as the account its package made.
    account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="cg-postgres-") as home:
        if account:
            shutil.chown(home, "postgres", "postgres")
        data = str(Path(home) / "data")
        options = ["--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync"]
        made = subprocess.run(
            [initdb, f"--pgdata={data}", *options], cwd=home, capture_output=True, text=True, check=False, **account
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr[-2000:]}")
        settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        command = [str(initdb.resolve().with_name("postgres")), "-D", data]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        cluster = Postgres(port)
        with running("PostgreSQL", command, lambda: accepts(cluster), cwd=home, **account):
            cluster.run("CREATE DATABASE with_postgis")
            cluster.run("CREATE EXTENSION postgis", database="with_postgis")
            yield cluster


def accepts(cluster: Postgres) -> bool:
    with suppress(psycopg.OperationalError):
        cluster.run("SELECT 1")
        return True
    return False


@contextmanager
def mosquitto(home: Path | None = None, port: int = 0, settings: str = "") -> Iterator[Address]:
    """An MQTT broker that lets anybody in. With a `home` it keeps there what it knows, for the next one on the same port."""
    program = find(MOSQUITTO)
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="cg-mosquitto-") as own:
        kept = f"persistence true\npersistence_location {home}/\n" if home else "persistence false\n"
        account = "user root\n" if os.geteuid() == 0 else ""
        lines = f"listener {port} 127.0.0.1\nallow_anonymous true\n{kept}{account}{settings}"
        file = Path(own) / "mosquitto.conf"
        file.write_text(lines, encoding="utf-8")
        with running("Mosquitto", [str(program), "-c", str(file)], lambda: listening(port)):
            yield Address("127.0.0.1", port)


@contextmanager
def nats() -> Iterator[Address]:
    """A NATS server with JetStream."""
    program = find(NATS)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="cg-nats-") as home:
        command = [str(program), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", home]
        with running("NATS", command, lambda: listening(port)):
            yield Address("127.0.0.1", port)


if __name__ == "__main__":
    sys.exit(install())
