// The page of a house: where energy flows, what the car does and why, its plan, three buttons, what its driver needs.

import { api } from "./api";
import type { Car, Home, Mode, PlanOfHome } from "./api";
import { confirm } from "./dialog";
import { energyBar } from "./energy";
import type { Feed } from "./feed";
import { clock, kw, percent } from "./format";
import { historyPage } from "./history";
import { h, put, say } from "./html";
import { needsForm } from "./needs";
import { next, planOf } from "./plan";
import { report } from "./report";
import { run } from "./shell";
import type { Page } from "./shell";
import { concerns } from "./site";

const DOES: Record<Mode, string> = { plan: "follows its plan", charge: "charges now", feed: "feeds now", pause: "is paused" };

function homePage(feed: Feed, operator: boolean): Page {
  const bar = energyBar();
  const attention = h("ul", { className: "attention" });
  const places = h("div", {});
  let cars = new Map<string, CarPart>();
  let noted: string | null = null;

  function draw(): void {
    const site = feed.site;
    const home = site?.home;
    if (site === null || home === undefined) return;
    bar.draw(home);
    const notes = concerns(site, feed);
    if (notes.join("\n") !== noted) {
      noted = notes.join("\n");
      put(attention, ...notes.map((text) => h("li", {}, text)));
    }
    if (home.cars.length !== cars.size || home.cars.some((car) => !cars.has(car.id))) {
      cars = new Map(home.cars.map((car) => [car.id, carPart(car.id, home.cars.length > 1, operator)]));
      put(places, ...[...cars.values()].map((each) => each.element));
    }
    for (const car of home.cars) cars.get(car.id)?.draw(car, home, site.unix_s);
  }

  const element = h(
    "div",
    { className: "home" },
    h("section", { "aria-labelledby": "energy-title" }, h("h1", { id: "energy-title", className: "quiet" }, "Energy now"), bar.element),
    h("div", { role: "status" }, attention),
    places,
  );
  return { element, draw };
}

interface CarPart {
  element: HTMLElement;
  draw: (car: Car, home: Home, now_s: number) => void;
}

/** One charger and its car. */
function carPart(id: string, several: boolean, operator: boolean): CarPart {
  const title = h("h2", { id: `${id}-title` });
  const does = h("p", { className: "big" });
  const soc = h("strong");
  const mode = h("span", { role: "status" });
  does.append(soc, mode);
  const why = h("p", { className: "why-now" });
  const soon = h("p", { className: "tip" });
  const outcome = h("p", { role: "status", className: "outcome" });
  const noFeed = h("p", { className: "tip", id: `${id}-no-feed` });
  const place = h("div", { className: "plan" });
  const buttons = modeButtons();
  const form = needsForm(`${id}-`, (needs) => api.needs(id, needs), () => api.forget(id));
  const needs = h("section", { "aria-label": "What the driver needs" }, h("h3", {}, "What you need"), form.element);
  const planned = h("section", { "aria-label": "The plan" }, h("h3", {}, "The next day"), place);
  let plan: PlanOfHome | null = null;
  let seen = "";
  let latest: [Car, Home] | null = null;
  let filled: string | null = null;

  function draw(car: Car, home: Home, now_s: number): void {
    latest = [car, home];
    say(title, several ? `${car.car || "Car"} at ${id}` : car.car || "Your car");
    say(soc, car.car === null ? "no car" : percent(car.soc_pu));
    say(mode, car.car === null ? "" : DOES[car.mode]);
    say(why, car.why);
    say(soon, plan === null || car.mode !== "plan" ? "" : next(plan, car, now_s));
    say(noFeed, car.car !== null && car.why_no_feed !== null ? `It cannot feed: ${car.why_no_feed}.` : "");
    for (const each of [needs, planned, buttons.element]) each.hidden = car.car === null || (!operator && each !== planned);
    buttons.draw(car);
    if (filled !== car.visit) {
      filled = car.visit;
      form.fill(car.stated);
    }
    const key = JSON.stringify([home.planned, car.holds, car.car]);
    if (key !== seen) {
      seen = key;
      void load();
    }
  }

  async function load(): Promise<void> {
    plan = await api.plan().catch(() => null);
    if (plan !== null && latest !== null && latest[0].car !== null) put(place, ...planOf(plan, latest[0]));
  }

  function modeButtons(): { element: HTMLElement; draw: (car: Car) => void } {
    const make = (wanted: Mode, text: string) => h("button", { type: "button", "aria-pressed": "false", onclick: () => void order(wanted, text) }, text);
    const each: [Mode, HTMLButtonElement][] = [
      ["charge", make("charge", "Charge now")],
      ["pause", make("pause", "Pause")],
      ["feed", make("feed", "Feed")],
      ["plan", make("plan", "Follow the plan")],
    ];
    function look(car: Car): void {
      for (const [mode, button] of each) {
        button.setAttribute("aria-pressed", String(car.mode === mode));
        button.disabled = mode === "feed" && car.why_no_feed !== null;
        if (mode === "feed") button.setAttribute("aria-describedby", noFeed.id);
        if (mode === "plan") button.hidden = car.mode === "plan";
      }
    }
    return { element: h("div", {}, h("p", { className: "buttons modes", role: "group", "aria-label": "What the car does" }, ...each.map(([, button]) => button)), outcome), draw: look };
  }

  async function order(wanted: Mode, text: string): Promise<void> {
    if (latest === null) return;
    if (await confirm(`${text}?`, consequence(wanted, latest[0], latest[1], plan), text))
      await report(outcome, () => api.order(id, wanted), `the car ${DOES[wanted]}`);
  }

  const element = h("section", { "aria-labelledby": `${id}-title`, className: "car" }, title, does, why, soon, buttons.element, noFeed, h("div", { className: "columns" }, planned, needs));
  return { element, draw };
}

