import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Accounts } from "../../src/bank/accounts.js";
import { Debits } from "../../src/bank/debits.js";
import { IdentityApi } from "../../src/bank/identity.js";
import { compareKana, compareName } from "../../src/bank/names.js";
import { MinnaClient, type MinnaClientOptions } from "../../src/client.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { validOptions } from "../support/options.js";
import { answer, contextTo } from "../support/stub-rooms.js";
import { holds, outcomeOf, reportInputs } from "./fuzz.js";

// Nobody waits here between two attempts.
vi.mock("node:timers/promises", () => ({
  setTimeout: async (_: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    return value;
  },
}));

reportInputs("test/fuzz/arguments.test.ts");

/** What a web application may hand on, and what a mistake in it may. */
const argument: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: fc.anything({ maxDepth: 2, withBigInt: true, withNullPrototype: true, withDate: true }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 100 }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      undefined,
      null,
      "",
      ".",
      "..",
      "../../identity",
      "%2e%2e",
      "a/b?c#d",
      "\ud800",
      "__proto__",
      "order-1",
      "2026-04-01",
      "2026-02-30",
      5n,
      Number.NaN,
      Symbol("CANARY"),
      Object.create(null),
      ["order-1"],
      ["2026-04-01"],
      { toString: () => "order-1" },
      new Date(0),
    ),
  },
);

/** Options of a call, with any of them wrong. */
const callOptions: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: argument },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        timeout: fc.oneof(argument, fc.constant(50), fc.double()),
        signal: fc.oneof(argument, fc.constant(AbortSignal.abort())),
        interactionId: argument,
        customerPresent: fc.oneof(
          argument,
          fc.record(
            {
              ip: fc.oneof(argument, fc.ipV4(), fc.ipV6()),
              authenticatedAt: fc.oneof(
                argument,
                fc.constantFrom(
                  "2026-04-01T09:30:00+09:00",
                  "2026-13-01T09:30:00Z",
                  "2026-04-01T99:99:99+99:99",
                  "2026-04-01T24:00:00Z",
                ),
                fc.date().map(String),
              ),
            },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    ),
  },
);

test("a time that is no text is an argument that is wrong", async () => {
  for (const authenticatedAt of [Symbol("CANARY"), Object.create(null), 5n]) {
    const options = { customerPresent: { ip: "192.0.2.1", authenticatedAt } };
    const outcome = await outcomeOf(() => accounts.list(options));
    expect(outcome).toMatchObject({ error: { code: "argument_invalid", argument: "customerPresent.authenticatedAt" } });
  }
});

const three = fc.tuple(argument, argument, callOptions);
type Call = (first: never, second: never, options: never) => unknown;

/** The bank is never asked for another path than the method's own. */
const PATHS = /^\/(accounts(\/[^/]+\/(balance|transactions|deposits))?|identity|direct-debits(\/[^/]+)?)$/;
const context = contextTo(({ url }) => {
  expect(url.origin).toBe("https://api.bank.example");
  expect(url.pathname).toMatch(PATHS);
  return answer(404, { code: "not_found" });
});
const accounts = new Accounts(context);
const identity = new IdentityApi(context);

async function drain(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of rows);
}

const CALLS: Readonly<Record<string, Call>> = {
  "accounts.list": (_, __, options) => accounts.list(options),
  "accounts.balance": (id, _, options) => accounts.balance(id, options),
  "accounts.transactions": (id, range, options) => drain(accounts.transactions(id, range, options)),
  "accounts.deposits, from and to": (from, to, options) => drain(accounts.deposits("acc-1", { from, to }, options)),
  "accounts.transactions, cursor": (cursor, limit, options) =>
    accounts.transactions("acc-1", { cursor }, options).toArray({ limit }),
  "accounts.transactions, list": (list, _, options) => accounts.transactions("acc-1", {}, options).toArray(list),
  compareName: (one, other) => compareName(one, other),
  compareKana: (one, other) => compareKana(one, other),
  "debits.settled": (id, _, options) => new Debits(context, new MemoryStore()).settled(id, options),
  "identity.get": (_, __, options) => identity.get(options),
  "debits.create": (first, second, options) =>
    new Debits(context, new MemoryStore()).create(
      { reference: first, amount: 1, description: second } as never,
      options,
    ),
  "debits.create, amount and kind": (amount, kind, options) =>
    new Debits(context, new MemoryStore()).create(
      { reference: "order-1", amount, description: "ﾎﾝ", kind } as never,
      options,
    ),
  "debits.create, the whole": (whole, _, options) => new Debits(context, new MemoryStore()).create(whole, options),
  "debits.get": (id, _, options) => new Debits(context, new MemoryStore()).get(id, options),
  "debits.find": (reference, _, options) => new Debits(context, new MemoryStore()).find(reference, options),
};

for (const [name, call] of Object.entries(CALLS)) {
  holds(`arguments of ${name}`, 3, three, async ([first, second, options]) => {
    const outcome = await outcomeOf(async () => call(first as never, second as never, options as never));
    if ("error" in outcome) expect(outcome.error.message).not.toContain("CANARY");
  });
}

// Nothing that these methods refuse for their arguments makes them connect: the host does not exist.
const minna = new MinnaClient(validOptions({ profile: "fapi2-security" }) as unknown as MinnaClientOptions);

const CLIENT_CALLS: Readonly<Record<string, Call>> = {
  "links.begin, customerId": (customerId, _, options) =>
    minna.links.begin({ customerId, scopes: [] } as never, options),
  "links.begin, the whole": (whole, _, options) => minna.links.begin(whole, options),
  "links.complete": (callback, browser, options) => minna.links.complete(callback, browser, options),
  "links.complete, transaction": (callback, transaction, options) =>
    minna.links.complete(callback, { transaction }, options),
  "links.begin, link": (link, _, options) =>
    minna.links.begin({ customerId: "u-42", scopes: ["debit"], link: link ?? null } as never, options),
  "links.get": id => minna.links.get(id),
  "links.end": (id, _, options) => minna.links.end(id, options),
  "link(id).accounts.list": (id, _, options) => minna.link(id).accounts.list(options),
  "link(id).grant.status": (id, _, options) => minna.link(id).grant.status(options),
  "link(id).grant.extend": (id, until, options) => minna.link(id).grant.extend({ until }, options),
  "link(id).grant.extend, the whole": (whole, _, options) => minna.link("lnk_1").grant.extend(whole, options),
  "link(id).grant.revoke": (id, _, options) => minna.link(id).grant.revoke(options),
};

for (const [name, call] of Object.entries(CLIENT_CALLS)) {
  holds(`arguments of ${name}`, 3, three, async ([first, second, options]) => {
    const outcome = await outcomeOf(async () => call(first as never, second as never, options as never));
    if ("value" in outcome) throw new Error("accepted what is no link and no wish");
    expect(outcome.error.message).not.toContain("CANARY");
    expect(["connection_failed", "connection_lost", "tls_failed"]).not.toContain(outcome.error.code);
  });
}
