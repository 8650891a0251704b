// The depot's REST interface; /api/openapi.json describes it.

import type { Needs } from "./needs";

export interface Notice {
  code: string;
  about: string;
  text: string;
}

export interface Site {
  name: string;
  unix_s: number;
  chargers: number;
  online: number;
  vehicles: number;
  frequency_hz: number | null;
  requested_w?: number | null;
  requested_by?: string;
  commanded_w?: number;
  delivered_w?: number;
  short_w?: number | null;
  reserve_w?: number;
  charge_room_w?: number;
  discharge_room_w?: number;
  charging?: number;
  discharging?: number;
  notices?: Notice[];
  trouble: string | null;
  /** Of a house only. */
  home?: Home;
}

/** Powers of a house: grid as drawn, battery and cars as charged, sun as given, house as drawn. */
export interface Flows {
  grid_w: number | null;
  sun_w: number | null;
  /** With its sun, if `sun_w` is not known. */
  house_w: number | null;
  cars_w: number | null;
  battery_w: number | null;
  battery_soc_pu: number | null;
}

export interface Home extends Flows {
  export_w: number;
  /** Of the plan: another number is another plan. */
  planned: number;
  cars: Car[];
}

export type Mode = "plan" | "charge" | "feed" | "pause";

/** A charger of a house, and its car. */
export interface Car {
  id: string;
  /** Its name; null without a car. */
  car: string | null;
  visit: string | null;
  state: string;
  mode: Mode;
  soc_pu: number | null;
  capacity_wh: number | null;
  power_w: number | null;
  max_charge_w: number;
  max_discharge_w: number;
  why: string;
  why_no_feed: string | null;
  holds: (Needs & { departure_by: string | null; energy_by: string | null; floor_by: string | null }) | null;
  stated: Needs | null;
}

/** The plan of a day ahead; columns by step. */
export interface PlanOfHome {
  steps: { start_unix_s: number; step_s: number; buy_per_kwh: number[]; sell_per_kwh: number[]; house_w: number[] | null } | null;
  cars: Record<string, { power_w: number[]; soc_pu: number[] }>;
  unplanned: Record<string, string>;
  trouble: string | null;
  lines: string[];
}

export interface Charger {
  id: string;
  node: string;
  phases: string;
  state: string;
  online: boolean;
  charge_only: string | null;
  max_charge_w: number;
  max_discharge_w: number;
  measured_w: number | null;
  setpoint_w: number | null;
  binding: string | null;
  vehicle: { id: string | null; soc_pu: number | null; capacity_wh: number | null; discharges: boolean } | null;
  needs: {
    source: string;
    departure_unix_s: number | null;
    energy_wh: number | null;
    target_soc_pu: number | null;
    floor_soc_pu: number | null;
  } | null;
  safe_w: number;
  safe_after_s: number;
  refusal: string | null;
}

export interface Account {
  station: string;
  transaction: string;
  evse: number;
  vehicle: string;
  since_s: number;
  until_s: number;
  ended: boolean;
  charged_wh: number;
  discharged_wh: number;
}

/** Columns of equal length. */
export interface History {
  span_s: number;
  at_s: number[];
  delivered_w: (number | null)[];
  requested_w: (number | null)[];
  frequency_hz: (number | null)[];
}

export interface Curve {
  at_s: number[];
  power_w: (number | null)[];
}

export interface Me {
  name: string;
  role: "viewer" | "operator" | "";
  /** Whether there is a way to sign in. */
  users: boolean;
}

/** The server has refused; the message says why, and the remedy. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, headers: { Accept: "application/json" } };
  if (method !== "GET") {
    init.headers = { ...init.headers, "Content-Type": "application/json" };
    init.body = JSON.stringify(body ?? {});
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Refused(0, "the depot does not answer; see whether it runs, and your network");
  }
  const content: unknown = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = (content as { error?: string }).error ?? response.statusText;
    if (response.status === 401) window.dispatchEvent(new Event("signed-out"));
    throw new Refused(response.status, error);
  }
  return content as T;
}

const query = (values: Record<string, string | number>) =>
  new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)])).toString();

/** In whose name this page asks: whoever is signed in asks in their own. */
const asker = async () => (await api.me()).name || "operator";

export const api = {
  me: () => ask<Me>("GET", "session"),
  signIn: (name: string, password: string) => ask<Me>("POST", "session", { name, password }),
  signOut: () => ask<unknown>("DELETE", "session"),
  charger: (id: string) => ask<Charger>("GET", `api/chargers/${id}`),
  explain: (of: string) => ask<Record<string, string[]>>("GET", `api/explain?${query({ of })}`),
  requests: () => ask<({ by: string; type: string; until_unix_s?: number } & Record<string, unknown>)[]>("GET", "api/request"),
  request: async (power_w: number, for_s: number) => ask<unknown>("PUT", "api/request", { by: await asker(), power_w, for_s }),
  withdraw: async () => ask<unknown>("DELETE", `api/request?${query({ by: await asker() })}`),
  act: (id: string, what: "pause" | "resume" | "stop") => ask<unknown>("POST", `api/chargers/${id}/${what}`),
  needs: (id: string, needs: Partial<Needs>) => ask<unknown>("PUT", `api/chargers/${id}/needs`, needs),
  forget: (id: string) => ask<unknown>("DELETE", `api/chargers/${id}/needs`),
  order: (id: string, mode: Mode) => ask<unknown>("PUT", `api/chargers/${id}/mode`, { mode }),
  plan: () => ask<PlanOfHome>("GET", "api/plan"),
  history: (from: number, until: number) => ask<History>("GET", `api/history?${query({ from, until })}`),
  curve: (id: string) => ask<Curve>("GET", `api/chargers/${id}/curve`),
  sessions: (from: number, until: number) => ask<Account[]>("GET", `api/sessions?${query({ from, until })}`),
};
