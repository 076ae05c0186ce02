/** Hosts that are not as they should be. */
import { createServer as createPlainServer } from "node:http";
import type { ServerOptions } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { make } from "./certificates.js";
import { type Broken, closedPort } from "./ward.js";

const root = make({ name: "root", ca: true });
export const HOSTS: readonly Broken[] = [
  { how: "the name is unknown", id: "host.dns", patient: ward => ward.options({ issuer: "https://nowhere.invalid" }) },
  {
    how: "nothing listens",
    id: "host.tcp",
    patient: async ward => ward.options({ issuer: `https://localhost:${await closedPort()}` }),
    says: /ECONNREFUSED/,
  },
  {
    how: "plain HTTP on the port",
    id: "host.plain-http",
    patient: async ward =>
      ward.options({
        issuer: `https://localhost:${await ward.portOf(createPlainServer((_, response) => response.end()))}`,
      }),
  },
  {
    how: "it hangs up at once",
    id: "host.handshake",
    patient: async ward =>
      ward.options({
        issuer: `https://localhost:${await ward.portOf(createTcpServer(socket => socket.once("data", () => socket.destroy())))}`,
      }),
  },
  {
    how: "it says nothing",
    id: "host.handshake",
    settings: { timeout: 300 },
    patient: async ward => ward.options({ issuer: `https://localhost:${await ward.silent()}` }),
    says: /does not answer in TLS/,
  },
  {
    how: "a certificate of an unknown authority",
    id: "host.untrusted",
    patient: ward => ward.withFault("server-certificate-untrusted"),
  },
  {
    how: "certificate.ca is missing",
    id: "host.untrusted",
    patient: ward =>
      ward.options({ certificate: { ...ward.bank.client("fapi2-security").certificate, ca: undefined } }),
    says: /MINNA_CA_FILE/,
  },
  {
    how: "a certificate for another name",
    id: "host.name",
    patient: ward => ward.withFault("server-certificate-wrong-name"),
    says: /elsewhere\.localhost/,
  },
  {
    how: "an expired server certificate",
    id: "host.expired",
    patient: ward => ward.withFault("server-certificate-expired"),
  },
  { how: "TLS 1.1 only", id: "host.protocol", patient: ward => ward.withFault("tls-1.1-only"), says: /TLSv1\.1/ },
  {
    how: "TLS 1.2 with CBC only",
    id: "host.protocol",
    patient: ward => ward.withFault("tls-1.2-cbc-only"),
    says: /CBC/,
  },
];

const strict = (maxVersion: "TLSv1.2" | "TLSv1.3"): ServerOptions => ({
  requestCert: true,
  rejectUnauthorized: true,
  // Its own authority is not the one that the client certificate is from.
  ca: root.cert,
  maxVersion,
});

export const MTLS: readonly Broken[] = [
  {
    how: "the bank hangs up on everybody, after the handshake",
    id: "mtls.hangs-up",
    patient: ward => ward.withApi({}, response => response.socket?.destroy()),
    says: /certificate is not at fault/,
  },
  {
    how: "a gateway answers with a page about the certificate",
    id: "mtls.certificate",
    patient: ward =>
      ward.withApi({ requestCert: true, rejectUnauthorized: false, ca: root.cert }, response =>
        response.writeHead(400).end("<html><title>400 The SSL certificate error</title></html>"),
      ),
    says: /refuses after the handshake/,
  },
  {
    how: "the bank hangs up on the certificate (TLS 1.3)",
    id: "mtls.certificate",
    patient: ward => ward.withApi(strict("TLSv1.3")),
    says: /asks for the certificate and hangs up after/,
  },
  {
    how: "the bank hangs up on the certificate (TLS 1.2)",
    id: "mtls.certificate",
    patient: ward => ward.withApi(strict("TLSv1.2")),
    says: /asks for the certificate/,
  },
  {
    how: "the certificate is of an unknown authority",
    id: "mtls.certificate",
    patient: ward =>
      ward.options({
        certificate: {
          ...ward.bank.client("fapi2-security").certificate,
          ...ward.bank.issueCertificate({ trusted: false }),
        },
      }),
  },
  { how: "the API asks for no certificate", id: "mtls.not-asked", patient: ward => ward.withApi({}) },
  {
    how: "the API's port is closed",
    id: "host.tcp",
    patient: async ward => ward.options({ api: { baseUrl: `https://localhost:${await closedPort()}` } }),
  },
  {
    how: "the API is on the port for browsers",
    id: "mtls.not-asked",
    patient: ward => ward.options({ api: { baseUrl: `${ward.bank.issuer}/v1` } }),
  },
  {
    how: "the API is at another path",
    id: "api.base-url",
    status: "warning",
    patient: ward => ward.options({ api: { baseUrl: ward.bank.apiBaseUrl.replace(/v1$/, "v2") } }),
    says: /HTTP 404.*another path/,
  },
];
