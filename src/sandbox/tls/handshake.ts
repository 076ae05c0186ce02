/**
 * What a server of the bank shows of itself in a TLS handshake.
 *
 * @module
 */

/** As it should be, of an unknown authority, for another host, or of yesterday. */
export type ServerCertificate = "trusted" | "untrusted" | "wrong-name" | "expired";

/** TLS 1.2 or later with ECDHE and no CBC, or what a client must refuse. */
export type ServerProtocol = "strict" | "1.1-only" | "1.2-cbc-only";

export interface Handshake {
  certificate: ServerCertificate;
  protocol: ServerProtocol;
}

/** A handshake as it should be. */
export const SOUND: Readonly<Handshake> = { certificate: "trusted", protocol: "strict" };