/** What will happen, in words. */
function consequence(wanted: Mode, car: Car, home: Home, plan: PlanOfHome | null): string {
  const needs = car.holds;
  const target = needs?.target_soc_pu ?? null;
  const leaves = needs?.departure_unix_s == null ? "" : ` at ${clock(needs.departure_unix_s)}`;
  const flows = Math.abs(car.power_w ?? 0) > 50 ? `${(car.power_w ?? 0) > 0 ? "charging" : "feeding"} ${kw(Math.abs(car.power_w ?? 0))}` : "at rest";
  switch (wanted) {
    case "charge": {
      const price = plan?.steps?.buy_per_kwh[0];
      const cost = price === undefined ? "" : `, whatever it costs (${price.toFixed(2)} per kWh now)`;
      return `The car charges with up to ${kw(car.max_charge_w)}${cost}, until it has ${percent(target ?? 1)}; it is ${flows} now. Main fuse and the grid operator's limit hold. Then it follows its plan again.`;
    }
    case "pause": {
      const risk = target === null || leaves === "" ? "" : ` If that lasts too long it will not have ${percent(target)}${leaves}.`;
      return `No energy flows until you let it follow the plan again; it is ${flows} now.${risk}`;
    }
    case "feed": {
      const grid = home.export_w > 0 ? `then the grid with at most ${kw(home.export_w)}` : "and nothing to the grid";
      const floor = needs?.min_soc_pu == null ? "" : `, and never below ${percent(needs.min_soc_pu)}`;
      const still = target === null || leaves === "" ? "" : ` It gives no more than it can charge again to have ${percent(target)}${leaves}.`;
      return `The car gives up to ${kw(car.max_discharge_w)}: to the house first, ${grid}. For an hour at most${floor}; it is ${flows} now.${still}`;
    }
    case "plan":
      return `The plan decides again when the car charges and feeds; it is ${flows} now.`;
  }
}

run({
  what: "home",
  links: [
    ["#/", "Home"],
    ["#/history", "History"],
    ["depot", "Chargers"],
  ],
  page: (where, _, feed, operator) => (where === "history" ? historyPage() : homePage(feed, operator)),
});
