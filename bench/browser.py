"""A real Chromium spoken to directly over its debugging protocol, so that measuring costs it next to nothing.

Workers are attached as well as pages: what a page loads and keeps in its workers is part of what it costs.
"""

import contextlib
import itertools
import json
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.servers import CHROMIUM, find

ANSWER_SECONDS = 120
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",  # WebGL 2 in software: its cost is the GPU process's, and told apart
    "--enable-unsafe-swiftshader",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
WATCH = """
(() => {
  const told = (what, value) => globalThis.cgTold?.(JSON.stringify([what, value, Date.now() / 1000]));
  new MutationObserver((changes) => {
    const root = document.documentElement;
    for (const { attributeName } of changes) {
      const what = attributeName.slice("data-".length);
      const value = root.getAttribute(attributeName);
      if (value === null) continue;
      told(what, value);
      if (what === "revision") requestAnimationFrame(() => requestAnimationFrame(() => told("shown", value)));
    }
  }).observe(document, { subtree: true, attributeFilter: ["data-ready", "data-revision"] });
})();
"""
"""Tells when the page says it is ready and which revision it shows, and when two frames later have been begun."""


@dataclass
class Target:
    """A page or a worker. `log` holds its events since it was attached, as (method, params)."""

    browser: "Browser"
    session: str
    kind: str
    id: str
    log: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    told: "queue.Queue[tuple[str, str, float]]" = field(default_factory=queue.Queue)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.send(method, self.session, **params)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise. Raises RuntimeError with the page's own error."""
        done = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"].get("exception", done["exceptionDetails"])))
        return done["result"].get("value")

    def until(self, what: str, enough: Callable[[str], bool] = bool, seconds: float = 120) -> float:
        """Wait until the page tells `what` ("ready", "revision", "shown"); the time (epoch s) in the page when it did."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                name, value, at = self.told.get(timeout=left)
                if name == what and enough(value):
                    return at
        raise TimeoutError(f"the page did not tell `{what}` in {seconds:g} s")

    def wire_bytes(self) -> dict[str, int]:
        """Bytes of each response as it came over the wire, headers included: 0 what came out of the browser's cache."""
        addresses = {p["requestId"]: p["request"]["url"] for m, p in self.log if m == "Network.requestWillBeSent"}
        kept = {p["requestId"] for m, p in self.log if m == "Network.requestServedFromCache"}
        kept |= {p["requestId"] for m, p in self.log if m == "Network.responseReceived" and _from_cache(p["response"])}
        sizes: dict[str, int] = {}
        for method, params in self.log:
            if method == "Network.loadingFinished" and (address := addresses.get(params["requestId"])):
                size = 0 if params["requestId"] in kept else int(params["encodedDataLength"])
                sizes[address] = sizes.get(address, 0) + size
        return sizes

    def collect_garbage(self) -> None:
        """Twice: what the first round lets go of, finalizers and weak maps among it, goes with the second."""
        self.send("HeapProfiler.enable")
        for _ in range(2):
            self.send("HeapProfiler.collectGarbage")
        self.send("HeapProfiler.disable")

    def heap_bytes(self) -> int:
        return int(self.send("Runtime.getHeapUsage")["usedSize"])

    def metrics(self) -> dict[str, float]:
        """`Performance.getMetrics`: times in seconds of CPU of the main thread (not of the wall clock)."""
        return {each["name"]: each["value"] for each in self.send("Performance.getMetrics")["metrics"]}


def _from_cache(response: dict[str, Any]) -> bool:
    return bool(response.get("fromDiskCache") or response.get("fromPrefetchCache"))


class Browser:
    """One Chromium with the profile in `folder`, until `close`."""

    def __init__(self, folder: Path, flags: tuple[str, ...] = ()) -> None:
        port = folder / "DevToolsActivePort"
        port.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [find(CHROMIUM), *FLAGS, *flags, f"--user-data-dir={folder}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + ANSWER_SECONDS
        while not (port.exists() and port.read_text().count("\n")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Chromium did not come up")
            time.sleep(0.05)
        number, path = port.read_text().split()
        self._socket: ClientConnection = connect(f"ws://127.0.0.1:{number}{path}", max_size=None, compression=None)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.Queue[dict[str, Any]]] = {}
        self.targets: dict[str, Target] = {}
        self._setting_up: queue.Queue[Target | None] = queue.Queue()
        threading.Thread(target=self._hear, daemon=True).start()
        threading.Thread(target=self._set_up_all, daemon=True).start()

    def send(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """One command and its answer. Raises RuntimeError with Chromium's own words where it is refused."""
        number = next(self._numbers)
        self._waiting[number] = queue.Queue()
        asked = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        self._socket.send(json.dumps(asked))
        answer = self._waiting[number].get(timeout=ANSWER_SECONDS)
        del self._waiting[number]
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer.get("result") or {}

    def page(self, width: int = 1920, height: int = 1080, before: str = "") -> Target:
        """A new empty page, watched. `before` is a script that runs before any of a document's own."""
        made = self.send("Target.createTarget", url="about:blank", newWindow=True, width=width, height=height)
        session = self.send("Target.attachToTarget", targetId=made["targetId"], flatten=True)["sessionId"]
        page = self.targets[session]
        page.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.send("Performance.enable", timeDomain="threadTicks")
        for domain in ("Page", "Network", "Runtime"):
            page.send(f"{domain}.enable")
        page.send("Runtime.addBinding", name="cgTold")
        page.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH + before)
        return page

    def workers(self) -> list[Target]:
        return [target for target in list(self.targets.values()) if target.kind != "page"]

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time so far, all threads of all processes, by kind of process: browser, renderer, GPU, utility."""
        spent: dict[str, float] = {}
        for process in self.send("SystemInfo.getProcessInfo")["processInfo"]:
            spent[process["type"]] = spent.get(process["type"], 0.0) + process["cpuTime"]
        return spent

    def close(self) -> None:
        with contextlib.suppress(Exception):  # gone is gone
            self.send("Browser.close")
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._setting_up.put(None)
        self._socket.close()

    def _hear(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in self._socket:
                message = json.loads(text)
                if "id" in message:
                    self._waiting[message["id"]].put(message)
                else:
                    self._event(message.get("sessionId", ""), message["method"], message["params"])

    def _event(self, session: str, method: str, params: dict[str, Any]) -> None:
        if method == "Target.attachedToTarget":
            info = params["targetInfo"]
            target = Target(self, params["sessionId"], info["type"], info["targetId"])
            self.targets[params["sessionId"]] = target
            if params["waitingForDebugger"]:
                self._setting_up.put(target)
        elif method == "Target.detachedFromTarget":
            self.targets.pop(params["sessionId"], None)
        elif session in self.targets:
            target = self.targets[session]
            if method == "Runtime.bindingCalled":
                name, value, at = json.loads(params["payload"])
                target.told.put((name, value, at))
            else:
                target.log.append((method, params))

    def _set_up_all(self) -> None:
        """Workers wait until they are watched; a thread of its own, for the one that hears must not wait for answers."""
        while worker := self._setting_up.get():
            for method in ("Network.enable", "Runtime.runIfWaitingForDebugger"):
                with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                    worker.send(method)


@contextmanager
def chromium(profile: Path | None = None, flags: tuple[str, ...] = ()) -> Iterator[Browser]:
    """A browser with a profile that lasts, or with one of its own."""
    with contextlib.ExitStack() as stack:
        folder = profile or Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        browser = Browser(folder, flags)
        try:
            yield browser
        finally:
            browser.close()
