"""The fence around the process that reads payloads: what it may open, ask for and start. Raised once, before any payload.

Three rings. The operating system's limits hold for everything, C libraries too: memory, processor time, no file may grow, no
core dump and, where Linux allows it, a network of its own with nobody in it. Python's audit events hold for Python code: no
sockets, no processes, and of files only the payload itself, installed modules and time zones. The environment holds for
GDAL, which sniffs content and follows what it finds.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import site
import sys
import sysconfig
import zoneinfo
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "ignore",
    "GDAL_SKIP": "VRT,GTI,WMS,WMTS,WCS,HTTP,DAAS,PLMOSAIC,RASTERLITE,Zarr",
    "OGR_SKIP": "VRT,CSW,WFS,OAPIF,CARTO,AmigoCloud,Elastic,GMLAS,NGW,PLSCENES",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_DRIVER_PATH": "disable",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "XML_CATALOG_FILES": "",
}
"""Of the process, from its start."""

_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "os.kill",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "pty.",
    "resource.setrlimit",
    "resource.prlimit",
    "shutil.",
    "sqlite3.",
    "tempfile.",
    "urllib.",
    "http.client.",
    "ftplib.",
    "smtplib.",
    "telnetlib.",
    "webbrowser.",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000

_lifted = False
"""While the fence itself sets limits."""
_payload: str | None = None
_statm: int | None = None
_status: int | None = None
_roots: tuple[str, ...] = ()
_verdicts: dict[str, bool] = {}


class Forbidden(PermissionError):
    """Something that reading a payload never needs."""


def alone() -> bool:
    """Leave the network, where the system lets an ordinary process do so. Only while there is one thread."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    # A namespace of users first is what an ordinary user needs; root may not need it, and keeps its rights to the file.
    return any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def raise_fence(packages: Iterable[Path]) -> None:
    """Forbid, for the rest of this process, what no payload needs; `packages` may still be imported from."""
    global _roots, _statm, _status
    for limit, value in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    installed = [*site.getsitepackages(), *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))]
    places = [*installed, *map(str, packages), *zoneinfo.TZPATH]
    _roots = tuple({os.path.realpath(place) + os.sep for place in places} | {str(Path(p)) + os.sep for p in places})
    if sys.platform.startswith("linux"):
        _statm = os.open("/proc/self/statm", os.O_RDONLY)
        _status = os.open("/proc/self/status", os.O_RDONLY)
    sys.addaudithook(_watch)


def allow(path: Path | None, memory_bytes: int, cpu_s: int) -> None:
    """Set the limits of one payload: the one file it may open, and memory and processor time beyond what is used now."""
    global _payload, _lifted
    _payload = None if path is None else os.path.realpath(path)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lifted = True
    try:
        _soft(resource.RLIMIT_AS, _address_space() + memory_bytes)
        _soft(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + cpu_s)
    finally:
        _lifted = False


def _soft(limit: int, value: int) -> None:
    with suppress(ValueError, OSError):  # macOS knows RLIMIT_AS but does not let it be set
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def _address_space() -> int:
    """Bytes this process has reserved by now; 0 where the system does not say."""
    return 0 if _statm is None else int(os.pread(_statm, 64, 0).split()[0]) * resource.getpagesize()


def most_held() -> int:
    """The most memory this process ever held, in bytes."""
    if _status is not None:
        # Linux keeps in `ru_maxrss` across exec what the parent held, which for a server may be gigabytes.
        told = re.search(rb"VmHWM:\s*(\d+) kB", os.pread(_status, 8_192, 0))
        if told:
            return int(told[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if event == "open":
        _check_open(*args)
        return
    forbidden = _verdicts.get(event)
    if forbidden is None:
        forbidden = _verdicts[event] = event.startswith(_FORBIDDEN)
    if forbidden and not _lifted:
        raise Forbidden(f"reading a payload may not do {event}")
    if event == "ctypes.dlopen" and args[0]:
        raise Forbidden("reading a payload may not load a library")
    if event in ("os.listdir", "os.scandir") and not _within(args[0]):
        raise Forbidden("reading a payload may not list a folder")


def _check_open(path: Any, mode: Any, flags: Any) -> None:
    if isinstance(path, int):
        return
    if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING):
        raise Forbidden("reading a payload may not write a file")
    if not _within(path):
        raise Forbidden("reading a payload may not open another file")


def _within(path: Any) -> bool:
    if path is None or isinstance(path, int):
        return False
    asked = os.path.realpath(os.fsdecode(path))
    return asked == _payload or (asked + os.sep).startswith(_roots)
