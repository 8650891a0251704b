// All chargers or depots at a glance: a cell each, on a canvas, because there may be thousands. The list below has the
// same in words.

import { h } from "./html";
import type { States } from "./states";

const GAP = 2;

export interface Cells<R> {
  rows: () => R[];
  id: (row: R) => string;
  state: (row: R) => string;
  states: States;
  /** How much of the cell is filled, from below; null: not known. */
  share: (row: R) => number | null;
  open: (id: string) => void;
}

export function cellGrid<R>(cells: Cells<R>): { element: HTMLElement; draw: () => void } {
  const { states } = cells;
  const canvas = h("canvas", { "aria-hidden": "true", className: "grid" });
  const tip = h("p", { className: "tip", "aria-hidden": "true" });
  let columns = 1;
  let cell = 12;

  function layout(): void {
    const width = canvas.clientWidth || 320;
    const count = Math.max(1, cells.rows().length);
    cell = Math.max(6, Math.min(28, Math.floor(Math.sqrt((width * 160) / count))));
    columns = Math.max(1, Math.floor(width / cell));
    const height = Math.ceil(count / columns) * cell;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
    }
  }

  function draw(): void {
    layout();
    const context = canvas.getContext("2d");
    if (context === null) return;
    const style = getComputedStyle(canvas);
    const colors = new Map(Object.entries(states).map(([state, each]) => [state, style.getPropertyValue(each.color)]));
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    cells.rows().forEach((row, place) => {
      const x = (place % columns) * cell;
      const y = Math.floor(place / columns) * cell;
      const size = cell - GAP;
      context.fillStyle = colors.get(cells.state(row)) ?? "#888";
      const share = cells.share(row);
      context.globalAlpha = share === null ? 1 : 0.35;
      context.fillRect(x, y, size, size);
      if (share !== null) {
        context.globalAlpha = 1;
        const filled = Math.round(size * share);
        context.fillRect(x, y + size - filled, size, filled);
      }
    });
    context.globalAlpha = 1;
  }

  function rowAt(event: MouseEvent): R | undefined {
    const column = Math.floor(event.offsetX / cell);
    return column < columns ? cells.rows()[Math.floor(event.offsetY / cell) * columns + column] : undefined;
  }

  canvas.onclick = (event) => {
    const row = rowAt(event);
    if (row !== undefined) cells.open(cells.id(row));
  };
  canvas.onmousemove = (event) => {
    const row = rowAt(event);
    tip.textContent = row === undefined ? "" : `${cells.id(row)}: ${states[cells.state(row)]?.text ?? cells.state(row)}`;
  };
  canvas.onmouseleave = () => {
    tip.textContent = "";
  };
  const legend = h(
    "p",
    { className: "legend" },
    ...Object.values(states).map((each) =>
      h("span", {}, h("i", { style: `--dot: var(${each.color})`, className: "dot" }), each.text),
    ),
  );
  return { element: h("div", {}, canvas, tip, legend), draw };
}
