// One depot of a fleet: what it does and why, what it could do for how long, its warnings.

import { ask, Refused } from "./api";
import type { Notice } from "./api";
import type { DepotRow, Fleet } from "./depots";
import type { Feed } from "./feed";
import { clock, count, kw, kwh, UNKNOWN } from "./format";
import { h, put } from "./html";

/** Characters that two lines of a narrow place cannot have. */
const LONG = 40;

interface Depot extends DepotRow {
  node: string;
  max_charge_w: number | null;
  max_discharge_w: number | null;
  cost: number;
  heard_unix_s: number | null;
  held_until_unix_s: number | null;
  page: string | null;
  plan_w?: number;
  asked_by?: string;
  chargers?: number;
  offline?: number;
  charging?: number;
  discharging?: number;
  to_full_wh?: number;
  bands: { duration_s: number; least_w: number; most_w: number }[];
  warnings: Notice[];
}

export function depotPage(id: string, feed: Feed<DepotRow, Fleet>): { element: HTMLElement; draw: () => void } {
  const name = decodeURIComponent(id);
  const facts = h("dl", { className: "facts-list" });
  const bands = h("dl", { className: "facts-list" });
  const warnings = h("ul", { className: "attention" });
  const own = h("p");
  let seen = "";
  let asking = false;

  function draw(): void {
    const row = JSON.stringify(feed.row(name));
    if (row !== seen && !asking) {
      seen = row;
      void load();
    }
  }

  async function load(): Promise<void> {
    asking = true;
    try {
      const depot = await ask<Depot>("GET", `api/depots/${encodeURIComponent(name)}`);
      put(facts, ...rows(depot));
      put(bands, ...depot.bands.map((each) => pair(duration(each.duration_s), `${kw(each.least_w)} to ${kw(each.most_w)}`)));
      put(warnings, ...(depot.warnings.length ? depot.warnings.map((each) => h("li", {}, `${each.code} ${each.text}`)) : [h("li", { className: "good" }, "It warns of nothing.")]));
      put(own, depot.page === null ? "Its own page is not known: set `page` of the depot in the fleet's file." : h("a", { href: depot.page }, "Its own page, with each charger"));
    } catch (error) {
      put(warnings, h("li", { className: "bad" }, error instanceof Refused ? error.message : String(error)));
    } finally {
      asking = false;
    }
  }

  const element = h(
    "div",
    {},
    h("p", {}, h("a", { href: "#/" }, "← all depots")),
    h("h1", {}, `Depot ${name}`),
    own,
    facts,
    h("section", { "aria-labelledby": "warnings-title" }, h("h2", { id: "warnings-title" }, "Warnings"), warnings),
    h("section", { "aria-labelledby": "bands-title" }, h("h2", { id: "bands-title" }, "What it can hold, and for how long"), bands),
  );
  return { element, draw };
}

/** Its place is as wide as its text needs. */
function pair(name: string, value: string): HTMLElement {
  return h("div", { className: value.length > LONG ? "long" : "" }, h("dt", {}, name), h("dd", {}, value));
}

function rows(depot: Depot): HTMLElement[] {
  const found: [string, string][] = [
    ["State", depot.state],
    ["Power", kw(depot.power_w)],
    ["Set-point", kw(depot.setpoint_w)],
    ["Why", depot.why || UNKNOWN],
    ["Asked by", depot.asked_by ?? UNKNOWN],
    ["Its own plan", kw(depot.plan_w)],
    ["Vehicles", `${depot.vehicles}: ${depot.discharging ?? 0} feed, ${depot.charging ?? 0} charge`],
    ["Chargers", depot.chargers === undefined ? UNKNOWN : `${depot.chargers}${depot.offline ? `, ${depot.offline} offline` : ""}`],
    ["Above the floors", depot.above_floor_wh === null ? UNKNOWN : kwh(depot.above_floor_wh)],
    ["Until full", depot.to_full_wh === undefined ? UNKNOWN : kwh(depot.to_full_wh)],
    ["Connection", `${depot.node}, draws ${kw(depot.max_charge_w)}, feeds ${kw(depot.max_discharge_w)} at most`],
    ["Last heard", depot.heard_unix_s === null ? "never" : clock(depot.heard_unix_s)],
  ];
  return found.map(([name, value]) => pair(name, value));
}

function duration(seconds: number): string {
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : count(Math.round(seconds / 3600), "hour");
}
