// The first screen: site power against request as one bar, frequency, what needs attention; below it each charger.

import type { Site } from "./api";
import { askForm } from "./ask";
import { attentionList, grouped } from "./attention";
import type { Feed, Row } from "./feed";
import { count, hertz, kw, percent, UNKNOWN } from "./format";
import { cellGrid } from "./grid";
import { h } from "./html";
import { rowList } from "./list";
import { powerBar } from "./power";
import { dot, STATES, stateText } from "./states";

export function sitePage(feed: Feed, operator: boolean): { element: HTMLElement; draw: () => void } {
  const bar = powerBar();
  const attention = attentionList();
  const asks = operator
    ? askForm({
        what: "site",
        consequence: (power_w, minutes) => consequence(feed, power_w, minutes),
        without: "The site follows whoever else asks, or the vehicles' own needs.",
      })
    : null;
  const address = (id: string) => `#/charger/${id}`;
  const grid = cellGrid<Row>({
    rows: () => feed.rows,
    id: (row) => row.id,
    state: (row) => row.state,
    states: STATES,
    share: (row) => row.soc_pu,
    open: (id) => {
      location.hash = address(id);
    },
  });
  const list = rowList<Row>(() => feed.rows, {
    what: "Charger",
    titles: ["Charger", "State", "SoC, floor", "Set-point", "Measured", "What limits"],
    placeholder: "charger, vehicle, state or limit",
    id: (row) => row.id,
    state: (row) => row.state,
    urgency: ["offline", "waiting", "discharging", "charging", "idle", "free"],
    words: (row) => [row.id, row.vehicle, stateText(row.state), row.binding],
    cells: (row, link) => [
      row.vehicle ? [link, h("small", {}, row.vehicle)] : [link],
      [dot(STATES, row.state), stateText(row.state)],
      [row.soc_pu === null ? UNKNOWN : `${percent(row.soc_pu)}, ${percent(row.floor_pu)}`],
      [kw(row.setpoint_w)],
      [kw(row.measured_w)],
      [row.binding ?? ""],
    ],
    address,
  });

  function draw(): void {
    const site = feed.site;
    if (site === null) return;
    bar.draw({
      who: "The site",
      requested_w: site.requested_w,
      requested_by: site.requested_by,
      delivered_w: site.delivered_w,
      short_w: site.short_w,
      feed_room_w: site.discharge_room_w,
      draw_room_w: site.charge_room_w,
      facts: [
        hertz(site.frequency_hz),
        `${count(site.vehicles, "vehicle")}: ${site.discharging ?? 0} feed, ${site.charging ?? 0} charge`,
        ...(site.reserve_w ? [`reserve ${kw(site.reserve_w)}`] : []),
      ],
    });
    const notes = concerns(site, feed);
    if (site.frequency_hz === null) notes.push("Nobody measures the grid's frequency.");
    attention.draw(notes);
    grid.draw();
    list.draw();
  }

  const element = h(
    "div",
    {},
    h("section", { "aria-labelledby": "power-title" }, h("h1", { id: "power-title", className: "quiet" }, "Site power"), bar.element),
    attention.element,
    asks,
    h("section", { "aria-labelledby": "chargers-title" }, h("h2", { id: "chargers-title" }, "Chargers"), grid.element, list.element),
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
