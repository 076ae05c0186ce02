/** What a call allocates, within a band: half as much again is a mistake somewhere, half of it a broken measurement. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";

/**
 * Bytes for an `accounts.balance()`, as Node 20 allocates them. To measure it anew, read what this prints:
 * `npm run build && npx vitest run test/counts/allocations`.
 */
const BALANCE = 23_000;
const AT_LEAST = 0.5;
const AT_MOST = 1.5;

const PROFILE = "fapi2-security";
const ALLOCATING = fileURLToPath(new URL("allocating.mjs", import.meta.url));
/** Megabytes among the young objects: more than what is counted. */
const ROOM = 256;
/** A collection can come for another reason; not each time. */
const ATTEMPTS = 3;

interface Allocated {
  readonly bytes: number;
  /** How often garbage was collected meanwhile. Unless it is 0, `bytes` says nothing. */
  readonly collections: number;
}

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox({ accessTokenSeconds: 3600 });
});
afterAll(() => bank.close());

async function balanceCalls(): Promise<Allocated> {
  const store = new MemoryStore();
  const minna = connect(bank, PROFILE, { store });
  const { id } = await link(bank, minna);
  const [account] = await minna.link(id).accounts.list();
  await minna.close();
  const { value: record } = (await store.get(`link:${id}`))!;
  const execArgv = ["--expose-gc", `--min-semi-space-size=${ROOM}`, `--max-semi-space-size=${ROOM}`];
  const child = fork(ALLOCATING, { execArgv });
  const exit = once(child, "exit");
  child.send({ options: bank.client(PROFILE), link: id, record, accountId: account?.accountId });
  const [allocated] = (await Promise.race([
    once(child, "message"),
    exit.then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
  ])) as [Allocated];
  await exit;
  return allocated;
}

describe("the bytes that are allocated", () => {
  it("by accounts.balance()", async () => {
    let allocated = await balanceCalls();
    for (let attempt = 1; allocated.collections > 0 && attempt < ATTEMPTS; attempt++) allocated = await balanceCalls();
    console.log(`accounts.balance() allocates ${Math.round(allocated.bytes)} bytes.`);
    expect(allocated.collections).toBe(0);
    expect(allocated.bytes / BALANCE).toBeGreaterThan(AT_LEAST);
    expect(allocated.bytes / BALANCE).toBeLessThan(AT_MOST);
  }, 60_000);
});
