// The colours of the page, read from its style sheet, so that canvas and map draw with the very tokens CSS uses.

const TOKENS = [
  "ground",
  "panel",
  "line",
  "line-strong",
  "ink",
  "ink-2",
  "ink-3",
  "accent",
  "halo",
  "water",
  "water-line",
  "land",
  "land-own",
  "coast",
  "border",
  "graticule",
  "place",
  "place-area",
  "road",
  "river",
  "sev-0",
  "sev-1",
  "sev-2",
  "sev-3",
  "sev-4",
  "sev-5",
  "mark-fill",
  "cho-0",
  "cho-1",
  "cho-2",
  "cho-3",
  "cho-4",
  "cho-none",
  "hatch",
  "ok-black",
  "ok-orange",
  "ok-sky",
  "ok-green",
  "ok-yellow",
  "ok-blue",
  "ok-vermilion",
  "ok-purple",
];

export const themeName = () => (document.documentElement.dataset.theme === "light" ? "light" : "dark");

const palettes = {};

/** Every token by name without its dashes, for the theme of the page: palette()["sev-5"]. A copy, to be changed freely. */
export function palette() {
  const name = themeName();
  if (!palettes[name]) {
    const style = getComputedStyle(document.documentElement);
    palettes[name] = { name };
    for (const token of TOKENS) palettes[name][token] = style.getPropertyValue(`--${token}`).trim();
  }
  return { ...palettes[name] };
}

/** Puts a theme on the page and on the parts that keep their own switch (Mantine, AG Grid). */
export function setTheme(name) {
  const wanted = name === "light" ? "light" : "dark";
  const root = document.documentElement;
  if (root.dataset.theme !== wanted) root.dataset.theme = wanted;
  root.dataset.mantineColorScheme = wanted;
  document.body.dataset.agThemeMode = wanted;
}

/** How much larger than on a desk the map is drawn: 1 there, more on large screens and on a wall, less on a phone. */
export function mapScale() {
  const style = getComputedStyle(document.documentElement);
  const own = Number.parseFloat(style.getPropertyValue("--map-scale")) || 1;
  const root = Number.parseFloat(style.fontSize) / 16;
  return Math.round((own === 1 ? Math.max(1, root) : own * root) * 20) / 20;
}

/** What a status key looks like: colour token and shape. Word and number come from the legend. */
const STATUS = {
  stockout: ["ok-vermilion", "cross-square"],
  closed: ["ok-vermilion", "cross-square"],
  lt7: ["ok-orange", "triangle"],
  partly: ["ok-orange", "triangle"],
  restricted: ["ok-orange", "triangle"],
  d7_14: ["ok-yellow", "diamond"],
  d14_30: ["ok-sky", "circle"],
  gt30: ["ok-green", "ring-circle"],
  open: ["ok-green", "ring-circle"],
  overstock: ["ok-purple", "hexagon"],
  not_reported: ["ink-2", "hatched"],
  unknown: ["ink-2", "hollow"],
};

/** Order in which the classes of an aggregated site stand on its ring: worst first. */
export const STATUS_KEYS = Object.keys(STATUS);
export const statusMark = (key) => STATUS[key] ?? STATUS.unknown;
