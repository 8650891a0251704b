// Ask a site or a fleet for a power, for a time.

import { api } from "./api";
import { confirm } from "./dialog";
import { kw } from "./format";
import { h } from "./html";
import { report } from "./report";

export interface Asking {
  /** Of which a power is asked: "site". */
  what: string;
  /** What a request would mean. */
  consequence: (power_w: number, minutes: number) => string;
  /** What holds once it is withdrawn. */
  without: string;
}

export function askForm(asking: Asking): HTMLElement {
  const power = h("input", { type: "number", id: "ask-power", min: "0", max: "100000", step: "0.1", required: true, inputMode: "decimal" });
  const way = h("select", { id: "ask-way" }, h("option", { value: "-1" }, "feed the grid"), h("option", { value: "1" }, "draw from the grid"));
  const minutes = h("input", { type: "number", id: "ask-minutes", min: "1", max: "1440", step: "1", value: "15", required: true, inputMode: "numeric" });
  const outcome = h("p", { role: "status", className: "outcome" });

  async function ask(event: Event): Promise<void> {
    event.preventDefault();
    const power_w = Number(way.value) * Number(power.value) * 1000;
    if (!(await confirm(`Ask for ${kw(power_w)}?`, asking.consequence(power_w, Number(minutes.value)), "Ask"))) return;
    await report(outcome, () => api.request(power_w, Number(minutes.value) * 60), `asked for ${kw(power_w)}`);
  }

  async function withdraw(): Promise<void> {
    if (await confirm("Withdraw your request?", asking.without, "Withdraw"))
      await report(outcome, () => api.withdraw(), "withdrawn");
  }

  return h(
    "section",
    { "aria-labelledby": "ask-title" },
    h("h2", { id: "ask-title" }, `Ask the ${asking.what}`),
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
