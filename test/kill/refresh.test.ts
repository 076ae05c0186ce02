import { describe, expect, it } from "vitest";
import { MemoryStore, type MinnaClient } from "../../src/index.js";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";
import { BOUND, everyDeath, run, TIMEOUT } from "./doomed.js";

/**
 * Where the process dies, who comes next refreshes, or has nothing to refresh. Between the bank's answer and the store the
 * token that was used is all that is left: it must be used `again`, and what comes of that is up to the bank.
 */
type Next = "once" | "again";

const STEPS: readonly (readonly [step: string, before: Next, after: Next])[] = [
  ["get link", "once", "once"],
  ["lock refresh", "once", "once"],
  ["get link", "once", "once"],
  // Before anything is sent: who meets the end of the token can say why.
  ["put link noted", "once", "once"],
  ["GET /.well-known/openid-configuration leaves", "once", "once"],
  ["GET /.well-known/openid-configuration is answered", "once", "once"],
  ["GET /jwks leaves", "once", "once"],
  ["GET /jwks is answered", "once", "once"],
  ["POST /token leaves", "once", "again"],
  ["POST /token is answered", "again", "again"],
  ["put link", "again", "once"],
  ["unlock refresh", "once", "once"],
  ["GET /v1/accounts leaves", "once", "once"],
  ["GET /v1/accounts is answered", "once", "once"],
];

/** What becomes of a link whose refresh token had to be used again. */
const BANKS: readonly (readonly [bank: string, options: SandboxOptions, again: "works" | "lost"])[] = [
  ["does not rotate refresh tokens", {}, "works"],
  [
    "rotates them, and lets the old one be tried again",
    { rotateRefreshTokens: true, refreshTokenRetrySeconds: 60 },
    "works",
  ],
  ["rotates them, and takes a second use for theft", { rotateRefreshTokens: true }, "lost"],
];

/** A link whose access token is over. */
async function agedLink(
  bank: Sandbox,
  minna: MinnaClient,
  store: MemoryStore,
): Promise<{ id: string; grantId: string }> {
  const { id, grantId = "" } = await link(bank, minna, ["balance"]);
  const { value, version } = (await store.get(`link:${id}`)) ?? { value: "", version: 0 };
  const record = JSON.parse(value);
  const past = Date.now() - 1000;
  const aged = { ...record, tokens: { ...record.tokens, expiresAt: past, refreshAt: past } };
  const labels = { customer: record.customerId, link: "active" };
  await store.put(`link:${id}`, JSON.stringify(aged), { version, labels });
  return { id, grantId };
}

/** How often a grant's refresh tokens were presented at most. */
function presented(bank: Sandbox, grantId: string): number {
  const times = new Map<unknown, number>();
  for (const { detail } of bank.events) {
    const { grantId: granted, refreshTokenHash: token } = detail;
    if (granted === grantId && token !== undefined) times.set(token, (times.get(token) ?? 0) + 1);
  }
  return Math.max(...times.values());
}

describe.concurrent.each(BANKS)("a refresh at a bank that %s", (_, settings, again) => {
  it(`wherever the process dies, the next one uses the link; ${again} where the token must be used again`, async () => {
    await using bank = await startSandbox(settings);
    const store = new MemoryStore();
    // Who comes next waits for the lock of the dead.
    const minna = connect(bank, "fapi2-security", { store, timeout: BOUND });
    const options = { ...bank.client("fapi2-security"), timeout: TIMEOUT };
    const { id: linkId } = await agedLink(bank, minna, store);
    expect(await run({ options, linkId }, store)).toEqual(STEPS.map(([step]) => step));

    const expected: Record<string, unknown> = {};
    const found: Record<string, unknown> = {};

    // Where a second use is no crime, one side will do: after a step is before the next one.
    const deaths = everyDeath(STEPS).filter(({ side }) => again === "lost" || side === "before");
    const links = await Promise.all(
      deaths.map(async death => {
        const aged = await agedLink(bank, minna, store);
        await run({ options, linkId: aged.id }, store, death);
        return { ...aged, ...death };
      }),
    );
    const lost: string[] = [];
    await Promise.all(
      links.map(async ({ id, grantId, step: number, side }) => {
        const [step, before, after] = STEPS[number] as (typeof STEPS)[number];
        const next = side === "before" ? before : after;
        const name = `${side} ${number} ${step}`;
        expected[name] = next === "again" ? [again, "presented 2 times"] : ["works", "presented 1 times"];
        const fate = await minna
          .link(id)
          .accounts.list()
          .then(
            () => "works",
            // Why is in the store: nobody lives who could tell.
            error => (/^The bank no longer .* The answer to a refresh was lost/.test(error.message) ? "lost" : error),
          );
        if (fate === "lost") lost.push(id);
        found[name] = [fate, `presented ${presented(bank, grantId)} times`];
      }),
    );
    expect(found).toEqual(expected);
    for (const id of lost) {
      const { authorizationUrl, transaction } = await minna.links.begin({
        customerId: "u-42",
        scopes: ["balance"],
        link: id,
      });
      await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
      expect(await minna.link(id).accounts.list()).not.toEqual([]);
    }
    await minna.close();
  }, 120_000);
});
