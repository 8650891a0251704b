// What a charger may be in, with its colour (a custom property in style.css) and what it needs of a person.

import { h } from "./html";

export type States = Record<string, { text: string; color: string }>;

export const STATES: States = {
  charging: { text: "charging", color: "--charging" },
  discharging: { text: "feeding", color: "--feeding" },
  idle: { text: "idle", color: "--idle" },
  waiting: { text: "waiting", color: "--waiting" },
  free: { text: "free", color: "--free" },
  offline: { text: "offline", color: "--offline" },
};

export function stateText(state: string): string {
  return STATES[state]?.text ?? state;
}

/** A state's colour beside its name. */
export function dot(states: States, state: string): HTMLElement {
  return h("i", { className: "dot", style: `--dot: var(${states[state]?.color ?? "--idle"})` });
}
