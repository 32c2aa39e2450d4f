// Where a wall is in its scenes: it follows from a turn and the clock, so that every screen shows the same and nothing is
// lost over a reload, a restart or a sleep. `dashboard/walls.py` computes the same.

/**
 * The scene at `now` (epoch ms) of `scenes` [{id, seconds}] and a turn {scene, held, since (Unix seconds)}:
 * {index, ends}, where `ends` is when the next one begins (epoch ms, Infinity where none does).
 */
export function sceneAt(scenes, turn, now) {
  const first = Math.max(
    0,
    scenes.findIndex(({ id }) => id === turn.scene),
  );
  if (turn.held || scenes.length < 2) return { index: first, ends: Infinity };
  const round = scenes.reduce((sum, { seconds }) => sum + seconds, 0);
  let left = Math.max(0, now / 1000 - turn.since) % round;
  for (let step = 0; step < scenes.length; step++) {
    const index = (first + step) % scenes.length;
    if (left < scenes[index].seconds) return { index, ends: now + 1000 * (scenes[index].seconds - left) };
    left -= scenes[index].seconds;
  }
  return { index: first, ends: now };
}

/** The turn that steps by `by` from where a turn is. */
export function stepped(scenes, turn, now, by) {
  const { index } = sceneAt(scenes, turn, now);
  return { scene: scenes[(index + by + scenes.length) % scenes.length].id, held: turn.held, since: now / 1000 };
}

/** The turn that stays where a turn is, or goes on from there. */
export function heldOn(scenes, turn, now, held = !turn.held) {
  return { scene: scenes[sceneAt(scenes, turn, now).index].id, held, since: now / 1000 };
}
