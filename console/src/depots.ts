// The first screen of a fleet: its power against what is asked of it, what needs attention, each depot.

import { ask } from "./api";
import type { Notice } from "./api";
import { askForm } from "./ask";
import { attentionList, grouped } from "./attention";
import { powerChart } from "./chart";
import type { Feed } from "./feed";
import { count, hertz, kw, UNKNOWN } from "./format";
import { cellGrid } from "./grid";
import { h, put } from "./html";
import { rowList } from "./list";
import { powerBar } from "./power";
import { dot } from "./states";
import type { States } from "./states";

const COURSE_MS = 10_000;

export interface Fleet {
  name: string;
  unix_s: number;
  connected: boolean;
  depots: number;
  heard?: number;
  frequency_hz: number | null;
  requested_w?: number | null;
  requested_by?: string;
  commanded_w?: number;
  delivered_w?: number;
  least_w?: number;
  most_w?: number;
  short_w?: number;
  notices: Notice[];
  trouble: string | null;
}

/** A depot in one row. */
export interface DepotRow {
  depot: string;
  state: string;
  power_w: number | null;
  setpoint_w: number | null;
  least_w: number | null;
  most_w: number | null;
  above_floor_wh: number | null;
  vehicles: number;
  alarms: number;
  why: string;
}

interface Course {
  at_s: number[];
  requested_w: (number | null)[];
  delivered_w: (number | null)[];
}

export const DEPOT_STATES: States = {
  follows: { text: "follows", color: "--feeding" },
  "on its own": { text: "on its own", color: "--idle" },
  away: { text: "away", color: "--offline" },
  "never heard of": { text: "never heard of", color: "--free" },
};

export function depotsPage(feed: Feed<DepotRow, Fleet>, operator: boolean): { element: HTMLElement; draw: () => void } {
  const bar = powerBar();
  const attention = attentionList();
  const asks = operator
    ? askForm({
        what: "fleet",
        consequence: (power_w, minutes) => consequence(feed.site, power_w, minutes),
        without: "The fleet follows whoever else asks; without anybody each depot follows its own plan.",
      })
    : null;
  const address = (id: string) => `#/depot/${encodeURIComponent(id)}`;
  const grid = cellGrid<DepotRow>({
    rows: () => feed.rows,
    id: (row) => row.depot,
    state: (row) => row.state,
    states: DEPOT_STATES,
    share,
    open: (id) => {
      location.hash = address(id);
    },
  });
  const list = rowList<DepotRow>(() => feed.rows, {
    what: "Depot",
    titles: ["Depot", "State", "Power", "Set-point", "Can feed, draw", "Why"],
    placeholder: "depot, state or reason",
    id: (row) => row.depot,
    state: (row) => row.state,
    urgency: ["away", "never heard of", "follows", "on its own"],
    words: (row) => [row.depot, row.state, row.why],
    cells: (row, link) => [
      row.alarms ? [link, h("small", { className: "bad" }, count(row.alarms, "alarm"))] : [link, h("small", {}, count(row.vehicles, "vehicle"))],
      [dot(DEPOT_STATES, row.state), row.state],
      [kw(row.power_w)],
      [kw(row.setpoint_w)],
      [row.least_w === null ? UNKNOWN : `${kw(Math.max(0, -row.least_w))}, ${kw(Math.max(0, row.most_w ?? 0))}`],
      [row.why],
    ],
    address,
  });
  const course = h("div");
  let asked_ms = 0;

  function draw(): void {
    const fleet = feed.site;
    if (fleet === null) return;
    bar.draw({
      who: "The fleet",
      delivered_w: fleet.delivered_w,
      requested_w: fleet.requested_w,
      requested_by: fleet.requested_by,
      short_w: fleet.short_w,
      feed_room_w: fleet.least_w === undefined ? null : Math.max(0, -fleet.least_w),
      draw_room_w: fleet.most_w === undefined ? null : Math.max(0, fleet.most_w),
      facts: [...(fleet.frequency_hz === null ? [] : [hertz(fleet.frequency_hz)]), `${fleet.heard ?? 0} of ${count(fleet.depots, "depot")} heard`],
    });
    attention.draw(concerns(fleet, feed));
    grid.draw();
    list.draw();
    if (Date.now() - asked_ms >= COURSE_MS) {
      asked_ms = Date.now();
      void ask<Course>("GET", "api/course").then(
        (found) => put(course, drawn(found)),
        () => put(course, h("p", { className: "bad" }, "The course of the last hour cannot be had just now.")),
      );
    }
  }

  const element = h(
    "div",
    {},
    h("section", { "aria-labelledby": "power-title" }, h("h1", { id: "power-title", className: "quiet" }, "Fleet power"), bar.element),
    attention.element,
    asks,
    h("section", { "aria-labelledby": "course-title" }, h("h2", { id: "course-title" }, "Asked and delivered, last hour"), course),
    h("section", { "aria-labelledby": "depots-title" }, h("h2", { id: "depots-title" }, "Depots"), grid.element, list.element),
  );
  return { element, draw };
}

/** Of what it could feed, or draw, just now. */
function share(row: DepotRow): number | null {
  if (row.power_w === null || row.least_w === null || row.most_w === null) return null;
  const most_w = row.power_w < 0 ? -row.least_w : row.most_w;
  return most_w <= 0 ? 0 : Math.min(1, Math.abs(row.power_w) / most_w);
}

function drawn(course: Course): HTMLElement {
  if (course.at_s.length < 2) return h("p", {}, "Nothing yet: it has a point for each two seconds.");
  const delivered = course.delivered_w.filter((each): each is number => each !== null);
  const summary = `Power of the fleet: from ${kw(Math.min(...delivered))} to ${kw(Math.max(...delivered))}`;
  return powerChart(
    course.at_s,
    [
      { label: "asked", color: "--mark", values: course.requested_w },
      { label: "delivered", color: "--feeding", values: course.delivered_w },
    ],
    summary,
  );
}

/** What a person should look at, worst first. */
function concerns(fleet: Fleet, feed: Feed<DepotRow, Fleet>): string[] {
  const found: string[] = [];
  if (!feed.connected) found.push("This page has lost the fleet: what it shows is old.");
  if (!fleet.connected) found.push("The fleet has lost its servers: set-points lapse, and each depot follows its own plan.");
  if (fleet.trouble) found.push(fleet.trouble);
  found.push(...grouped(fleet.notices));
  const alarming = feed.rows.filter((row) => row.alarms > 0);
  if (alarming.length) found.push(`${count(alarming.length, "depot")} with alarms: ${alarming.slice(0, 5).map((row) => row.depot).join(", ")}${alarming.length > 5 ? " ..." : ""}`);
  return found;
}

/** What another request would mean, from the state that is shown. */
function consequence(fleet: Fleet | null, power_w: number, minutes: number): string {
  const parts = [`the fleet goes from ${kw(fleet?.delivered_w)} to ${kw(power_w)}`];
  const room_w = power_w < 0 ? fleet?.least_w : fleet?.most_w;
  if (room_w !== undefined && Math.abs(power_w) > Math.abs(room_w)) parts.push(`it can reach ${kw(room_w)} at most now`);
  return `${parts.join(", ")}, for ${minutes} min.`;
}
