// What a person should look at.

import type { Notice } from "./api";
import { h, put } from "./html";

/** Chargers or depots with the same warning that are named in its line. */
const NAMED = 8;

export function attentionList(): { element: HTMLElement; draw: (notes: string[]) => void } {
  const list = h("ul", { className: "attention" });
  let noted: string | null = null;

  function draw(notes: string[]): void {
    const key = notes.join("\n");
    if (key === noted) return; // a screen reader reads what changes
    noted = key;
    put(list, ...(notes.length ? notes.map((text) => h("li", {}, text)) : [h("li", { className: "good" }, "Nothing needs attention.")]));
  }

  const title = h("h2", { id: "attention-title" }, "Needs attention");
  return { element: h("section", { "aria-labelledby": "attention-title" }, title, h("div", { role: "status" }, list)), draw };
}

/** Warnings as lines: one that several have in common is one line, which a phone has room for. */
export function grouped(notices: Notice[]): string[] {
  const alike = new Map<string, Notice[]>();
  for (const each of notices) {
    const words = each.text.replace(each.about, "");
    alike.set(words, [...(alike.get(words) ?? []), each]);
  }
  return [...alike.values()].map((several) => {
    const [first, ...others] = several.sort((a, b) => a.about.localeCompare(b.about, undefined, { numeric: true }));
    if (first === undefined) return "";
    const names = others.slice(0, NAMED).map((each) => each.about);
    if (others.length > NAMED) names.push(`${others.length - NAMED} more`);
    return names.length > 0 ? `${first.text}. The same holds for ${names.join(", ")}.` : first.text;
  });
}
