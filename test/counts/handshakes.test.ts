/** One full TLS handshake for each origin and certificate: what comes after resumes the session, however long the gap. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { Door } from "../../src/transport/door.js";
import { Generations } from "../../src/transport/generation.js";
import { aCall } from "../support/calls.js";
import { certificateOptions, clientCertificate, newAuthority, serverCertificate } from "../support/certificates.js";
import { HandshakeServer } from "./handshake-server.js";

const authority = newAuthority();
const [first, second] = [clientCertificate(authority, -2, 60), clientCertificate(authority, -1, 60)];
const serverOptions = { ...serverCertificate(authority), ca: authority.certificate };
const CALLS = 30;

/** Collects garbage, as a process does in a gap of minutes: a session that nothing holds is gone after it. */
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map(close => close()));
});

async function aServer(version: "TLSv1.2" | "TLSv1.3"): Promise<HandshakeServer> {
  const server = await HandshakeServer.start({ ...serverOptions, minVersion: version, maxVersion: version });
  closing.push(() => server.close());
  return server;
}

function aPartner(): { generations: Generations; call(server: HandshakeServer): Promise<void> } {
  const generations = new Generations(certificateOptions({ ...first, ca: authority.certificate }));
  closing.push(() => generations.close());
  const door = new Door(generations);
  const call = async ({ url }: HandshakeServer) => {
    const outgoing = { method: "GET", url: new URL(url), headers: {}, presents: "client-certificate" } as const;
    expect(await door.send(outgoing, aCall())).toMatchObject({ status: 200 });
    collectGarbage();
  };
  return { generations, call };
}

describe.each(["TLSv1.3", "TLSv1.2"] as const)("%s", version => {
  it("one full handshake for all calls to an origin, with gaps in between", async () => {
    const server = await aServer(version);
    const { call } = aPartner();
    for (let made = 0; made < CALLS; made++) await call(server);
    expect(server.handshakes).toEqual({ full: 1, resumed: CALLS - 1 });
    expect(new Set(server.presented).size).toBe(1);
  });

  it("one for each of two origins on one host, by turns", async () => {
    const [api, authorizationServer] = [await aServer(version), await aServer(version)];
    const { call } = aPartner();
    for (let made = 0; made < CALLS / 2; made++) {
      await call(api);
      await call(authorizationServer);
    }
    const once = { full: 1, resumed: CALLS / 2 - 1 };
    expect([api.handshakes, authorizationServer.handshakes]).toEqual([once, once]);
  });

  it("one more for a new certificate, whose sessions are its own", async () => {
    const server = await aServer(version);
    const { generations, call } = aPartner();
    for (let made = 0; made < 10; made++) await call(server);
    await generations.rotate({ ...second, ca: authority.certificate }, aCall());
    for (let made = 0; made < 10; made++) await call(server);
    expect(server.handshakes).toEqual({ full: 2, resumed: 18 });
    const [before, after] = [server.presented.slice(0, 10), server.presented.slice(10)];
    expect([new Set(before).size, new Set(after).size]).toEqual([1, 1]);
    expect(before[0]).not.toBe(after[0]);
  });
});
