"""Behind the fence: what reading a payload may not do is refused, whoever tries, and what it needs works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.guard import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent

FENCED = """
import sys
from pathlib import Path
from ingest import fence
payload, alone = Path(sys.argv[1]), fence.alone()
fence.raise_fence([Path("ingest"), Path("data")])
fence.allow(payload, 512 << 20, 5)
try:
    {attempt}
except fence.Forbidden as error:
    print("forbidden:", error)
except BaseException as error:
    print(type(error).__name__, error)
else:
    print("done")
"""


def behind_the_fence(attempt: str, payload: Path) -> str:
    """What became of one attempt: `done`, `forbidden: …`, or an error of another kind."""
    done = subprocess.run(
        [sys.executable, "-c", FENCED.format(attempt=attempt), str(payload)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip() or f"ended with {done.returncode}"


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    file = tmp_path / "payload.csv"
    file.write_text("a,b\n")
    return file


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/hostname')",
        "Path('/etc/hostname').read_text()",
        "import os; os.open('/etc/hostname', os.O_RDONLY)",
        "payload.with_name('other.csv').write_text('x')",
        "payload.write_text('x')",
        "open(payload, 'r+b')",
        "import os; os.open(payload, os.O_RDWR)",
        "open(payload.parent / 'x' / '..' / 'other')",
        "import os; os.system('true')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.fork()",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import os; os.execv('/bin/true', ['true'])",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import os; os.listdir('/')",
        "import os; os.remove(payload)",
        "import os; os.rename(payload, str(payload) + 'x')",
        "import shutil; shutil.rmtree(payload.parent)",
        "import sqlite3; sqlite3.connect(':memory:')",
        "import ctypes; ctypes.CDLL('libc.so.6')",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "import os; os.kill(os.getppid(), 0)",
        "import os; os.symlink('/etc/hostname', payload.parent / 'link')",
    ],
)
def test_what_no_payload_needs_is_refused(payload: Path, attempt: str) -> None:
    assert behind_the_fence(attempt, payload).startswith("forbidden: reading a payload may not")
    assert payload.read_text() == "a,b\n"


@pytest.mark.parametrize(
    "attempt",
    [
        "assert open(payload).read() == 'a,b\\n'",
        "assert payload.read_bytes() and payload.stat()",
        "import colorsys, wave, shapely, lxml.etree",
        "import zoneinfo; zoneinfo.ZoneInfo('Africa/Juba')",
    ],
)
def test_what_reading_needs_works(payload: Path, attempt: str) -> None:
    assert behind_the_fence(attempt, payload) == "done"


def test_memory_and_time_end_at_their_limits(payload: Path) -> None:
    assert behind_the_fence("bytearray(1 << 30)", payload).startswith("MemoryError")
    assert behind_the_fence("while True: pass", payload) == "ended with -24", "SIGXCPU"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces of networks are Linux's")
def test_code_that_no_audit_sees_has_no_network_either(payload: Path) -> None:
    """A C library asks the system itself; where the system lets an ordinary process leave the network, nobody is there."""
    attempt = "assert not alone or [n for n in open('/proc/net/dev') if 'lo:' not in n][2:] == []"
    allowed = "fence._payload = '/proc/%d/net/dev' % __import__('os').getpid(); " + attempt
    assert behind_the_fence(allowed, payload) == "done"


def test_a_reader_counts_the_memory_it_held_itself_and_not_its_parents(payload: Path) -> None:
    held = b"x" * (400 << 20)
    assert behind_the_fence("print('own:', fence.most_held() < 200 << 20)", payload).startswith("own: True")
    del held
