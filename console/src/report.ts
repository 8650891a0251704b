// What became of something that a person has asked for.

import { Refused } from "./api";

export async function report(place: HTMLElement, act: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await act();
    place.classList.remove("bad");
    place.textContent = `Done: ${done}.`;
    return true;
  } catch (error) {
    place.classList.add("bad");
    place.textContent = error instanceof Refused ? `Refused: ${error.message}` : String(error);
    return false;
  }
}
