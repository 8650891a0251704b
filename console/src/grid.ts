// All chargers at a glance: a cell each, on a canvas, because there may be thousands. The list below has the same in words.

import type { Feed } from "./feed";
import { h } from "./html";
import { STATES } from "./states";

const GAP = 2;

export function chargerGrid(feed: Feed, open: (id: string) => void): { element: HTMLElement; draw: () => void } {
  const canvas = h("canvas", { "aria-hidden": "true", className: "grid" });
  const tip = h("p", { className: "tip", "aria-hidden": "true" });
  let columns = 1;
  let cell = 12;

  function layout(): void {
    const width = canvas.clientWidth || 320;
    const count = Math.max(1, feed.rows.length);
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
    const colors = new Map(Object.entries(STATES).map(([state, each]) => [state, style.getPropertyValue(each.color)]));
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    feed.rows.forEach((row, place) => {
      const x = (place % columns) * cell;
      const y = Math.floor(place / columns) * cell;
      const size = cell - GAP;
      context.fillStyle = colors.get(row.state) ?? "#888";
      context.globalAlpha = row.soc_pu === null ? 1 : 0.35;
      context.fillRect(x, y, size, size);
      if (row.soc_pu !== null) {
        // The state of charge fills the cell from below.
        context.globalAlpha = 1;
        const filled = Math.round(size * row.soc_pu);
        context.fillRect(x, y + size - filled, size, filled);
      }
    });
    context.globalAlpha = 1;
  }

  function idAt(event: MouseEvent): string | undefined {
    const column = Math.floor(event.offsetX / cell);
    return column < columns ? feed.rows[Math.floor(event.offsetY / cell) * columns + column]?.id : undefined;
  }

  canvas.onclick = (event) => {
    const id = idAt(event);
    if (id !== undefined) open(id);
  };
  canvas.onmousemove = (event) => {
    const row = feed.row(idAt(event) ?? "");
    tip.textContent = row === undefined ? "" : `${row.id}: ${STATES[row.state]?.text ?? row.state}`;
  };
  canvas.onmouseleave = () => {
    tip.textContent = "";
  };
  const legend = h(
    "p",
    { className: "legend" },
    ...Object.values(STATES).map((each) =>
      h("span", {}, h("i", { style: `--dot: var(${each.color})`, className: "dot" }), each.text),
    ),
  );
  return { element: h("div", {}, canvas, tip, legend), draw };
}
