// What a charger may be in, with its colour (a custom property in style.css) and what it needs of a person.

export const STATES: Record<string, { text: string; color: string }> = {
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
