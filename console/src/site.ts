// The first screen: site power against request as one bar, frequency, what needs attention; below it each charger.

import { api } from "./api";
import type { Notice, Site } from "./api";
import { confirm } from "./dialog";
import type { Feed } from "./feed";
import { count, hertz, kw, UNKNOWN } from "./format";
import { chargerGrid } from "./grid";
import { h, put, say } from "./html";
import { chargerList } from "./list";
import { report } from "./report";

/** Chargers with the same warning that are named in its line. */
const NAMED = 8;

export function sitePage(feed: Feed, operator: boolean): { element: HTMLElement; draw: () => void } {
  const bar = powerBar();
  const attention = h("ul", { className: "attention" });
  const asks = operator ? askForm(feed) : null;
  const grid = chargerGrid(feed, (id) => {
    location.hash = `#/charger/${id}`;
  });
  const list = chargerList(feed);
  let noted: string | null = null;

  function draw(): void {
    const site = feed.site;
    if (site === null) return;
    bar.draw(site);
    const notes = concerns(site, feed);
    if (site.frequency_hz === null) notes.push("Nobody measures the grid's frequency.");
    const key = notes.join("\n");
    if (key !== noted) {
      noted = key;
      put(attention, ...(notes.length ? notes.map((text) => h("li", {}, text)) : [h("li", { className: "good" }, "Nothing needs attention.")]));
    }
    grid.draw();
    list.draw();
  }

  const element = h(
    "div",
    {},
    h("section", { "aria-labelledby": "power-title" }, h("h1", { id: "power-title", className: "quiet" }, "Site power"), bar.element),
    h("section", { "aria-labelledby": "attention-title" }, h("h2", { id: "attention-title" }, "Needs attention"), h("div", { role: "status" }, attention)),
    asks,
    h("section", { "aria-labelledby": "chargers-title" }, h("h2", { id: "chargers-title" }, "Chargers"), grid.element, list.element),
  );
  return { element, draw };
}

/** Few numbers and one bar: from what the site could feed, on the left, to what it could draw. */
function powerBar(): { element: HTMLElement; draw: (site: Site) => void } {
  const delivered = h("strong", { id: "delivered" });
  const asked = h("span", { id: "asked" });
  const frequency = h("span", { id: "frequency" });
  const vehicles = h("span");
  const reserve = h("span");
  const fill = h("div", { className: "fill" });
  const mark = h("div", { className: "mark" });
  const ends = h("p", { className: "ends" });
  const bar = h("div", { className: "bar", role: "img" }, h("div", { className: "zero" }), fill, mark);

  function draw(site: Site): void {
    const power_w = site.delivered_w ?? 0;
    const request_w = site.requested_w ?? null;
    say(delivered, kw(site.delivered_w));
    const short = site.short_w != null && site.short_w > 100 ? `, ${kw(site.short_w)} short` : "";
    say(asked, request_w === null ? "no power is asked for" : `asked ${kw(request_w)} by ${site.requested_by ?? ""}${short}`);
    say(frequency, hertz(site.frequency_hz));
    say(vehicles, `${count(site.vehicles, "vehicle")}: ${site.discharging ?? 0} feed, ${site.charging ?? 0} charge`);
    say(reserve, site.reserve_w ? `reserve ${kw(site.reserve_w)}` : "");
    const most = Math.max(site.charge_room_w ?? 0, site.discharge_room_w ?? 0, Math.abs(power_w), Math.abs(request_w ?? 0), 1);
    const at = (w: number) => 50 + (50 * w) / most;
    fill.style.left = `${Math.min(50, at(power_w))}%`;
    fill.style.width = `${Math.abs(at(power_w) - 50)}%`;
    fill.dataset["way"] = power_w < 0 ? "feeds" : "draws";
    mark.hidden = request_w === null;
    mark.style.left = `${at(request_w ?? 0)}%`;
    bar.setAttribute("aria-label", `The site ${power_w < 0 ? "feeds" : "draws"} ${kw(Math.abs(power_w))}; ${asked.textContent}`);
    say(ends, `can feed ${kw(site.discharge_room_w)} · can draw ${kw(site.charge_room_w)}`);
  }

  const element = h(
    "div",
    { className: "power" },
    h("p", { className: "big" }, delivered, asked),
    bar,
    ends,
    h("p", { className: "facts" }, frequency, vehicles, reserve),
  );
  return { element, draw };
}

