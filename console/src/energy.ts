// One bar of a house: above where energy comes from just now, below where it goes; both are equally long.

import type { Flows } from "./api";
import { kw, percent, UNKNOWN } from "./format";
import { h, put, say } from "./html";

interface Part {
  name: string;
  color: string;
  power_w: number;
}

/** Less is nothing. */
const LEAST_W = 50;

export function energyBar(): { element: HTMLElement; draw: (flows: Flows) => void } {
  const from = h("div", { className: "lane" });
  const to = h("div", { className: "lane" });
  const bar = h("div", { className: "energy", role: "img", id: "energy" }, from, to);
  const facts = h("dl", { className: "flows" });
  const said = h("p", { className: "big" });
  const headline = h("strong", { id: "grid" });
  const detail = h("span");
  said.append(headline, detail);

  function draw(flows: Flows): void {
    const parts = partsOf(flows);
    const gives = parts.filter((each) => each.power_w > LEAST_W);
    const takes = parts.filter((each) => each.power_w < -LEAST_W);
    fill(from, gives);
    fill(to, takes);
    bar.setAttribute("aria-label", parts.length ? `From ${words(gives)}; to ${words(takes)}` : "Nothing is measured.");
    say(headline, flows.grid_w === null ? UNKNOWN : kw(Math.abs(flows.grid_w)));
    say(detail, flows.grid_w === null ? "the house's meter is silent" : Math.abs(flows.grid_w) <= LEAST_W ? "nothing to or from the grid" : flows.grid_w > 0 ? "from the grid" : "to the grid");
    put(facts, ...rows(flows).map(([name, value, color]) => h("div", {}, h("dt", {}, h("i", { className: "dot", style: `--dot: var(${color})` }), name), h("dd", {}, unbroken(value)))));
  }

  return { element: h("div", {}, said, bar, facts), draw };
}

/** Positive gives energy, negative takes it. */
function partsOf(flows: Flows): Part[] {
  const found: Part[] = [];
  const add = (name: string, color: string, power_w: number | null) => {
    if (power_w !== null) found.push({ name, color, power_w });
  };
  const house_w = flows.house_w;
  add("sun", "--sun", flows.sun_w);
  add(flows.sun_w === null && house_w !== null && house_w < 0 ? "sun beyond the house" : "house", house_w !== null && house_w < 0 ? "--sun" : "--house", house_w === null ? null : -house_w);
  add("battery", "--battery", flows.battery_w === null ? null : -flows.battery_w);
  add("car", "--charging", flows.cars_w === null ? null : -flows.cars_w);
  add("grid", "--mains", flows.grid_w);
  return found;
}

function rows(flows: Flows): [string, string, string][] {
  const way = (power_w: number | null, positive: string, negative: string) =>
    power_w === null ? UNKNOWN : Math.abs(power_w) <= LEAST_W ? "0.0 kW" : `${power_w > 0 ? positive : negative} ${kw(Math.abs(power_w))}`;
  const found: [string, string, string][] = [["Grid", way(flows.grid_w, "draws", "takes"), "--mains"]];
  if (flows.sun_w !== null) found.push(["Sun", kw(flows.sun_w), "--sun"]);
  found.push([flows.sun_w === null ? "House with its sun" : "House", way(flows.house_w, "draws", "leaves"), "--house"]);
  if (flows.battery_w !== null) found.push(["Battery", `${way(flows.battery_w, "charges", "gives")}, ${percent(flows.battery_soc_pu)}`, "--battery"]);
  found.push(["Car", way(flows.cars_w, "charges", "gives"), "--charging"]);
  return found;
}

/** A line ends between two values, never between a number and its unit. */
function unbroken(text: string): string {
  return text.replace(/(\d) (?=kW|%)/g, "$1\u00a0");
}

function fill(lane: HTMLElement, parts: Part[]): void {
  const whole_w = parts.reduce((sum, each) => sum + Math.abs(each.power_w), 0);
  put(
    lane,
    ...parts.map((each) => {
      const element = h("span", { style: `--part: var(${each.color})` }, h("b", {}, each.name));
      element.style.width = `${(100 * Math.abs(each.power_w)) / whole_w}%`;
      return element;
    }),
  );
}

function words(parts: Part[]): string {
  return parts.length ? parts.map((each) => `${each.name} ${kw(Math.abs(each.power_w))}`).join(", ") : "nothing";
}
