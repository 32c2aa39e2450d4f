"""The real program as people run it: a subprocess with a home of its own and no setting inherited from this shell."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess

from tests.servers import free_port

PROGRAM = Path(sys.executable).with_name("commonground")
START_SECONDS = 180
STOP_SECONDS = 20


def command(home: Path, *arguments: str | Path, stdin: bytes = b"", **settings: str) -> CompletedProcess[str]:
    """Run one `commonground` command to its end; `settings` are environment variables."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        env=environment(home, settings),
        check=False,
        timeout=600,
    )
    return CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMMONGROUND_")}
    return {**kept, "COMMONGROUND_HOME": str(home), **settings}


@dataclass
class Served:
    """`commonground serve` on a free port; stop() and start() bring it down and back on the same address."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    program: Path = PROGRAM
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home.with_name(f"{self.home.name}-{self.port}.log")

    def start(self) -> None:
        settings = {"COMMONGROUND_HOST": "127.0.0.1", "COMMONGROUND_PORT": str(self.port), **self.settings}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve"],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(self.home, settings),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"commonground serve did not come up: {self.log.read_text()[-3000:]}")
            time.sleep(0.1)

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self) -> None:
        """Ask it to end as a service manager would; raises RuntimeError when it does not in 20 seconds."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise RuntimeError(f"commonground serve was still there {STOP_SECONDS} s after SIGTERM") from None

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()


@contextmanager
def serving(home: Path, program: Path = PROGRAM, **settings: str) -> Iterator[Served]:
    """The server on an existing home, for fixtures of wider scope than `served`; `settings` as in `command`."""
    server = Served(home, settings, program)
    try:
        server.start()
        yield server
    finally:
        server.stop()
