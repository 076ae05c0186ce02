/**
 * The doors of the bank: one for browsers, one where a client certificate must be shown. Beside them that of a foreign
 * host, where none should be.
 *
 * @module
 */
import type { SandboxChannel } from "../events.js";
import type { Faults } from "../faults/faults.js";
import type { Settings } from "../options.js";
import type { Authorities } from "./authorities.js";
import { type Listener, listen } from "./listener.js";

export interface Listeners {
  readonly browser: Listener;
  readonly mtls: Listener;
  readonly foreign: Listener;
  close(): Promise<void>;
}

/** Opens all, or none. */
export async function openListeners(
  { port, mtlsPort, requireTrustedCertificate: rejectUnauthorized }: Settings,
  { authority, server: certificates }: Authorities,
  faults: Faults,
  onRefusedHandshake: (channel: SandboxChannel, reason: string) => void,
): Promise<Listeners> {
  const bank = { host: "localhost", certificates, faults } as const;
  const asking = { ca: authority.certificate, requestCert: true };
  const opening = [
    listen({
      ...bank,
      port,
      clients: {},
      // Browsers begin and end connections as they like: only what the other side gave a reason for.
      onRefusedHandshake: reason => {
        if (reason.includes("ALERT")) onRefusedHandshake("browser", reason);
      },
    }),
    listen({
      ...bank,
      port: mtlsPort,
      clients: { ...asking, rejectUnauthorized },
      onRefusedHandshake: reason => onRefusedHandshake("mtls", reason),
    }),
    // Another name of this machine, so that neither origin nor host is the bank's.
    listen({ ...bank, host: "127.0.0.1", port: 0, clients: { ...asking, rejectUnauthorized: false } }),
  ] as const;
  const close = async () => {
    for (const listener of await Promise.allSettled(opening)) {
      if (listener.status === "fulfilled") await listener.value.close();
    }
  };
  try {
    const [browser, mtls, foreign] = await Promise.all(opening);
    return { browser, mtls, foreign, close };
  } catch (error) {
    await close();
    throw error;
  }
}
