// How each kind of mark is drawn: a layer of the server names one `draw`, and a function turns it into MapLibre layers:
// (layer, look) -> [[slot, style layer], ...]; slots order the whole map from ground to symbols.

import { areas, boundaries, choropleth, labels, lines, pictures } from "./marks_ground.mjs";
import { cells, status, symbols } from "./marks_points.mjs";
import { ways } from "./marks_ways.mjs";

const MARKS = { cells, symbols, status, areas, choropleth, boundaries, labels, lines, ways, pictures };

/** Style layers of a server layer as [slot, layer] pairs; a `draw` that is not known draws nothing. */
export function marks(layer, look) {
  const made = MARKS[layer.draw]?.(layer, look) ?? [];
  return made.map(([slot, style]) => [slot, { ...style, metadata: { layer: layer.id, draw: layer.draw } }]);
}

/** Layers that answer to the pointer, nearest first. */
export const ANSWERING = ["symbols", "cells", "status", "lines", "ways", "areas", "choropleth"];
