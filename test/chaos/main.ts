// npm run chaos -- --debits 10000 --seed 1
import { parseArgs } from "node:util";
import { withFreshKeys, withoutJournal } from "./broken.js";
import { runChaos } from "./chaos.js";

const { values } = parseArgs({
  options: {
    debits: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    /** `journal`: no write before the request; `keys`: a fresh key for each attempt. */
    break: { type: "string" },
  },
});
const broken = { journal: withoutJournal, keys: withFreshKeys };
const between = Object.hasOwn(broken, values.break ?? "") ? broken[values.break as keyof typeof broken] : undefined;
const options = { debits: Number(values.debits), seed: Number(values.seed) };
if (!(options.debits > 0 && Number.isInteger(options.debits) && Number.isInteger(options.seed))) {
  throw new RangeError("--debits and --seed must be whole numbers");
}
if (values.break !== undefined && between === undefined) throw new RangeError("--break must be journal or keys");
console.log(`${options.debits} debits, seed ${options.seed}${values.break ? `, broken: ${values.break}` : ""}`);
const report = await runChaos(
  between === undefined ? options : { ...options, between, impatience: values.break === "keys" ? 0.5 : 0.05 },
);

const { twice, lost, unknown, faults, seconds, ...counts } = report;
for (const [name, times] of Object.entries(faults)) console.log(`  ${name}: ${times}`);
console.log(counts);
console.log(`debited twice: ${twice.length}, lost: ${lost.length}, unknown: ${unknown.length}, in ${seconds} s`);
process.exitCode = twice.length + lost.length + unknown.length === 0 ? 0 : 1;
