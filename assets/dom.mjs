// Small DOM helpers. Nodes are made once and reused: a wall that runs for weeks must not grow.

/** Element `tag` with class names and children (nodes or strings; strings become text, never markup). */
export function el(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Sets text only when it differs, so that an unchanged figure costs no layout. */
export function text(node, value) {
  const wanted = value === null || value === undefined ? "" : String(value);
  if (node.textContent !== wanted) node.textContent = wanted;
  return node;
}

/** Sets an attribute only when it differs; null removes it. */
export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, String(value));
  }
  return node;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
  return node;
}

/**
 * Makes the children of `parent` match `items`, in order, reusing the child of the same key.
 * `make(item)` returns a new node; `update(node, item, index)` fills it. Nodes whose key is gone are removed.
 */
export function keyed(parent, items, key, make, update) {
  const old = new Map();
  for (const child of parent.children) if (child.cgKey !== undefined) old.set(child.cgKey, child);
  let place = parent.firstElementChild;
  items.forEach((item, index) => {
    const id = String(key(item, index));
    let node = old.get(id);
    old.delete(id);
    if (!node) {
      node = make(item);
      node.cgKey = id;
    }
    if (node !== place) parent.insertBefore(node, place);
    else place = place.nextElementSibling;
    update(node, item, index);
  });
  for (const node of old.values()) node.remove();
}

/** A button that says what it does to a screen reader when its face is only a sign. */
export function button(className, label, face = label) {
  const node = el("button", className, face);
  node.type = "button";
  if (face !== label) {
    node.setAttribute("aria-label", label);
    node.title = label;
  }
  return node;
}

/** Named children of a node, found by their data-part attribute once and kept on the node. */
export function parts(node) {
  if (!node.cgParts) {
    node.cgParts = {};
    for (const part of node.querySelectorAll("[data-part]")) node.cgParts[part.dataset.part] = part;
  }
  return node.cgParts;
}

/** Element that `parts` will find. */
export function part(name, tag, className = "", ...children) {
  const node = el(tag, className, ...children);
  node.dataset.part = name;
  return node;
}
