// Chargers or depots in words: only the rows in view exist.

import { h } from "./html";

const ROW_PX = 44;
const SPARE = 6;
/** Longer lists keep their order: rows that move each second cannot be read. */
const SORTED = 500;

export interface Columns<R> {
  /** What a row is: "Charger". */
  what: string;
  titles: string[];
  /** By what rows can be looked for. */
  placeholder: string;
  id: (row: R) => string;
  state: (row: R) => string;
  /** States in the order in which they want a person. */
  urgency: string[];
  words: (row: R) => (string | null)[];
  cells: (row: R, link: HTMLElement) => (HTMLElement | string)[][];
  /** Of the row's own page. */
  address: (id: string) => string;
}

export function rowList<R>(rowsOf: () => R[], columns: Columns<R>): { element: HTMLElement; draw: () => void } {
  let wanted = "";
  let shown: R[] = [];
  /** By id: the row that is in view, and its cells. */
  const lined = new Map<string, [HTMLElement, ...HTMLElement[]]>();
  const counts = h("p", { className: "counts", role: "status" });
  const search = h("input", {
    type: "search",
    placeholder: columns.placeholder,
    "aria-label": `Show only ${columns.what.toLowerCase()}s with this`,
    oninput: () => {
      wanted = search.value.trim().toLowerCase();
      view.scrollTop = 0;
      draw();
    },
  });
  const lines = h("div", { className: "rows" });
  const table = h(
    "div",
    { role: "table", "aria-label": `${columns.what}s`, className: "list" },
    h(
      "div",
      { role: "row", className: "row heading" },
      ...columns.titles.map((title) => h("span", { role: "columnheader" }, title)),
    ),
  );
  const view = h("div", { className: "view", role: "rowgroup", tabIndex: 0, onscroll: () => place() }, lines);
  table.append(view);

  function matches(row: R): boolean {
    return wanted === "" || columns.words(row).some((each) => each?.toLowerCase().includes(wanted));
  }

  function draw(): void {
    const rows = rowsOf();
    const rank = (row: R) => columns.urgency.indexOf(columns.state(row));
    shown = rows.filter(matches);
    if (wanted === "" && rows.length <= SORTED)
      shown = [...shown].sort((a, b) => rank(a) - rank(b) || compare(columns.id(a), columns.id(b)));
    const text = wanted === "" ? "" : `${shown.length} of ${rows.length}`;
    if (counts.textContent !== text) counts.textContent = text;
    table.setAttribute("aria-rowcount", String(shown.length + 1));
    lines.style.height = `${shown.length * ROW_PX}px`;
    place();
  }

  function place(): void {
    const first = Math.max(0, Math.floor(view.scrollTop / ROW_PX) - SPARE);
    const last = Math.min(shown.length, first + Math.ceil((view.clientHeight || 600) / ROW_PX) + 2 * SPARE);
    const focused = (document.activeElement as HTMLElement | null)?.dataset["id"];
    const rows = shown.slice(first, last);
    const ids = new Set(rows.map(columns.id));
    for (const [id, [element]] of lined)
      if (!ids.has(id)) {
        element.remove();
        lined.delete(id);
      }
    rows.forEach((row, index) => {
      const element = line(row, first + index);
      if (lines.children[index] !== element) lines.insertBefore(element, lines.children[index] ?? null);
    });
    if (focused !== undefined)
      [...lines.querySelectorAll("a")].find((each) => each.dataset["id"] === focused)?.focus({ preventScroll: true });
  }

  /** Only what has changed is exchanged: a link that is exchanged while it is pressed is not followed. */
  function line(row: R, index: number): HTMLElement {
    const id = columns.id(row);
    const link = h("a", { href: columns.address(id), "data-id": id }, id);
    const cells = columns.cells(row, link).map((each) => h("span", { role: "cell" }, ...each));
    cells.at(-1)?.classList.add("limit");
    const [element, ...before] = lined.get(id) ?? [h("div", { role: "row", className: "row" }, ...cells), ...cells];
    const now = cells.map((cell, place) => {
      const old = before[place];
      return old === undefined || old === cell || old.outerHTML === cell.outerHTML ? (old ?? cell) : exchange(old, cell);
    });
    lined.set(id, [element, ...now]);
    element.setAttribute("aria-rowindex", String(index + 2));
    element.style.top = `${index * ROW_PX}px`;
    return element;
  }

  return { element: h("div", {}, h("p", { className: "filter" }, search, counts), table), draw };
}

/** Puts a cell in the place of another, but keeps its link, which comes first and may be the same. */
function exchange(old: HTMLElement, cell: HTMLElement): HTMLElement {
  const kept = old.querySelector("a");
  const link = cell.querySelector("a");
  if (kept === null || kept.outerHTML !== link?.outerHTML) {
    old.replaceWith(cell);
    return cell;
  }
  while (kept.nextSibling !== null) kept.nextSibling.remove();
  kept.after(...[...cell.childNodes].filter((each) => each !== link));
  old.className = cell.className;
  return old;
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, undefined, { numeric: true });
}
