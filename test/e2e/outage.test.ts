import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MinnaClient, type MinnaClientOptions } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: a bank that is not there", profile => {
  it("does not stop the constructor; the first call says that nothing left", async () => {
    const port = await freePort();
    const minna = new MinnaClient({
      ...bank.client(profile),
      issuer: `https://localhost:${port}`,
    } as MinnaClientOptions);
    const failure = {
      name: "TransportError",
      code: "connection_failed",
      reached: "no",
      sideEffect: "none",
      retryable: true,
    };
    await expect(minna.ready()).rejects.toMatchObject(failure);
    await expect(minna.links.begin({ customerId: "u-42", scopes: ["balance"] })).rejects.toMatchObject(failure);
    await minna.close();
  });
});

describe("a bank that goes away", () => {
  it("a debit that could not leave says so, and no journal entry stands in its way", async () => {
    const passing = await startSandbox();
    const minna = connect(passing, "fapi2-security");
    const { id } = await link(passing, minna);
    await passing.close();
    await expect(minna.link(id).accounts.list()).rejects.toMatchObject({ name: "TransportError" });
    await expect(
      minna.link(id).debits.create({ reference: "order-1", amount: 1, description: "ﾎﾝ" }),
    ).rejects.toMatchObject({
      name: "TransportError",
      reached: "no",
      sideEffect: "none",
    });
    await minna.close();
  });
});

describe("a client certificate", () => {
  it("of a foreign CA is refused, and the error says what to check", async () => {
    const minna = connect(bank, "fapi2-security", {
      certificate: { ...bank.issueCertificate({ trusted: false }), ca: bank.ca },
    });
    const error = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] }).catch(reason => reason);
    expect(error).toMatchObject({ name: "TransportError" });
    expect(["client_certificate_refused", "connection_lost"]).toContain(error.code);
    expect(error.message).toContain("certificate is the one registered at the bank");
    await minna.close();
  });

  it("of the bank's CA but another subject is refused by the authorization server", async () => {
    const other = bank.issueCertificate({ commonName: "somebody-else" });
    const minna = connect(bank, "fapi2-security", { certificate: { ...other, ca: bank.ca } });
    await expect(minna.links.begin({ customerId: "u-42", scopes: ["balance"] })).rejects.toMatchObject({
      name: "OAuthError",
      code: "invalid_client",
      endpoint: "par",
    });
    await minna.close();
  });

  it("may be loaded late, by a function; a wrong one is then named as an option is", async () => {
    const { certificate } = bank.client("fapi2-security");
    let loads = 0;
    const late = connect(bank, "fapi2-security", {
      certificate: async () => {
        loads++;
        return certificate;
      },
    });
    expect(loads).toBe(0);
    await Promise.all([late.ready(), late.ready()]);
    expect(loads).toBe(1);
    await late.close();
    const wrong = connect(bank, "fapi2-security", {
      certificate: () => ({ ...certificate, key: bank.issueCertificate().key }),
    });
    await expect(wrong.ready()).rejects.toMatchObject({
      name: "ConfigurationError",
      problems: [{ option: "certificate.key" }],
    });
    await wrong.close();
  });
});

describe("a bank whose server certificate is not trusted", () => {
  it("is not spoken to, and NODE_TLS_REJECT_UNAUTHORIZED changes nothing", async () => {
    const { certificate, ...rest } = bank.client("fapi2-security");
    const minna = new MinnaClient({ ...rest, certificate: { cert: certificate.cert, key: certificate.key } });
    const since = bank.events.length;
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      await expect(minna.ready()).rejects.toMatchObject({ name: "TransportError", code: "tls_failed", reached: "no" });
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
    expect(bank.events.slice(since)).toEqual([]);
    await minna.close();
  });
});

describe("a client that was closed", () => {
  it("says so", async () => {
    const minna = connect(bank, "fapi2-security");
    const { id } = await link(bank, minna);
    await minna.close();
    await expect(minna.link(id).accounts.list()).rejects.toMatchObject({ name: "TransportError", code: "closed" });
    await minna.close();
  });
});

describe("what is printed", () => {
  it("of a client and a link shows neither keys nor tokens", async () => {
    const minna = connect(bank, "fapi1-advanced");
    const { id } = await link(bank, minna);
    await minna.link(id).accounts.list();
    const printed = inspect([minna, minna.links, minna.link(id)], { depth: 20, showHidden: true });
    expect(printed).not.toMatch(/PRIVATE KEY|BEGIN|eyJ|accessToken|refreshToken/);
    await minna.close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise(resolve => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
