import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Tokens } from "./partner.js";

let bank: Sandbox;
let partner: Partner;
let tokens: Tokens;
const start = async (options: SandboxOptions) => {
  bank = await startSandbox(options);
  partner = new Partner(bank, "fapi2-security");
  tokens = await partner.link();
};
afterEach(async () => {
  vi.useRealTimers();
  await partner.close();
  await bank.close();
});

const later = (seconds: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
const refresh = ({ refresh_token: token = "" }: Tokens) => partner.refresh(token);
const works = async ({ access_token: token }: Tokens) => (await partner.call("/accounts", { token })).status === 200;
const refreshes = () =>
  bank.events.flatMap(({ status, detail: { refresh: outcome, grantId, refreshTokenHash: hash } }) =>
    outcome === undefined ? [] : [{ outcome, status, grantId, hash }],
  );

describe("a refresh token that is rotated, at a bank that lets who missed the new one try again", () => {
  beforeEach(() => start({ rotateRefreshTokens: true, refreshTokenRetrySeconds: 10 }));

  it("may be used again for a while: the grant lives, and every token that it gave works", async () => {
    const missed = await refresh(tokens);
    later(9);
    const again = await refresh(tokens);
    expect(new Set([tokens, missed, again].map(one => one.refresh_token)).size).toBe(3);
    expect(await Promise.all([missed, again].map(works))).toEqual([true, true]);
    expect(await Promise.all([missed, again].map(async one => works(await refresh(one))))).toEqual([true, true]);
  });

  it("ends the grant after that, and the time does not begin anew with the second use", async () => {
    const next = await refresh(tokens);
    later(6);
    await refresh(tokens);
    later(6);
    await expect(refresh(tokens)).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await works(next)).toBe(false);
    await expect(refresh(next)).rejects.toMatchObject({ error: "invalid_grant" });
  });
});

describe("what was done with refresh tokens", () => {
  it("shows in the events: used, used again, refused, and never the token itself", async () => {
    await start({ rotateRefreshTokens: true, refreshTokenRetrySeconds: 10 });
    const next = await refresh(tokens);
    await refresh(tokens);
    await expect(partner.refresh("made-up")).rejects.toMatchObject({ error: "invalid_grant" });
    later(11);
    await expect(refresh(tokens)).rejects.toMatchObject({ error: "invalid_grant" });
    await expect(refresh(next)).rejects.toMatchObject({ error: "invalid_grant" });
    const { grant_id: grantId } = tokens;
    expect(refreshes()).toMatchObject([
      { outcome: "refreshed", status: 200, grantId },
      { outcome: "reused", status: 200, grantId },
      { outcome: "refused", status: 400 },
      { outcome: "reused", status: 400, grantId },
      { outcome: "refused", status: 400 },
    ]);
    const [first, second, made, third] = refreshes().map(({ hash }) => hash);
    expect([second, third]).toEqual([first, first]);
    expect(made).not.toBe(first);
    for (const { refresh_token: token = "" } of [tokens, next])
      expect(JSON.stringify(bank.events)).not.toContain(token);
  });

  it("is no reuse where tokens are not rotated", async () => {
    await start({});
    await refresh(tokens);
    await refresh(tokens);
    expect(refreshes().map(({ outcome }) => outcome)).toEqual(["refreshed", "refreshed"]);
  });
});

describe("access tokens of a long run", () => {
  it("are forgotten once they have expired, and no sooner", async () => {
    await start({ accessTokenSeconds: 60 });
    later(59);
    const second = await refresh(tokens);
    expect(await works(tokens)).toBe(true);
    later(2);
    const third = await refresh(tokens);
    expect(await Promise.all([tokens, second, third].map(works))).toEqual([false, true, true]);
    // Were it only expired, it would be good again when the clock is set back.
    vi.useRealTimers();
    expect(await Promise.all([tokens, second, third].map(works))).toEqual([false, true, true]);
  });
});
