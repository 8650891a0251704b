// The driver's page of one visit: what the car does, what the driver needs, and whose word holds.

import "./style.css";
import { ask, Refused } from "./api";
import { clock, kw, kwh, percent, UNKNOWN } from "./format";
import { h, put, say } from "./html";
import { needsForm } from "./needs";
import type { Needs, NeedsForm } from "./needs";
import { stateText } from "./states";

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
let form: NeedsForm | null = null;

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
    form = needsForm(
      "",
      (needs) => change("PUT", needs),
      () => change("DELETE", {}),
    );
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
    form.fill(visit.stated["driver"] ?? null);
  }
}

async function change(method: "PUT" | "DELETE", needs: Partial<Needs>): Promise<void> {
  await ask(method, `${code}/needs`, { ticket, ...needs });
  const visit = await ask<Visit>("GET", `${code}/visit`).catch(() => null);
  if (visit !== null && visit.ticket === ticket) draw(visit);
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

void look();
