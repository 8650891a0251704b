// What a driver needs, as a form: on the driver's page, on the home page and on the operator's page of a charger.

import { nextTime } from "./format";
import { h } from "./html";
import { report } from "./report";

/** Without a value: not stated. */
export interface Needs {
  departure_unix_s: number | null;
  energy_wh: number | null;
  target_soc_pu: number | null;
  min_soc_pu: number | null;
  feeds: boolean | null;
}

export interface NeedsForm {
  element: HTMLElement;
  /** Show what was stated before; null: nothing. */
  fill: (stated: Needs | null) => void;
}

/** `id`: begins the names of the fields, so that a page can have several forms. */
export function needsForm(id: string, save: (needs: Partial<Needs>) => Promise<unknown>, forget: () => Promise<unknown>): NeedsForm {
  const departure = h("input", { type: "time", id: `${id}departure` });
  const amount = h("input", { type: "number", id: `${id}amount`, min: "0", max: "1000", step: "any", inputMode: "decimal" });
  const unit = h("select", { "aria-label": "Unit of the charge" }, h("option", { value: "%" }, "%"), h("option", { value: "kWh" }, "kWh more"));
  const floor = h("input", { type: "number", id: `${id}floor`, min: "0", max: "100", step: "1", inputMode: "numeric" });
  const feeds = h("input", { type: "checkbox", id: `${id}feeds`, checked: true });
  const outcome = h("p", { role: "status", className: "outcome" });

  function fill(stated: Needs | null): void {
    for (const each of [departure, amount, floor]) each.value = "";
    unit.value = "%";
    feeds.checked = true;
    if (stated === null) return;
    if (stated.departure_unix_s !== null) departure.value = new Date(stated.departure_unix_s * 1000).toTimeString().slice(0, 5);
    if (stated.energy_wh !== null) unit.value = "kWh";
    const wanted = stated.target_soc_pu !== null ? stated.target_soc_pu * 100 : stated.energy_wh !== null ? stated.energy_wh / 1000 : null;
    if (wanted !== null) amount.value = String(Math.round(wanted * 10) / 10);
    if (stated.min_soc_pu !== null) floor.value = String(Math.round(stated.min_soc_pu * 100));
    feeds.checked = stated.feeds !== false;
  }

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    const needs: Partial<Needs> = { feeds: feeds.checked };
    if (departure.value) needs.departure_unix_s = nextTime(departure.value);
    if (amount.value) {
      if (unit.value === "%") needs.target_soc_pu = Number(amount.value) / 100;
      else needs.energy_wh = Number(amount.value) * 1000;
    }
    if (floor.value) needs.min_soc_pu = Number(floor.value) / 100;
    await report(outcome, () => save(needs), "your car is planned with that");
  }

  async function clear(): Promise<void> {
    if (await report(outcome, forget, "what you asked for is forgotten")) fill(null);
  }

  const element = h(
    "form",
    { className: "needs", onsubmit: (event: Event) => void send(event) },
    h("label", { htmlFor: departure.id }, "Departure"),
    departure,
    h("label", { htmlFor: amount.id }, "Charged by then"),
    h("span", { className: "pair" }, amount, unit),
    h("label", { htmlFor: floor.id }, "Never fed below, %"),
    floor,
    h("label", { htmlFor: feeds.id, className: "check" }, feeds, " The car may feed the grid"),
    h(
      "p",
      { className: "buttons" },
      h("button", { type: "submit" }, "Save"),
      h("button", { type: "button", onclick: () => void clear() }, "Forget what I asked for"),
    ),
    outcome,
  );
  return { element, fill };
}
