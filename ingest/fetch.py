"""Asking an http(s) address for what it has: conditional, limited in size and time, and never led where it must not go."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx

LARGEST_BYTES = 512 << 20
LONGEST_S = 600.0
TIMEOUTS = httpx.Timeout(30.0, connect=15.0)
ONE_EACH = httpx.Limits(max_keepalive_connections=0)
HEADERS_S = 60.0
"""For a whole head of an answer: a server that drips it byte by byte is never silent."""
MOST_REDIRECTS = 5
REDIRECTS = frozenset((301, 302, 303, 307, 308))
HEADERS = {"User-Agent": "CommonGround", "Accept": "*/*", "Accept-Encoding": "gzip"}
HEADER_LINE = re.compile(r"([A-Za-z0-9-]+):[ \t]*([\x20-\x7e]+)\Z")


class Unheard(Exception):
    """The source could not be heard: why, in one sentence; and how long it asks to be left alone."""

    def __init__(self, sentence: str, retry_after_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class Unread(Unheard):
    """It was heard, and what it sent is in quarantine: none of it could be read. That has been recorded."""


@dataclass(frozen=True)
class Answer:
    """`path` is None where nothing has changed since the last answer; `validators` are for asking the next time."""

    path: Path | None
    media_type: str
    validators: Mapping[str, str]


def secret_headers(home: Path, source_name: str) -> dict[str, str]:
    """Lines like `Authorization: Bearer …` of the file `secrets/<source>.header` in the home folder; none where it is not.

    Raises `Unheard` where a line is none.
    """
    found = [HEADER_LINE.match(line) for line in secret_lines(home, source_name, ".header")]
    if not all(found):
        raise Unheard(
            f"secrets/{source_name}.header has a line that is no header; write lines like `Authorization: Bearer TOKEN`."
        )
    return {match[1]: match[2] for match in found if match}


def secret_lines(home: Path, source_name: str, end: str) -> list[str]:
    """The lines of `secrets/<source><end>` in the home folder that are not blank; none where there is no such file.

    Raises `Unheard` where it cannot be read, or others on this machine can read it too.
    """
    file = home / "secrets" / f"{source_name}{end}"
    if not re.fullmatch(r"[\w .-]+", source_name) or source_name.startswith(".") or not file.is_file():
        return []
    mode = file.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Unheard(f"{file} is open to others on this machine (mode {mode & 0o777:o}); chmod 600 it.")
    try:
        content = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Unheard(f"{file} cannot be read: {error.strerror or error}.") from None
    return [line.strip() for line in content.splitlines() if line.strip()]


@contextmanager
def fetch(
    client: httpx.Client,
    address: str,
    validators: Mapping[str, str],
    secrets: Mapping[str, str],
    folder: Path,
    linked_from: str = "",
) -> Iterator[Answer]:
    """Ask an address, with the validators of the last answer; the answer's file is gone at the end. Raises `Unheard`.

    `secrets` are headers for the address itself (or the one it is `linked_from`); another origin does not get them. The
    client must not keep connections (`ONE_EACH`), so that each can be cut when it takes too long.
    """
    conditions = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
    headers = {conditions[name]: value for name, value in validators.items() if name in conditions}
    began, reading = time.monotonic(), False
    try:
        url, home = httpx.URL(address), httpx.URL(linked_from or address)
        with _opened(client, url, home, {**HEADERS, **headers}, secrets) as response:
            if response.status_code == HTTPStatus.NOT_MODIFIED:
                if not headers:
                    raise Unheard("answered 304 Not Modified, though it was asked for everything.")
                yield Answer(None, "", validators)
                return
            if response.status_code != HTTPStatus.OK:
                raise Unheard(_refusal(response), _retry_after(response))
            folder.mkdir(parents=True, exist_ok=True)
            reading = True
            with NamedTemporaryFile(dir=folder, prefix="fetched-") as file:
                for block in _plain(response):
                    file.write(block)
                    if file.tell() > LARGEST_BYTES:
                        raise Unheard(f"answered with more than {LARGEST_BYTES >> 20} MiB; ask it for less at a time.")
                    if time.monotonic() - began > LONGEST_S:
                        raise Unheard(f"was still answering after {LONGEST_S:g} s.")
                file.flush()
                reading = False
                told = {"etag": response.headers.get("ETag"), "last_modified": response.headers.get("Last-Modified")}
                media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                yield Answer(Path(file.name), media_type, {key: value for key, value in told.items() if value})
    except httpx.TimeoutException:
        raise Unheard("fell silent in the middle of its answer." if reading else "did not answer in time.") from None
    except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
        if reading:
            raise Unheard("broke off in the middle of its answer.") from None
        raise Unheard(f"cannot be reached: {str(error) or type(error).__name__}.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unheard(f"cannot be reached: {str(error) or type(error).__name__}.") from None


@contextmanager
def _opened(
    client: httpx.Client, address: httpx.URL, home: httpx.URL, headers: Mapping[str, str], secrets: Mapping[str, str]
) -> Iterator[httpx.Response]:
    """The response at the end of the redirects; of an address that is linked from `home`, as of a redirect of it."""
    inside = _is_inside(home)
    at, pinned = address, None
    if _origin(at) != _origin(home):
        pinned = _followed(at, inside)
    for _ in range(MOST_REDIRECTS + 1):
        own = secrets if _origin(at) == _origin(home) else {}
        request = client.build_request("GET", at, headers={**headers, **own})
        if pinned is not None:  # to the very address that was checked, whatever the name means a moment later
            request.extensions["sni_hostname"] = at.host
            request.url = at.copy_with(host=pinned)
        response = _sent(client, request)
        try:
            if response.status_code not in REDIRECTS or "Location" not in response.headers:
                yield response
                return
            at = at.join(response.headers["Location"])
        finally:
            response.close()
        pinned = _followed(at, inside)
    raise Unheard(f"redirects more than {MOST_REDIRECTS} times.")


def _sent(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """The head of the answer, within `HEADERS_S` however slowly it drips."""
    sockets: list[socket.socket] = []
    cut = threading.Event()

    def note(event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            sockets.append(info["return_value"].get_extra_info("socket"))

    def end() -> None:
        cut.set()
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    request.extensions["trace"] = note
    timer = threading.Timer(HEADERS_S, end)
    timer.daemon = True
    timer.start()
    try:
        return client.send(request, stream=True, follow_redirects=False)
    except httpx.HTTPError:
        if cut.is_set():
            raise Unheard(f"did not come to the end of its headers within {HEADERS_S:g} s.") from None
        raise
    finally:
        timer.cancel()


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _resolved(url: httpx.URL) -> list[str]:
    try:
        found = socket.getaddrinfo(
            url.host, url.port or (443 if url.scheme == "https" else 80), type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        return []
    return [str(each[4][0]) for each in found]


def _is_inside(url: httpx.URL) -> bool:
    """Whether the configured address itself is on this machine or in a private network."""
    return any(not _is_public(ip) for ip in _resolved(url))


def _is_public(ip: str) -> bool:
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_global


def _followed(url: httpx.URL, inside: bool) -> str:
    """The address a redirect or link may be followed to; a public source must not lead into the network this runs in."""
    if url.scheme not in ("http", "https"):
        raise Unheard(f"leads to {url.scheme or 'nowhere'}:, which is not followed.")
    addresses = _resolved(url)
    if not addresses:
        raise Unheard(f"leads to {url.host}, which cannot be resolved.")
    for ip in addresses:
        if not inside and not _is_public(ip):
            raise Unheard(f"leads to {url.host}, which is in a private network and is not followed.")
    return addresses[0]


def _plain(response: httpx.Response) -> Iterator[bytes]:
    """The body without its gzip coding, in blocks that stay small whatever it expands to."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        yield from response.iter_raw()
        return
    if coding not in ("gzip", "x-gzip"):
        raise Unheard(f"answered in the coding {coding}, which was not asked for.")
    inflate = zlib.decompressobj(wbits=31)
    try:
        for block in response.iter_raw():
            while block:
                yield inflate.decompress(block, 1 << 20)
                block = inflate.unconsumed_tail
                if inflate.eof and inflate.unused_data:  # one part of several, as some servers append them
                    block = inflate.unused_data
                    inflate = zlib.decompressobj(wbits=31)
    except zlib.error as error:
        raise Unheard(f"answered with damaged gzip: {error}.") from None
    if not inflate.eof:
        raise Unheard("broke off in the middle of its answer.")


def _refusal(response: httpx.Response) -> str:
    code = response.status_code
    told = f"answered {code} {httpx.codes.get_reason_phrase(code)}".rstrip()
    if code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"{told}; put what it wants into secrets/<source>.header in the home folder."
    return f"{told}."


def _retry_after(response: httpx.Response) -> float:
    """Seconds the answer asks to wait, at most six hours; 0 where it says nothing."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return min(float(said), 21_600.0)
    try:
        return min(max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0), 21_600.0)
    except (ValueError, TypeError):
        return 0.0
