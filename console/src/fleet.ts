// The page of a fleet's operator.

import { depotPage } from "./depot";
import type { DepotRow, Fleet } from "./depots";
import { depotsPage } from "./depots";
import { run } from "./shell";

run<DepotRow, Fleet>({
  what: "fleet",
  links: [["#/", "Depots"]],
  page: (where, rest, feed, operator) => (where === "depot" ? depotPage(rest, feed) : depotsPage(feed, operator)),
});
