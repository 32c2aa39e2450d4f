// Bringing a new revision on screen: at once when it is the first, at most three times a second in a burst, and
// `data-revision` moves only when everything that changed has been drawn.

const GAP_MS = 333;

/**
 * `bring(revision, kinds, view)` draws a revision and returns a promise: `kinds` are the collections that have news
 * (null: any may have), `view` says that what is asked for has changed, such as a filter.
 */
export function refresher(bring) {
  let wanted = null; // {revision, kinds: Set | null, view}
  let running = false;
  let last = 0;
  let timer = 0;
  let stopped = false;

  async function run() {
    if (running || !wanted || stopped) return;
    const wait = last + GAP_MS - performance.now();
    if (wait > 0) {
      if (!timer)
        timer = setTimeout(() => {
          timer = 0;
          run();
        }, wait);
      return;
    }
    const { revision, kinds, view } = wanted;
    wanted = null;
    running = true;
    last = performance.now();
    try {
      await bring(revision, kinds && [...kinds], view);
    } catch (error) {
      if (error.name !== "AbortError") console.error(`revision ${revision}: ${error.message}`);
      again(revision, kinds, view);
    } finally {
      running = false;
    }
    run();
  }

  /** What could not be brought is not forgotten: it is tried again, a little later. */
  function again(revision, kinds, view) {
    if (stopped) return;
    merge(revision, kinds, view);
    last = performance.now() + 2000;
  }

  function merge(revision, kinds, view) {
    const all = !kinds || (wanted && !wanted.kinds);
    wanted = {
      revision: Math.max(revision ?? 0, wanted?.revision ?? 0),
      view: view || Boolean(wanted?.view),
      kinds: all ? null : new Set([...(wanted?.kinds ?? []), ...kinds]),
    };
  }

  return {
    ask(revision, kinds, view = false) {
      merge(revision, kinds, view);
      run();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
