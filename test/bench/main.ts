// npm run bench -- --rounds 5 --only balance-32,page-500 --short --write --check --json .build/bench.json
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Addresses, BenchCase, CountCase } from "./case.js";
import { CASES } from "./cases.js";
import { thisMachine } from "./machine.js";
import { type Options, optionsFrom } from "./options.js";
import { majorOf, pageWith } from "./page.js";
import { race } from "./race.js";
import { goalsOf, sectionOf } from "./report.js";
import { type Result, resultOfCount, resultOfRace } from "./result.js";
import { serversAt, startServers } from "./server.js";

const PAGE = new URL("../../BENCHMARKS.md", import.meta.url);

const options = given();
if (options !== undefined) process.exitCode = await bench(options);

function given(): Options | undefined {
  try {
    return optionsFrom(process.argv.slice(2), CASES);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
    return undefined;
  }
}

/** @returns the exit code. */
async function bench({ cases, rounds, short, write, check, json }: Options): Promise<number> {
  const machine = thisMachine();
  const results: Result[] = [];
  await using servers = await startServers(cases.flatMap(({ needs }) => needs));
  for (const one of cases) {
    const result = await resultOf(one, servers.addresses, { rounds, short }, majorOf(machine.node));
    results.push(result);
    console.log(`${sectionOf(result)}\n`);
  }
  const goals = goalsOf(results);
  if (goals !== "") console.log(goals);
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ machine, rounds, short, results }, null, 2)}\n`);
  if (write)
    writeFileSync(PAGE, pageWith(existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "", machine, rounds, results));
  const missed = results.some(result => result.kind !== "skipped" && result.goals.some(({ reached }) => !reached));
  return check && missed ? 1 : 0;
}

async function resultOf(
  one: BenchCase | CountCase,
  addresses: Addresses,
  how: { readonly rounds: number; readonly short: boolean },
  major: number,
): Promise<Result> {
  const { name, title } = one;
  const skipped = await one.unavailable?.();
  if (skipped !== undefined) return { kind: "skipped", name, title, why: skipped };
  if (one.kind === "count") return resultOfCount(one, await one.run(serversAt(addresses), how));
  return resultOfRace(one, await race(one, addresses, how), major);
}
