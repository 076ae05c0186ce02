// One contender in a process of its own: opened once, then measured as often as it is its turn.

import { allocated } from "./allocations.js";
import type { Addresses } from "./case.js";
import { CASES } from "./cases.js";
import type { Turn } from "./lane.js";
import { measure } from "./round.js";
import { serversAt } from "./server.js";

const [caseName, name, addresses = "{}"] = process.argv.slice(2);
const race = CASES.find(one => one.name === caseName);
if (race?.kind !== "race") throw new Error(`There is no race ${caseName}.`);
const contender = race.contenders(serversAt(JSON.parse(addresses) as Addresses)).find(one => one.name === name);
if (contender === undefined) throw new Error(`There is no contender ${name} in ${caseName}.`);

const runnable = await contender.open();
process.on("message", async (turn: Turn | "close") => {
  if (turn === "close") {
    await runnable.close();
    process.disconnect();
    return;
  }
  const { what, load } = turn;
  process.send?.(what === "bytes" ? await allocated(runnable, load) : await measure(runnable, load));
});
// Nobody is there any more to measure for.
process.on("disconnect", () => process.exit());
process.send?.("open");
