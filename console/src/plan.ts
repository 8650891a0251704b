// The plan of one car for the next day: its power beside the price, its expected state of charge, in words too.

import type { Car, PlanOfHome } from "./api";
import { chart } from "./chart";
import { clock, kw, kwh, percent } from "./format";
import { h } from "./html";

/** Less is nothing. */
const LEAST_W = 50;
const HEIGHT = 190;
/** The width of an axis: both charts show the same time at the same place. */
const AXIS = 64;

type Steps = NonNullable<PlanOfHome["steps"]>;

interface Span {
  from_s: number;
  until_s: number;
  energy_wh: number;
  /** What a kWh costs on average, or earns. */
  price: number;
}

export function planOf(plan: PlanOfHome, car: Car): HTMLElement[] {
  const own = plan.cars[car.id];
  if (own === undefined || plan.steps === null)
    return [h("p", {}, plan.trouble ?? `There is no plan for this car: ${plan.unplanned[car.id] ?? "it is not known yet"}.`)];
  const { step_s, start_unix_s: start_s, buy_per_kwh } = plan.steps;
  const at_s = own.power_w.map((_, step) => start_s + step * step_s);
  const departure_s = car.holds?.departure_unix_s ?? null;
  const leaves = departure_s !== null && departure_s > start_s ? Math.ceil((departure_s - start_s) / step_s) : at_s.length;
  const here = <T>(values: T[]): (T | null)[] => values.map((each, step) => (step < leaves ? each : null));
  const text = inWords(plan, plan.steps, car, leaves);
  const floor = car.holds?.min_soc_pu ?? null;
  const socs = own.soc_pu.map((_, step) => (step === 0 ? car.soc_pu : (own.soc_pu[step - 1] ?? null)));
  return [
    h("ul", { className: "why" }, ...text.map((each) => h("li", {}, each))),
    chart(
      at_s,
      [
        { label: "car", color: "--charging", unit: "kW", stepped: true, values: here(own.power_w.map((w) => w / 1000)) },
        { label: "price", color: "--mains", unit: "per kWh", stepped: true, dashed: true, values: buy_per_kwh },
      ],
      `Planned power of the car, and the price. ${text.join(" ")}`,
      HEIGHT,
    ),
    chart(
      at_s,
      [
        { label: "state of charge", color: "--feeding", unit: "%", values: here(socs.map((each) => (each === null ? null : each * 100))) },
        ...(floor === null ? [] : [{ label: "lowest", color: "--idle", unit: "%" as const, dashed: true, values: here(at_s.map(() => floor * 100)) }]),
      ],
      `Expected state of charge: ${percent(car.soc_pu)} now, ${percent(own.soc_pu[Math.min(leaves, own.soc_pu.length) - 1])} at its departure.`,
      HEIGHT,
      AXIS,
    ),
  ];
}

function inWords(plan: PlanOfHome, steps: Steps, car: Car, leaves: number): string[] {
  const own = plan.cars[car.id];
  if (own === undefined) return [];
  const found: string[] = [];
  const powers = own.power_w.slice(0, leaves);
  for (const span of spans(powers.map((w) => (w > LEAST_W ? w : 0)), steps.buy_per_kwh, steps))
    found.push(`Charges ${kwh(span.energy_wh)} from ${clock(span.from_s)} to ${clock(span.until_s)}${priced(steps, span)}.`);
  for (const span of spans(powers.map((w) => (w < -LEAST_W ? -w : 0)), steps.sell_per_kwh, steps))
    found.push(`Feeds ${kwh(span.energy_wh)} from ${clock(span.from_s)} to ${clock(span.until_s)}, to the house first.`);
  if (found.length === 0) found.push("It neither charges nor feeds in this plan.");
  const departure_s = car.holds?.departure_unix_s;
  const last = own.soc_pu[Math.min(leaves, own.soc_pu.length) - 1];
  found.push(departure_s == null ? `No departure is known: it is charged as soon as possible, to ${percent(last)}.` : `Leaves at ${clock(departure_s)} with ${percent(last)}.`);
  return [...found, ...plan.lines];
}

function priced(steps: Steps, span: Span): string {
  const dearest = Math.max(...steps.buy_per_kwh);
  return dearest - Math.min(...steps.buy_per_kwh) < 0.001 ? "" : `, when a kWh costs ${span.price.toFixed(2)} on average`;
}

/** Where something flows without a gap of an hour; times, energy and mean price. */
function spans(powers_w: number[], prices: number[], { start_unix_s: start_s, step_s }: Steps): Span[] {
  const found: Span[] = [];
  powers_w.forEach((power_w, step) => {
    if (power_w <= 0) return;
    const from_s = start_s + step * step_s;
    const energy_wh = (power_w * step_s) / 3600;
    const price = prices[step] ?? 0;
    const before = found.at(-1);
    if (before !== undefined && from_s - before.until_s <= 3600) {
      before.price = (before.price * before.energy_wh + price * energy_wh) / (before.energy_wh + energy_wh);
      before.energy_wh += energy_wh;
      before.until_s = from_s + step_s;
    } else found.push({ from_s, until_s: from_s + step_s, energy_wh, price });
  });
  return found;
}

/** "charges from 01:15 with 4.2 kW": what comes next of a plan; empty if nothing does. */
export function next(plan: PlanOfHome, car: Car, now_s: number): string {
  const own = plan.cars[car.id];
  if (own === undefined || plan.steps === null) return "";
  const { start_unix_s, step_s } = plan.steps;
  const first = Math.floor((now_s - start_unix_s) / step_s);
  if (first < 0 || Math.abs(own.power_w[first] ?? 0) > LEAST_W) return "";
  const step = own.power_w.findIndex((w, place) => place > first && Math.abs(w) > LEAST_W);
  if (step < 0) return "";
  const power_w = own.power_w[step] ?? 0;
  return `From ${clock(start_unix_s + step * step_s)} on it ${power_w > 0 ? "charges" : "feeds"} with ${kw(Math.abs(power_w))}.`;
}
