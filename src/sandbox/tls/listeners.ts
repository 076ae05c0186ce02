/**
 * The two doors of the bank: one for browsers, one where a client certificate must be shown.
 *
 * @module
 */
import type { Settings } from "../options.js";
import type { Authorities } from "./authorities.js";
import { type Listener, listen } from "./listener.js";

export interface Listeners {
  readonly browser: Listener;
  readonly mtls: Listener;
  close(): Promise<void>;
}

/** Opens both, or none. */
export async function openListeners(
  { port, mtlsPort, requireTrustedCertificate }: Settings,
  { authority, server }: Authorities,
  onRefusedHandshake: (reason: string) => void,
): Promise<Listeners> {
  const browser = await listen({ port, tls: server });
  try {
    const tls = {
      ...server,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: requireTrustedCertificate,
    };
    const mtls = await listen({ port: mtlsPort, tls, onRefusedHandshake });
    return { browser, mtls, close: async () => void (await Promise.all([browser.close(), mtls.close()])) };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
