import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, it, vi } from "vitest";
import { type SandboxEvent, startSandbox } from "../../src/sandbox/index.js";
import { Partner } from "./partner.js";

describe("sandboxes", () => {
  it("know nothing of each other", async () => {
    await using first = await startSandbox();
    await using second = await startSandbox();
    expect(first.issuer).not.toBe(second.issuer);
    expect(first.ca).not.toBe(second.ca);
    const partner = new Partner(first, "fapi2-security");
    const { access_token: token, refresh_token: refreshToken = "" } = await partner.link();
    await partner.debit(token, { amount: 100 });
    first.faults.on("api-429");

    expect(second.events).toEqual([]);
    expect(second.ledger.entries).toEqual([]);
    expect(second.ledger.balance("acc-hanako-ordinary")).toBe(first.ledger.balance("acc-hanako-ordinary") + 100);
    const neighbour = new Partner(second, "fapi2-security");
    expect((await neighbour.call("/accounts", { token })).status).toBe(401);
    await expect(neighbour.refresh(refreshToken)).rejects.toMatchObject({ error: "invalid_grant" });
    const own = await neighbour.link();
    expect((await neighbour.call("/accounts", { token: own.access_token })).status).toBe(200);
    await Promise.all([partner.close(), neighbour.close()]);
  });

  it("have the same customers and the same past every time", async () => {
    const now = () => Date.parse("2026-04-01T03:00:00Z");
    const pasts: string[] = [];
    for (let times = 0; times < 2; times++) {
      await using sandbox = await startSandbox({ now });
      const partner = new Partner(sandbox, "fapi2-security");
      const { access_token: token } = await partner.link();
      pasts.push(
        (await partner.call("/accounts/acc-hanako-ordinary/transactions?dateFrom=2025-01-01", { token })).text,
      );
      await partner.close();
    }
    expect(pasts[0]).toBe(pasts[1]);
  });

  it("take the options that change them", async () => {
    const seen: SandboxEvent[] = [];
    await using sandbox = await startSandbox({
      redirectUris: ["http://localhost:3000/callback?from=bank"],
      accessTokenSeconds: 60,
      rotateRefreshTokens: true,
      onEvent: event => seen.push(event),
    });
    const partner = new Partner(sandbox, "fapi2-security");
    const { url } = await partner.begin({ redirect_uri: "http://localhost:3000/callback?from=bank" });
    expect(await sandbox.approve(url)).toMatch(/^http:\/\/localhost:3000\/callback\?from=bank&code=/);

    const tokens = await partner.link();
    expect(tokens).toMatchObject({ expires_in: 60 });
    const rotated = await partner.refresh(tokens.refresh_token ?? "");
    expect(rotated.refresh_token).not.toBe(tokens.refresh_token);
    expect(seen).toEqual(sandbox.events);
    await expect(partner.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    await expect(partner.refresh(rotated.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    await partner.close();
  });

  it("keep as many events as they are told, the latest ones, and tell of each", async () => {
    const seen: SandboxEvent[] = [];
    await using sandbox = await startSandbox({ keepEvents: 3, onEvent: event => seen.push(event) });
    const partner = new Partner(sandbox, "fapi2-security");
    for (let times = 0; times < 130; times++) await partner.call("/accounts");
    expect(seen).toHaveLength(130);
    expect(sandbox.events).toEqual(seen.slice(-3));
    await partner.close();
  });

  it.each(["PS256", "ES256"])("know the partner's own key for %s", async alg => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const kid = "of-the-partner";
    await using sandbox = await startSandbox({ signingKeys: [{ ...(await exportJWK(publicKey)), alg, kid }] });
    for (const profile of ["fapi1-advanced", "fapi2-message-signing"] as const) {
      const partner = new Partner(sandbox, profile);
      const { url, checks } = await partner.begin({}, false, { key: await exportJWK(privateKey), alg, kid });
      await partner.complete(await sandbox.approve(url), checks);
      await partner.link();
      const stranger = await exportJWK((await generateKeyPair(alg, { extractable: true })).privateKey);
      await expect(partner.begin({}, false, { key: stranger, alg, kid })).rejects.toMatchObject({
        error: "invalid_request_object",
      });
      await partner.close();
    }
  });

  it.each([
    { port: -1 },
    { mtlsPort: 70_000 },
    { accessTokenSeconds: 0 },
    { refreshTokenRetrySeconds: -1 },
    { keepEvents: 0.5 },
    { grantDays: 0.5 },
    { pageSize: 501 },
    { redirectUris: ["not a URL"] },
    { redirectUris: ["https://partner.example/#fragment"] },
    { signingKeys: [{ kty: "RSA", alg: "RS256", kid: "k" }] },
    { signingKeys: [{ kty: "EC", alg: "ES256" }] },
    { signingKeys: [{ kty: "EC", alg: "ES256", kid: "k", d: "private" }] },
  ])("refuse %o", async options => {
    await expect(startSandbox(options)).rejects.toThrow(RangeError);
  });

  it("leave no port open when one is taken", async () => {
    await using first = await startSandbox();
    const taken = Number(new URL(first.apiBaseUrl).port);
    const free = await startSandbox();
    const port = Number(new URL(free.issuer).port);
    await free.close();
    await expect(startSandbox({ port, mtlsPort: taken })).rejects.toThrow(/EADDRINUSE/);
    await using again = await startSandbox({ port });
    expect(again.issuer).toBe(`https://localhost:${port}`);
  });

  it("close their listeners", async () => {
    const sandbox = await startSandbox();
    const partner = new Partner(sandbox, "fapi2-security");
    await partner.link();
    await sandbox.close();
    await expect(partner.call("/accounts")).rejects.toThrow();
    await partner.close();
  });

  it("say which package they need", async () => {
    vi.resetModules();
    vi.doMock("oidc-provider", () => {
      throw new Error("not installed");
    });
    const { startSandbox: start } = await import("../../src/sandbox/index.js");
    await expect(start()).rejects.toThrow("the sandbox needs oidc-provider: npm i -D oidc-provider@9");
    vi.doUnmock("oidc-provider");
  });

  it("know no customer of another name", async () => {
    await using sandbox = await startSandbox();
    await expect(sandbox.approve(`${sandbox.issuer}/authorize`, { customer: "nobody" })).rejects.toThrow(RangeError);
    await expect(sandbox.approve(`${sandbox.issuer}/authorize`)).rejects.toThrow(/the bank refused: .*invalid_request/);
    expect(() => sandbox.ledger.balance("nothing")).toThrow(RangeError);
  });
});
