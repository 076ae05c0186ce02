import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Accounts } from "../../src/bank/accounts.js";
import { Debits } from "../../src/bank/debits.js";
import { IdentityApi } from "../../src/bank/identity.js";
import type { Page } from "../../src/bank/rows.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import type { Answer } from "../../src/transport/door.js";
import { retryAfter } from "../../src/transport/retry-after.js";
import { answer, contextTo } from "../support/stub-rooms.js";
import { answers, memberOf, parsed, refusingRedirects } from "./answers.js";
import { ACCOUNT, BALANCE, DEBIT, DEPOSITS, IDENTITY, TRANSACTIONS } from "./documents.js";
import { accepted, expectSilent, holds, outcomeOf, reportInputs, tallies } from "./fuzz.js";

// Nobody waits here between two attempts.
vi.mock("node:timers/promises", () => ({
  setTimeout: async (_: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    return value;
  },
}));

reportInputs("test/fuzz/api.test.ts");

/** The bank answers everything with one thing. */
function always(one: Answer): Parameters<typeof contextTo>[0] {
  return () => refusingRedirects(one);
}

/** That a result holds what its JSON says and nothing else, that its money is whole yen, and that nobody can change it. */
function expectFaithful(result: unknown, raw: unknown): void {
  if (typeof result === "number" && typeof raw === "string") {
    expect(raw).toMatch(/^-?\d+$/);
    expect(BigInt(raw)).toBe(BigInt(result));
    return;
  }
  if (typeof result !== "object" || result === null) {
    expect(result).toBe(raw);
    if (typeof result === "number") expect(Number.isSafeInteger(result)).toBe(true);
    return;
  }
  expect(Object.isFrozen(result)).toBe(true);
  for (const [name, value] of Object.entries(result)) {
    if (name === "interactionId") expect(value).toMatch(/^[0-9a-f-]{36}$/);
    else expectFaithful(value, memberOf(raw, name));
  }
}

tallies("accounts", 6, answers({ accounts: [ACCOUNT, { ...ACCOUNT, accountId: "acc-2" }] }), async one => {
  const list = await accepted(() => new Accounts(contextTo(always(one))).list());
  if (list === undefined) return false;
  expectFaithful(list, memberOf(parsed(one.body), "accounts"));
  return true;
});

tallies("a balance", 6, answers(BALANCE), async one => {
  const balance = await accepted(() => new Accounts(contextTo(always(one))).balance("acc-1"));
  if (balance === undefined) return false;
  expectFaithful(balance, parsed(one.body));
  return true;
});

async function collect<Row>(pages: AsyncIterable<Page<Row>>): Promise<Page<Row>[]> {
  const all: Page<Row>[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

tallies("transactions", 6, answers(TRANSACTIONS), async one => {
  const pages = await accepted(() => collect(new Accounts(contextTo(always(one))).transactions("acc-1").pages()));
  if (pages === undefined) return false;
  expect(pages.length).toBe(1);
  expectFaithful(pages[0]?.rows, memberOf(parsed(one.body), "transactions"));
  return true;
});

tallies("deposits", 6, answers(DEPOSITS), async one => {
  const pages = await accepted(() => collect(new Accounts(contextTo(always(one))).deposits("acc-1").pages()));
  if (pages === undefined) return false;
  expectFaithful(pages[0]?.rows, memberOf(parsed(one.body), "deposits"));
  return true;
});

tallies("an identity", 6, answers(IDENTITY), async one => {
  const identity = await accepted(() => new IdentityApi(contextTo(always(one))).get());
  if (identity === undefined) return false;
  expectFaithful(identity, parsed(one.body));
  return true;
});

tallies("a debit that is asked for by its id", 6, answers(DEBIT), async one => {
  const debit = await accepted(() => new Debits(contextTo(always(one)), new MemoryStore()).get("dd-1"));
  if (debit === undefined) return false;
  expectFaithful(debit, parsed(one.body));
  return true;
});

tallies("a debit that is asked for by its reference", 6, answers({ directDebits: [DEBIT, DEBIT] }), async one => {
  const debit = await accepted(() => new Debits(contextTo(always(one)), new MemoryStore()).find("order-1"));
  if (debit === undefined) return false;
  expect(debit.partnerTransactionId).toBe("order-1");
  return true;
});

const twoAnswers = fc.record({
  post: answers(DEBIT, 201),
  inquiry: answers({ directDebits: [DEBIT] }),
});

tallies("a debit that is made: only what the bank says of this very debit is returned", 6, twoAnswers, async bank => {
  const { post, inquiry } = bank;
  const send = ({ method }: { readonly method: string }) => refusingRedirects(method === "POST" ? post : inquiry);
  const debits = new Debits(contextTo(send), new MemoryStore());
  const order = { reference: "order-1", amount: 1980, description: "ﾎﾝ" };
  const outcome = await outcomeOf(() => debits.create(order));
  if ("error" in outcome) {
    expectSilent(outcome.error);
    const unclear = post.status < 400 || post.status >= 500;
    if (unclear) expect(outcome.error.sideEffect).toBe("possible");
    return false;
  }
  expect(outcome.value).toMatchObject({ partnerTransactionId: "order-1", amount: 1980 });
  return true;
});

holds(
  "refusals of the API",
  6,
  answers({ code: "refused", interactionId: "1", Errors: [{ ErrorCode: "x" }] }, 400),
  async one => {
    const outcome = await outcomeOf(() => new Accounts(contextTo(always(one))).list());
    if ("value" in outcome) return;
    const { message } = outcome.error;
    expectSilent(outcome.error);
    // Nothing of the bank's breaks a line of a log.
    expect(message).not.toMatch(/\p{Cc}/u);
  },
);

holds(
  "Retry-After",
  20,
  fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."0123456789.-+e ") })),
  async text => {
    const seconds = retryAfter(text);
    if (seconds !== undefined) expect(Number.isInteger(seconds) && seconds >= 0 && seconds <= 604_800).toBe(true);
  },
);

test("a page that is deep beyond reason is an answer like any other", async () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const context = contextTo(() => answer(200, `{"accounts":${deep}}`));
  expect(await accepted(() => new Accounts(context).list())).toBeUndefined();
});
