// Hearing the server: server-sent events with a reconnect that never gives up and a watchdog that never sleeps.
// Emits on window: `cg:revision` {revision, kinds|null, critical}, `cg:status` {sources...}, `cg:link`
// {state: ok|late|lost, last_heard, interval_s}, `cg:restart` (another server process answers), `cg:reload`, `cg:refused`,
// `cg:wall` {scene, held, since}: an order to this wall.

const BACKOFF_S = [1, 2, 3, 5];
const LATE = 2; // intervals without a word
const LOST = 5;

/** `known` is the revision that is on screen; what came after it is told on connecting. */
export function listen(address, known) {
  let source = null;
  let opened = 0;
  let lastHeard = Date.now();
  let interval = 15;
  let revision = known;
  let offered = known;
  let started = null;
  let tries = 0;
  let retry = 0;
  let state = "";
  let stopped = false;

  const emit = (name, detail) => window.dispatchEvent(new CustomEvent(name, { detail }));

  function judge() {
    const silent = (Date.now() - lastHeard) / 1000;
    const next = silent > LOST * interval ? "lost" : silent > LATE * interval ? "late" : "ok";
    if (next !== state) {
      state = next;
      emit("cg:link", { state, last_heard: lastHeard, interval_s: interval });
    }
  }

  function heard() {
    lastHeard = Date.now();
    judge();
  }

  function parsed(event) {
    try {
      return JSON.parse(event.data);
    } catch {
      return null; // half a message on a dying line: the next one says it again
    }
  }

  function onHello(event) {
    const hello = parsed(event);
    if (!hello) return;
    tries = 0;
    offered = hello.revision;
    if (hello.interval_s > 0) interval = hello.interval_s;
    const restarted = started !== null && hello.server_started !== started;
    started = hello.server_started;
    heard();
    if (restarted) emit("cg:restart", hello);
  }

  function onRevision(event) {
    const news = parsed(event);
    heard();
    if (!news || news.revision === revision) return;
    revision = news.revision;
    emit("cg:revision", { kinds: null, critical: [], ...news });
  }

  function onStatus(event) {
    const status = parsed(event);
    heard();
    if (!status) return;
    emit("cg:status", status);
    if (status.revision > revision) {
      revision = status.revision;
      emit("cg:revision", { revision, kinds: null, critical: [] });
    }
  }

  /** What was missed cannot be told one by one (or the server knows less than we do): everything may have moved. */
  function onReload() {
    heard();
    revision = offered;
    emit("cg:reload", { revision });
  }

  function onWall(event) {
    heard();
    const turn = parsed(event);
    if (turn) emit("cg:wall", turn);
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  function again() {
    close();
    if (stopped || retry) return;
    const wait = BACKOFF_S[Math.min(tries, BACKOFF_S.length - 1)] * (0.75 + Math.random() / 2);
    tries += 1;
    retry = setTimeout(() => {
      retry = 0;
      open();
    }, wait * 1000);
  }

  function open() {
    if (stopped || source) return;
    opened = Date.now();
    source = new EventSource(`${address}${address.includes("?") ? "&" : "?"}last_event_id=${revision}`);
    source.addEventListener("hello", onHello);
    source.addEventListener("revision", onRevision);
    source.addEventListener("status", onStatus);
    source.addEventListener("reload", onReload);
    source.addEventListener("wall", onWall);
    // The browser's own retry stops for good after some answers (an HTTP error, another media type); ours does not.
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) emit("cg:refused"); // an answer that is no stream: perhaps nobody is signed in
      again();
    });
  }

  const watchdog = setInterval(() => {
    judge();
    const silent = (Date.now() - Math.max(lastHeard, opened)) / 1000;
    // A cable pulled while asleep leaves the connection open and dumb: start a new one.
    if (source && silent > 1.6 * interval) again();
    if (!source && !retry) again();
  }, 1000);

  function wake() {
    judge();
    if (document.visibilityState !== "visible" || (Date.now() - lastHeard) / 1000 < 1.6 * interval) return;
    tries = 0;
    clearTimeout(retry);
    retry = 0;
    close();
    open();
  }
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);

  open();
  return {
    /** The last revision that was heard of. */
    get revision() {
      return revision;
    },
    get link() {
      return { state, last_heard: lastHeard, interval_s: interval };
    },
    stop() {
      stopped = true;
      clearInterval(watchdog);
      clearTimeout(retry);
      document.removeEventListener("visibilitychange", wake);
      window.removeEventListener("online", wake);
      close();
    },
  };
}
