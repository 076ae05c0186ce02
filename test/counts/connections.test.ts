/** What a cold client opens and fetches when a hundred calls come at once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { MOST_CONNECTIONS } from "../../src/transport/connection.js";
import { Door } from "../../src/transport/door.js";
import { Generations } from "../../src/transport/generation.js";
import { aCall } from "../support/calls.js";
import { certificateOptions, clientCertificate, newAuthority, serverCertificate } from "../support/certificates.js";
import { connect } from "../support/partner.js";
import { startServer } from "../support/tls-server.js";
import { countsSince } from "./requests.js";

const BURST = 100;

describe("a cold burst of 100 calls", () => {
  it("opens no more connections than the cap", async () => {
    const authority = newAuthority();
    const options = { ...serverCertificate(authority), ca: authority.certificate, requestCert: true };
    const server = await startServer(options, (_, response) => response.end("{}"));
    const certificate = { ...clientCertificate(authority, -1, 60), ca: authority.certificate };
    const generations = new Generations(certificateOptions(certificate, 30_000));
    const door = new Door(generations);
    const url = new URL(server.url);
    const send = () =>
      door.send({ method: "GET", url, headers: {}, presents: "client-certificate" }, aCall(undefined, 30_000));
    const answers = await Promise.all(Array.from({ length: BURST }, send));
    expect(answers.map(({ status }) => status)).toEqual(Array(BURST).fill(200));
    expect(server.connections()).toBeLessThanOrEqual(MOST_CONNECTIONS);
    await generations.close();
    await server.close();
  });
});

describe("a hundred customers at a cold client", () => {
  let bank: Sandbox;
  beforeAll(async () => {
    bank = await startSandbox();
  });
  afterAll(() => bank.close());

  it("cause one request for the metadata, and one for the keys", async () => {
    const minna = connect(bank, "fapi1-advanced", { timeout: 60_000 });
    const customers = Array.from({ length: BURST }, (_, number) => `u-${number}`);
    let since = bank.events.length;
    const begun = await Promise.all(
      customers.map(customerId => minna.links.begin({ customerId, scopes: ["balance"] })),
    );
    expect(countsSince(bank, since)).toEqual({ "GET discovery": 1, "POST par": BURST });
    const callbacks: string[] = [];
    for (const { authorizationUrl } of begun) callbacks.push(await bank.approve(authorizationUrl));
    since = bank.events.length;
    await Promise.all(callbacks.map((callback, number) => minna.links.complete(callback, begun[number]!)));
    expect(countsSince(bank, since)).toEqual({ "GET jwks": 1, "POST token": BURST });
    await minna.close();
  }, 60_000);
});
