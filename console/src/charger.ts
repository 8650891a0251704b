// One charger: what it does and why, its power over the last day, what an operator may do about it.

import { api, Refused } from "./api";
import type { Charger, Curve } from "./api";
import { powerChart } from "./chart";
import { confirm } from "./dialog";
import type { Feed } from "./feed";
import { clock, kw, kwh, percent, UNKNOWN } from "./format";
import { h, put } from "./html";
import { needsForm } from "./needs";
import { report } from "./report";
import { stateText } from "./states";

const DONE = { pause: "paused", resume: "resumed", stop: "stopped" };

export function chargerPage(id: string, feed: Feed, operator: boolean): { element: HTMLElement; draw: () => void } {
  const facts = h("dl", { className: "facts-list" });
  const why = h("ul", { className: "why" });
  const curve = h("div");
  const outcome = h("p", { role: "status", className: "outcome" });
  const form = needsForm("need-", (needs) => api.needs(id, needs), () => api.forget(id));
  let seen = "";
  let asking = false;

  function draw(): void {
    const row = JSON.stringify(feed.row(id));
    if (row !== seen && !asking) {
      seen = row;
      void load();
    }
  }

  async function load(): Promise<void> {
    asking = true;
    try {
      const [charger, explained] = await Promise.all([api.charger(id), api.explain(id)]);
      put(facts, ...rows(charger));
      put(why, ...(explained[id] ?? []).map((line) => h("li", {}, line)));
    } catch (error) {
      put(why, h("li", { className: "bad" }, error instanceof Refused ? error.message : String(error)));
    } finally {
      asking = false;
    }
  }

  async function act(what: "pause" | "resume" | "stop"): Promise<void> {
    if (await confirm(...question(id, what, feed))) {
      await report(outcome, () => api.act(id, what), DONE[what]);
      seen = "";
    }
  }

  void api.curve(id).then(
    (found) => put(curve, drawCurve(id, found)),
    () => put(curve, h("p", {}, "No curve is kept yet.")),
  );
  const element = h(
    "div",
    {},
    h("p", {}, h("a", { href: "#/" }, "← all chargers")),
    h("h1", {}, `Charger ${id}`),
    facts,
    h("section", { "aria-labelledby": "why-title" }, h("h2", { id: "why-title" }, "Why this power"), why),
    operator
      ? h(
          "p",
          { className: "buttons" },
          h("button", { type: "button", onclick: () => void act("pause") }, "Pause"),
          h("button", { type: "button", onclick: () => void act("resume") }, "Resume"),
          h("button", { type: "button", className: "danger", onclick: () => void act("stop") }, "End the session"),
        )
      : null,
    operator ? h("details", {}, h("summary", {}, "The driver's needs"), form.element) : null,
    outcome,
    h("section", { "aria-labelledby": "curve-title" }, h("h2", { id: "curve-title" }, "Power of the last 24 hours"), curve),
  );
  return { element, draw };
}

function rows(charger: Charger): HTMLElement[] {
  const vehicle = charger.vehicle;
  const needs = charger.needs;
  const found: [string, string][] = [
    ["State", stateText(charger.state)],
    ["Set-point", kw(charger.setpoint_w)],
    ["Measured", kw(charger.measured_w)],
    ["What limits", charger.binding ?? UNKNOWN],
    ["Vehicle", vehicle === null ? "none" : (vehicle.id ?? "not known")],
    ["State of charge", percent(vehicle?.soc_pu)],
    ["Floor", percent(needs?.floor_soc_pu)],
    ["Departure", needs?.departure_unix_s == null ? UNKNOWN : clock(needs.departure_unix_s)],
    ["Needs by", needs?.source ?? "nobody"],
    ["Feeder", `${charger.node}, phases ${charger.phases}`],
    ["On its own", `${kw(charger.safe_w)} after ${charger.safe_after_s} s`],
  ];
  if (needs?.energy_wh != null) found.splice(7, 0, ["Energy wanted", kwh(needs.energy_wh)]);
  return found.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

function question(id: string, what: "pause" | "resume" | "stop", feed: Feed): [string, string, string] {
  const power_w = feed.row(id)?.setpoint_w ?? 0;
  const change = power_w === 0 ? "its power is 0 now" : `${power_w < 0 ? "it stops feeding" : "it stops charging"}, ${kw(power_w)} less`;
  switch (what) {
    case "pause":
      return [`Pause ${id}?`, `No energy flows until it is resumed: ${change}. The others take over what they can.`, "Pause"];
    case "resume":
      return [`Resume ${id}?`, "Energy may flow again, as the site's request and the vehicle's needs want it.", "Resume"];
    case "stop":
      return [`End the session at ${id}?`, `The transaction ends: ${change}. The vehicle has to be plugged in again, or authorised again.`, "End the session"];
  }
}

function drawCurve(id: string, curve: Curve): HTMLElement {
  const known = curve.power_w.filter((each): each is number => each !== null);
  if (known.length < 2) return h("p", {}, "No curve is kept yet: it has a point for each minute.");
  const summary = `Power of ${id}: from ${kw(Math.min(...known))} to ${kw(Math.max(...known))}`;
  return powerChart(curve.at_s, [{ label: "power", color: "--feeding", values: curve.power_w }], summary);
}