/** What a person should look at, worst first. */
export function concerns(site: Site, feed: Feed): string[] {
  const found: string[] = [];
  if (!feed.connected) found.push("This page has lost the depot: what it shows is old.");
  if (site.trouble) found.push(site.trouble);
  found.push(...grouped(site.notices ?? []));
  const away = site.chargers - site.online;
  if (away > 0) found.push(`${count(away, "charger")} not connected: each falls to its safe value by itself.`);
  return found;
}

/** Warnings as lines: one that several chargers have in common is one line, which a phone has room for. */
function grouped(notices: Notice[]): string[] {
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

/** Ask the site for a power, for a time. */
function askForm(feed: Feed): HTMLElement {
  const power = h("input", { type: "number", id: "ask-power", min: "0", max: "100000", step: "0.1", required: true, inputMode: "decimal" });
  const way = h("select", { id: "ask-way" }, h("option", { value: "-1" }, "feed the grid"), h("option", { value: "1" }, "draw from the grid"));
  const minutes = h("input", { type: "number", id: "ask-minutes", min: "1", max: "1440", step: "1", value: "15", required: true, inputMode: "numeric" });
  const outcome = h("p", { role: "status", className: "outcome" });

  async function ask(event: Event): Promise<void> {
    event.preventDefault();
    const power_w = Number(way.value) * Number(power.value) * 1000;
    if (!(await confirm(`Ask for ${kw(power_w)}?`, consequence(feed, power_w, Number(minutes.value)), "Ask"))) return;
    await report(outcome, () => api.request(power_w, Number(minutes.value) * 60), `asked for ${kw(power_w)}`);
  }

  async function withdraw(): Promise<void> {
    const text = "The site follows whoever else asks, or the vehicles' own needs.";
    if (await confirm("Withdraw the operator's request?", text, "Withdraw"))
      await report(outcome, () => api.withdraw("operator"), "withdrawn");
  }

  return h(
    "section",
    { "aria-labelledby": "ask-title" },
    h("h2", { id: "ask-title" }, "Ask the site"),
    h(
      "form",
      { className: "ask", onsubmit: (event: Event) => void ask(event) },
      h("label", { htmlFor: "ask-way" }, "Let it "),
      way,
      h("label", { htmlFor: "ask-power" }, " with "),
      h("span", {}, power, " kW"),
      h("label", { htmlFor: "ask-minutes" }, " for "),
      h("span", {}, minutes, " min"),
      h("button", { type: "submit" }, "Ask"),
      h("button", { type: "button", onclick: () => void withdraw() }, "Withdraw"),
    ),
    outcome,
  );
}

/** What another request would mean, from the state that is shown. */
export function consequence(feed: Feed, power_w: number, minutes: number): string {
  const site = feed.site;
  const now_w = site?.commanded_w ?? 0;
  const feeding = feed.rows.filter((row) => (row.setpoint_w ?? 0) < 0).length;
  const charging = feed.rows.filter((row) => (row.setpoint_w ?? 0) > 0).length;
  const parts: string[] = [];
  if (power_w >= 0 && feeding > 0) parts.push(`${count(feeding, "vehicle")} stop${feeding === 1 ? "s" : ""} feeding`);
  if (power_w <= 0 && charging > 0) parts.push(`${count(charging, "vehicle")} stop${charging === 1 ? "s" : ""} charging`);
  parts.push(`the site goes from ${kw(now_w)} to ${kw(power_w)}`);
  const room_w = power_w < 0 ? site?.discharge_room_w : site?.charge_room_w;
  if (room_w !== undefined && Math.abs(power_w) > room_w) parts.push(`it can reach ${kw(Math.sign(power_w) * room_w)} at most now`);
  return `${parts.join(", ")}, for ${minutes || UNKNOWN} min.`;
}
