// The chargers in words: only the rows in view exist.

import type { Feed, Row } from "./feed";
import { kw, percent, UNKNOWN } from "./format";
import { h, put } from "./html";
import { stateText, STATES } from "./states";

const ROW_PX = 44;
const SPARE = 6;
/** States in the order in which they want a person. */
const URGENCY = ["offline", "waiting", "discharging", "charging", "idle", "free"];

export function chargerList(feed: Feed): { element: HTMLElement; draw: () => void } {
  let wanted = "";
  let shown: Row[] = [];
  const counts = h("p", { className: "counts", role: "status" });
  const search = h("input", {
    type: "search",
    placeholder: "charger, vehicle, state or limit",
    "aria-label": "Show only chargers with this",
    oninput: () => {
      wanted = search.value.trim().toLowerCase();
      view.scrollTop = 0;
      draw();
    },
  });
  const rows = h("div", { className: "rows" });
  const table = h(
    "div",
    { role: "table", "aria-label": "Chargers", className: "list" },
    h(
      "div",
      { role: "row", className: "row heading" },
      ...["Charger", "State", "SoC, floor", "Set-point", "Measured", "What limits"].map((title) =>
        h("span", { role: "columnheader" }, title),
      ),
    ),
  );
  const view = h("div", { className: "view", role: "rowgroup", tabIndex: 0, onscroll: () => place() }, rows);
  table.append(view);

  function matches(row: Row): boolean {
    if (wanted === "") return true;
    return [row.id, row.vehicle, stateText(row.state), row.binding].some((each) => each?.toLowerCase().includes(wanted));
  }

  function draw(): void {
    shown = feed.rows.filter(matches);
    if (wanted === "" && feed.rows.length <= 500)
      shown = [...shown].sort((a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state) || compare(a.id, b.id));
    const text = wanted === "" ? "" : `${shown.length} of ${feed.rows.length}`;
    if (counts.textContent !== text) counts.textContent = text;
    table.setAttribute("aria-rowcount", String(shown.length + 1));
    rows.style.height = `${shown.length * ROW_PX}px`;
    place();
  }

  function place(): void {
    const first = Math.max(0, Math.floor(view.scrollTop / ROW_PX) - SPARE);
    const last = Math.min(shown.length, first + Math.ceil((view.clientHeight || 600) / ROW_PX) + 2 * SPARE);
    const focused = (document.activeElement as HTMLElement | null)?.dataset["id"];
    put(rows, ...shown.slice(first, last).map((row, index) => line(row, first + index)));
    if (focused !== undefined)
      [...rows.querySelectorAll("a")].find((each) => each.dataset["id"] === focused)?.focus({ preventScroll: true });
  }

  function line(row: Row, index: number): HTMLElement {
    const soc = row.soc_pu === null ? UNKNOWN : `${percent(row.soc_pu)}, ${percent(row.floor_pu)}`;
    const cells = [
      h("span", { role: "cell" }, h("a", { href: `#/charger/${row.id}`, "data-id": row.id }, row.id), row.vehicle ? h("small", {}, row.vehicle) : null),
      h("span", { role: "cell" }, h("i", { className: "dot", style: `--dot: var(${STATES[row.state]?.color ?? "--idle"})` }), stateText(row.state)),
      h("span", { role: "cell" }, soc),
      h("span", { role: "cell" }, kw(row.setpoint_w)),
      h("span", { role: "cell" }, kw(row.measured_w)),
      h("span", { role: "cell", className: "limit" }, row.binding ?? ""),
    ];
    const element = h("div", { role: "row", className: "row", "aria-rowindex": index + 2 }, ...cells);
    element.style.top = `${index * ROW_PX}px`;
    return element;
  }

  return { element: h("div", {}, h("p", { className: "filter" }, search, counts), table), draw };
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, undefined, { numeric: true });
}
