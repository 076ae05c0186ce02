/** A certificate that is changed while calls are made. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { performance } from "node:perf_hooks";
import { TLSSocket } from "node:tls";
import type { ClientCertificate, MinnaClientOptions } from "minna-baas";
import type { Count, CountCase } from "../case.js";
import { percentile } from "../statistics.js";

const PROFILE = "fapi2-security";
const CALLERS = 32;
/** In each of three stretches: before the change, from the moment it is asked for, and after that. */
const CALLS = 1_600;
const STRETCHES = ["before", "during", "after"] as const;

interface Call {
  readonly milliseconds: number;
  readonly failed: boolean;
}

export const rotation: CountCase = {
  kind: "count",
  name: "rotation",
  title: `A certificate that is changed under ${CALLERS} callers`,
  needs: ["sandbox"],
  async run({ sandbox }, { short }) {
    const { MinnaClient } = await import("minna-baas");
    const options = await sandbox.ask<MinnaClientOptions>("client", PROFILE);
    const minna = new MinnaClient(options);
    const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
    const callback = await sandbox.ask<string>("approve", authorizationUrl);
    const { accounts } = minna.link((await minna.links.complete(callback, { transaction })).id);
    const [account] = await accounts.list();
    const balance = () => accounts.balance(account?.accountId ?? "");
    const next = await sandbox.ask<ClientCertificate>("certificate", PROFILE);

    const each = short ? CALLS / 10 : CALLS;
    const counts: Count[] = [];
    const handshakes = watchHandshakes();
    // Connections are made and functions compiled.
    await callAll(balance, each);
    for (const stretch of STRETCHES) {
      handshakes.reset();
      const [calls] = await Promise.all([
        callAll(balance, each),
        stretch === "during" ? minna.rotateCertificate(next) : undefined,
      ]);
      const failed = calls.filter(call => call.failed).length;
      const times = calls.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
      counts.push(
        { name: `${stretch}: failed calls`, value: failed, unit: "", atMost: 0, note: `of ${each}` },
        { name: `${stretch}: p50`, value: percentile(times, 50), unit: "ms" },
        { name: `${stretch}: p99`, value: percentile(times, 99), unit: "ms" },
        { name: `${stretch}: full handshakes`, value: handshakes.full, unit: "" },
        { name: `${stretch}: resumed handshakes`, value: handshakes.resumed, unit: "" },
      );
    }
    handshakes.end();
    await minna.close();
    return counts;
  },
};

async function callAll(work: () => Promise<unknown>, calls: number): Promise<readonly Call[]> {
  const made: Call[] = [];
  let left = calls;
  const caller = async () => {
    while (left-- > 0) {
      const before = performance.now();
      const failed = await work().then(
        () => false,
        () => true,
      );
      made.push({ milliseconds: performance.now() - before, failed });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return made;
}

/** Counts how this process's connections begin, as undici tells of them. */
function watchHandshakes() {
  const seen = { full: 0, resumed: 0 };
  const connected = (message: unknown) => {
    const { socket } = message as { readonly socket: unknown };
    if (socket instanceof TLSSocket) seen[socket.isSessionReused() ? "resumed" : "full"]++;
  };
  subscribe("undici:client:connected", connected);
  return {
    get full() {
      return seen.full;
    },
    get resumed() {
      return seen.resumed;
    },
    reset: () => Object.assign(seen, { full: 0, resumed: 0 }),
    end: () => unsubscribe("undici:client:connected", connected),
  };
}
