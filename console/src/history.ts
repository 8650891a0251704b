// Day, week and month: what was asked for, what was delivered, and each vehicle's energies.

import { api, Refused } from "./api";
import { powerChart } from "./chart";
import { clock, count, day, kwh } from "./format";
import { h, put } from "./html";

const SPANS: [string, number][] = [
  ["Hour", 3600],
  ["Day", 86_400],
  ["Week", 7 * 86_400],
  ["Month", 31 * 86_400],
];
const MOST_ROWS = 200;

export function historyPage(): { element: HTMLElement; draw: () => void } {
  const place = h("div", { "aria-live": "polite" });
  const buttons = SPANS.map(([name, span_s]) =>
    h("button", { type: "button", "aria-pressed": "false", onclick: () => void show(name, span_s) }, name),
  );

  async function show(name: string, span_s: number): Promise<void> {
    buttons.forEach((each) => each.setAttribute("aria-pressed", String(each.textContent === name)));
    const until = Date.now() / 1000;
    try {
      const [history, sessions] = await Promise.all([api.history(until - span_s, until), api.sessions(until - span_s, until)]);
      const charged = sessions.reduce((sum, each) => sum + each.charged_wh, 0);
      const discharged = sessions.reduce((sum, each) => sum + each.discharged_wh, 0);
      const text = `${count(sessions.length, "session")}, ${kwh(charged)} to vehicles, ${kwh(discharged)} to the grid`;
      const lines = [
        { label: "asked", color: "--mark", values: history.requested_w, dashed: true },
        { label: "delivered", color: "--feeding", values: history.delivered_w },
      ];
      put(
        place,
        h("p", { className: "big" }, h("strong", {}, kwh(discharged)), `to the grid; ${kwh(charged)} to vehicles`),
        history.at_s.length > 1 ? powerChart(history.at_s, lines, `Power asked and delivered, ${name.toLowerCase()}: ${text}`) : h("p", {}, "Nothing is kept of this time yet."),
        h("h2", {}, count(sessions.length, "session")),
        table(sessions.slice(-MOST_ROWS).reverse()),
        sessions.length > MOST_ROWS ? h("p", {}, `The latest ${MOST_ROWS}; all are to be had from api/sessions.`) : null,
      );
    } catch (error) {
      put(place, h("p", { className: "bad" }, error instanceof Refused ? error.message : String(error)));
    }
  }

  void show("Hour", 3600);
  return {
    element: h("div", {}, h("h1", {}, "History"), h("p", { className: "buttons", role: "group", "aria-label": "Time" }, ...buttons), place),
    draw: () => undefined,
  };
}

function table(sessions: Awaited<ReturnType<typeof api.sessions>>): HTMLElement {
  const head = ["Vehicle", "Charger", "From", "Until", "Charged", "Fed"].map((title) => h("th", { scope: "col" }, title));
  const body = sessions.map((each) =>
    h(
      "tr",
      {},
      h("td", {}, each.vehicle || "not known"),
      h("td", {}, `${each.station}/${each.evse}`),
      h("td", {}, `${day(each.since_s)}, ${clock(each.since_s)}`),
      h("td", {}, each.ended ? clock(each.until_s) : "here"),
      h("td", {}, kwh(each.charged_wh)),
      h("td", {}, kwh(each.discharged_wh)),
    ),
  );
  return h("div", { className: "scroll", tabIndex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)));
}
