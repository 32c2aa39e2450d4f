// What every mark is written with: the two fonts and the short forms of expressions.

export const REGULAR = ["Noto Sans Regular"];
export const SEMIBOLD = ["Noto Sans SemiBold"];

/** A number property, 0 where it is absent. */
export const num = (name) => ["coalesce", ["get", name], 0];
/** A text property, empty where it is absent. */
export const str = (name) => ["to-string", ["coalesce", ["get", name], ""]];

/** A symbol layer of a server layer. */
export function symbolLayer(layer, suffix, layout, paint = {}, more = {}) {
  return {
    id: `${layer.id}${suffix}`,
    type: "symbol",
    source: layer.id,
    "source-layer": layer.id,
    layout,
    paint,
    ...more,
  };
}
