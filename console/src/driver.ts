// The driver's page of one visit: what the car does, what the driver needs, and whose word holds.

import "./style.css";
import { ask, Refused } from "./api";
import { clock, kw, kwh, nextTime, percent, UNKNOWN } from "./format";
import { h, put, say } from "./html";
import { report } from "./report";
import { stateText } from "./states";

interface Needs {
  departure_unix_s: number | null;
  energy_wh: number | null;
  target_soc_pu: number | null;
  min_soc_pu: number | null;
  feeds: boolean | null;
}

interface Visit {
  depot: string;
  evse: string;
  state: string;
  soc_pu: number | null;
  measured_w: number | null;
  why: string | null;
  charge_only: string | null;
  stated: Record<string, Needs>;
  holds: (Needs & { departure_by: string | null; energy_by: string | null; floor_by: string | null }) | null;
  /** Proves that this page was seen during the visit; null without a vehicle. */
  ticket: string | null;
}

const EVERY_MS = 5000;
/** Less is nothing. */
const LEAST_W = 50;
const head = document.getElementById("head") as HTMLElement;
const main = document.getElementById("main") as HTMLElement;
const code = location.pathname.split("/").pop() ?? "";
let ticket: string | null = null;
let form: { element: HTMLElement; fill: (visit: Visit) => void } | null = null;

const now = h("p", { className: "big", role: "status" });
const why = h("p", { className: "why-now" });
const holds = h("dl", { className: "facts-list" });

async function look(): Promise<void> {
  let visit: Visit;
  try {
    visit = await ask<Visit>("GET", `${code}/visit`);
  } catch (error) {
    say(now, error instanceof Refused ? error.message : String(error));
    if (!main.contains(now)) put(main, now);
    if (!(error instanceof Refused) || error.status !== 404) window.setTimeout(() => void look(), EVERY_MS);
    return;
  }
  if (ticket !== null && visit.ticket !== ticket) {
    put(main, h("p", { role: "status" }, "This visit is over, and with it what you asked for. Scan the code again for the next one."));
    return;
  }
  draw(visit);
  window.setTimeout(() => void look(), EVERY_MS);
}

