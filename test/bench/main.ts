import { CASES } from "./cases.js";
import { run } from "./race.js";
import { startServers } from "./server.js";
import { ratio, spread } from "./statistics.js";

const only = process.argv[2]?.split(",");
await using servers = await startServers(["bank"]);
for (const one of CASES) {
  if (only && !only.includes(one.name)) continue;
  if (one.kind !== "race") continue;
  const records = await run(one, servers.addresses, {
    rounds: Number(process.argv[3] ?? 5),
    short: process.argv[4] === "short",
  });
  console.log(one.title);
  const floor = records.find(r => r.name === one.floor)!;
  for (const r of records) {
    console.log(
      r.name.padEnd(28),
      ...(["callsPerSecond", "p50", "p99", "cpu", "loopDelay"] as const).map(
        f =>
          `${f} ${spread(r.rounds.map(x => x[f])).median.toPrecision(4)} (${ratio(
            r.rounds.map(x => x[f]),
            floor.rounds.map(x => x[f]),
          ).median.toFixed(2)})`,
      ),
      r.bytes.toFixed(0),
    );
  }
}
