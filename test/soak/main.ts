// npm run soak -- --store postgres --links 1000 --seconds 120 --processes 4 --seed 1 --rotation on --grace 60 --skew 20
import { parseArgs } from "node:util";
import { serverOf } from "./servers.js";
import { runSoak } from "./soak.js";

const { values } = parseArgs({
  options: {
    /** `postgres`, `redis`, or `all`. */
    store: { type: "string", default: "all" },
    links: { type: "string" },
    seconds: { type: "string" },
    processes: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    /** Whether the bank rotates refresh tokens: `on`, `off`, or `both`. */
    rotation: { type: "string", default: "both" },
    /** Seconds for which a rotated refresh token may be used again. Default: a run without, and a run with a minute. */
    grace: { type: "string" },
    /** Seconds by which the clock of a process may be wrong: less than the 30 that FAPI allows an ID Token's clock. */
    skew: { type: "string", default: "20" },
    /** A run for CI: 100 links, 9 seconds for each bank; of the second store the hardest bank only. Elsewhere a store that is not there is skipped. */
    short: { type: "boolean", default: false },
  },
});
const links = whole("links", values.links ?? (values.short ? "100" : "1000"), 1);
const seconds = whole("seconds", values.seconds ?? (values.short ? "9" : "120"), 1);
const processes = whole("processes", values.processes, 1);
const seed = whole("seed", values.seed, 0);
const skew = whole("skew", values.skew, 0);
const stores = choice("store", values.store, {
  postgres: ["postgres"],
  redis: ["redis"],
  all: ["postgres", "redis"],
} as const);
const rotations = choice("rotation", values.rotation, { on: [true], off: [false], both: [false, true] } as const);
const graces = values.grace === undefined ? [0, 60] : [whole("grace", values.grace, 0)];
const banks = rotations.flatMap(rotation => (rotation ? graces : [0]).map(grace => ({ rotation, grace })));

let broken = 0;
for (const kind of stores) {
  await using server = await serverOf(kind).catch(error => {
    // In CI it would go unnoticed.
    if (!values.short || process.env["CI"] !== undefined) throw error;
    console.log(`\n${kind}: skipped. ${error.message}`);
    return undefined;
  });
  if (server === undefined) continue;
  const hardest = banks.filter(({ rotation, grace }) => rotation && grace === 0);
  const chosen = values.short && kind !== stores[0] && hardest.length > 0 ? hardest : banks;
  for (const { rotation, grace } of chosen) {
    const again = grace === 0 ? "a used one is refused" : `a used one may be tried again for ${grace} s`;
    console.log(
      `\n${kind}, seed ${seed}: ${links} links, ${processes} processes, clocks up to ${skew} s wrong, ${seconds} s; refresh tokens ${rotation ? `are rotated, ${again}` : "stay"}`,
    );
    const report = await runSoak({
      address: { kind, url: server.url },
      ...{ links, seconds, processes, seed, rotation, grace, skew },
    });
    for (const [name, figure] of Object.entries(report.figures)) console.log(`  ${name.padEnd(30)}${figure}`);
    for (const [name, times] of report.failures) console.log(`  failed: ${name.padEnd(50)}${times}`);
    for (const one of report.broken.slice(0, 20)) console.log(`  BROKEN: ${one}`);
    broken += report.broken.length;
  }
}
console.log(broken === 0 ? "\nEvery guarantee held." : `\n${broken} guarantees were broken (seed ${seed}).`);
process.exitCode = broken === 0 ? 0 : 1;

function whole(name: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least) return number;
  throw new RangeError(`--${name} must be a whole number, ${least} at least`);
}

function choice<T>(name: string, text: string, choices: Readonly<Record<string, readonly T[]>>): readonly T[] {
  const chosen = Object.hasOwn(choices, text) ? choices[text] : undefined;
  if (chosen !== undefined) return chosen;
  throw new RangeError(`--${name} must be ${Object.keys(choices).join(", ")}`);
}
