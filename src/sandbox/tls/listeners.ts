/**
 * The doors of the bank: one for browsers, one where a client certificate must be shown. Beside them that of a foreign
 * host, where none should be.
 *
 * @module
 */
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
  { port, mtlsPort, tls: version, requireTrustedCertificate: rejectUnauthorized }: Settings,
  { authority, server }: Authorities,
  onRefusedHandshake: (reason: string) => void,
): Promise<Listeners> {
  const asking = { ...server, ca: authority.certificate, requestCert: true };
  const opening = [
    listen({ port, host: "localhost", version, tls: server }),
    listen({ port: mtlsPort, host: "localhost", version, tls: { ...asking, rejectUnauthorized }, onRefusedHandshake }),
    // Another name of this machine, so that neither origin nor host is the bank's.
    listen({ port: 0, host: "127.0.0.1", version, tls: { ...asking, rejectUnauthorized: false } }),
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