function draw(visit: Visit): void {
  document.title = `Charger ${visit.evse}`;
  put(head, h("strong", {}, visit.depot), h("span", {}, `Charger ${visit.evse}`));
  if (visit.ticket === null) {
    say(now, "No car is plugged in here. Plug it in; this page follows by itself.");
    if (!main.contains(now)) put(main, now);
    return;
  }
  ticket = visit.ticket;
  const power_w = visit.measured_w ?? 0;
  const flows = Math.abs(power_w) >= LEAST_W;
  const does = flows ? `${stateText(power_w > 0 ? "charging" : "discharging")} ${kw(Math.abs(power_w))}` : stateText(visit.state);
  say(now, `${does}, ${percent(visit.soc_pu)} charged`);
  say(why, visit.why ?? "");
  put(holds, ...facts(visit).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  if (form === null) {
    form = needsForm();
    put(
      main,
      h("h1", {}, "Your car"),
      now,
      why,
      form.element,
      h("section", { "aria-labelledby": "holds-title" }, h("h2", { id: "holds-title" }, "What holds"), holds),
      h(
        "p",
        {},
        "Your departure and your charge hold over those of the fleet list, the car and its operator (CSMS), in this order. " +
          "Of the lowest charges that anybody states the highest holds. What you ask for ends when the car leaves.",
      ),
    );
    form.fill(visit);
  }
}

function facts(visit: Visit): [string, string][] {
  const joined = visit.holds;
  const by = (whose: string | null | undefined): string => (whose == null ? "" : whose === "driver" ? ", yours" : `, by the ${whose}`);
  const energy =
    joined?.target_soc_pu != null ? percent(joined.target_soc_pu) : joined?.energy_wh != null ? `${kwh(joined.energy_wh)} more` : UNKNOWN;
  const feeding = visit.charge_only ?? (joined?.min_soc_pu == null ? "no, as nobody has stated a lowest charge" : "yes");
  return [
    ["Departure", joined?.departure_unix_s == null ? UNKNOWN : `${clock(joined.departure_unix_s)}${by(joined.departure_by)}`],
    ["Charged by then", energy === UNKNOWN ? energy : `${energy}${by(joined?.energy_by)}`],
    ["Never fed below", joined?.min_soc_pu == null ? UNKNOWN : `${percent(joined.min_soc_pu)}${by(joined.floor_by)}`],
    ["May feed the grid", visit.charge_only === null ? feeding : `no: ${feeding}`],
  ];
}

function needsForm(): { element: HTMLElement; fill: (visit: Visit) => void } {
  const share = { type: "number", min: "0", max: "100", step: "1", inputMode: "numeric" };
  const departure = h("input", { type: "time", id: "departure" });
  const amount = h("input", { type: "number", id: "amount", min: "0", max: "1000", step: "any", inputMode: "decimal" });
  const unit = h("select", { "aria-label": "Unit of the charge" }, h("option", { value: "%" }, "%"), h("option", { value: "kWh" }, "kWh more"));
  const floor = h("input", { ...share, id: "floor" });
  const feeds = h("input", { type: "checkbox", id: "feeds", checked: true });
  const outcome = h("p", { role: "status", className: "outcome" });

  function fill(visit: Visit): void {
    const mine = visit.stated["driver"];
    if (mine === undefined) return;
    if (mine.departure_unix_s !== null) departure.value = new Date(mine.departure_unix_s * 1000).toTimeString().slice(0, 5);
    if (mine.energy_wh !== null) unit.value = "kWh";
    const stated = mine.target_soc_pu !== null ? mine.target_soc_pu * 100 : mine.energy_wh !== null ? mine.energy_wh / 1000 : null;
    if (stated !== null) amount.value = String(Math.round(stated * 10) / 10);
    if (mine.min_soc_pu !== null) floor.value = String(Math.round(mine.min_soc_pu * 100));
    feeds.checked = mine.feeds !== false;
  }

  async function save(event: Event): Promise<void> {
    event.preventDefault();
    const needs: Record<string, unknown> = { ticket, feeds: feeds.checked };
    if (departure.value) needs["departure_unix_s"] = nextTime(departure.value);
    if (amount.value) {
      if (unit.value === "%") needs["target_soc_pu"] = Number(amount.value) / 100;
      else needs["energy_wh"] = Number(amount.value) * 1000;
    }
    if (floor.value) needs["min_soc_pu"] = Number(floor.value) / 100;
    await change("PUT", needs, "your car is planned with that");
  }

  async function forget(): Promise<void> {
    if (await change("DELETE", { ticket }, "what you asked for is forgotten")) {
      for (const each of [departure, amount, floor]) each.value = "";
      feeds.checked = true;
    }
  }

  async function change(method: "PUT" | "DELETE", body: unknown, done: string): Promise<boolean> {
    const taken = await report(outcome, () => ask(method, `${code}/needs`, body), done);
    const visit = taken ? await ask<Visit>("GET", `${code}/visit`).catch(() => null) : null;
    if (visit !== null && visit.ticket === ticket) draw(visit);
    return taken;
  }

  const element = h(
    "form",
    { className: "needs", onsubmit: (event: Event) => void save(event) },
    h("label", { htmlFor: "departure" }, "Departure"),
    departure,
    h("label", { htmlFor: "amount" }, "Charged by then"),
    h("span", { className: "pair" }, amount, unit),
    h("label", { htmlFor: "floor" }, "Never fed below, %"),
    floor,
    h("label", { htmlFor: "feeds", className: "check" }, feeds, " The car may feed the grid"),
    h(
      "p",
      { className: "buttons" },
      h("button", { type: "submit" }, "Save"),
      h("button", { type: "button", onclick: () => void forget() }, "Forget what I asked for"),
    ),
    outcome,
  );
  return { element, fill };
}

void look();
