// The operator's page of a depot.

import { chargerPage } from "./charger";
import { historyPage } from "./history";
import { run } from "./shell";
import { sitePage } from "./site";

run({
  what: "depot",
  links: [
    ["#/", "Site"],
    ["#/history", "History"],
  ],
  page: (where, rest, feed, operator) => {
    if (where === "charger") return chargerPage(rest, feed, operator);
    return where === "history" ? historyPage() : sitePage(feed, operator);
  },
});
