/**
 * Servers that nobody should talk to. Connections that are open already stay as they are.
 *
 * @module
 */
import type { Handshake } from "../tls/handshake.js";

export const handshakeFaults = {
  "server-certificate-untrusted": (handshake: Handshake): void => {
    handshake.certificate = "untrusted";
  },
  "server-certificate-wrong-name": (handshake: Handshake): void => {
    handshake.certificate = "wrong-name";
  },
  "server-certificate-expired": (handshake: Handshake): void => {
    handshake.certificate = "expired";
  },
  "tls-1.1-only": (handshake: Handshake): void => {
    handshake.protocol = "1.1-only";
  },
  "tls-1.2-cbc-only": (handshake: Handshake): void => {
    handshake.protocol = "1.2-cbc-only";
  },
};
