/**
 * What the codes of TLS and of the network most likely mean, for who reads them at night.
 *
 * @module
 */

/** What a server says when it wants another client certificate, or any at all (RFC 8446 section 6.2), by OpenSSL's name for it. */
const CERTIFICATE_ALERTS: Readonly<Record<string, string>> = {
  CERTIFICATE_REQUIRED: "it asks for a client certificate, and none was presented",
  BAD_CERTIFICATE: "it can't use it",
  UNSUPPORTED_CERTIFICATE: "it does not take certificates of its kind",
  CERTIFICATE_REVOKED: "it was revoked",
  CERTIFICATE_EXPIRED: "it has expired, or the clock of the bank or of this machine is wrong",
  CERTIFICATE_UNKNOWN: "it is not one that it knows",
  UNKNOWN_CA: "it does not know its issuer, or an intermediate certificate is missing",
  ACCESS_DENIED: "it is valid, and not allowed in",
};
/** Newer OpenSSL says `SSL/TLS` for what older ones call `SSLV3`. */
const ALERT = /^ERR_SSL_(?:TLSV13|SSLV3|TLSV1|SSL\/TLS)_ALERT_(\w+)$/;

/** What the server has against the client certificate; `undefined` where the code says nothing of it. */
export function certificateAlert(code: string): string | undefined {
  const [, alert = ""] = ALERT.exec(code) ?? [];
  return Object.hasOwn(CERTIFICATE_ALERTS, alert) ? CERTIFICATE_ALERTS[alert] : undefined;
}

// What this side says when it does not trust the server, or finds no common version or cipher.
const INSECURE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH|INVALID_)/;

const CLOCK =
  "Compare this machine's clock with the time; if it is right, the server's owner must renew its certificate.";
const UNTRUSTED =
  "For a private CA, or a sandbox, set certificate.ca (MINNA_CA_FILE) to its certificate; one that is set is not this one's: a sandbox without --write has a new one at each start. Else a proxy that opens TLS may be in between: have it let the bank through.";
const NO_COMMON = "It shares no TLS version (1.2, 1.3) and cipher (AES-GCM) with this client.";

/** Why there is no secure connection, and what to do; in the order in which they are looked for. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    "Its certificate is for another name. Check the host in issuer and api.baseUrl; a gateway or DNS in between may lead elsewhere.",
  ],
  [/CERT_HAS_EXPIRED/, `Its certificate has expired, or so it seems. ${CLOCK}`],
  [/CERT_NOT_YET_VALID/, `Its certificate is not valid yet, or so it seems. ${CLOCK}`],
  [/SELF_SIGNED/, `Its certificate is of an authority that is not trusted here. ${UNTRUSTED}`],
  [
    /^UNABLE_TO_|CERT_UNTRUSTED|INVALID_CA/,
    `Its certificate is of an authority that is not trusted here, or comes without its intermediate certificates. ${UNTRUSTED}`,
  ],
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE|RECORD_LAYER/,
    "What answers there does not speak TLS: a server for plain HTTP, or a proxy. Check host and port in issuer and api.baseUrl.",
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|VERSION_TOO_LOW|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY/,
    NO_COMMON,
  ],
  [/UNRECOGNIZED_NAME/, "It serves no site of that name. Check the host in issuer and api.baseUrl."],
];

/** Why there is no secure connection, in sentences; `undefined` where the code says nothing of it. */
export function insecurity(code: string, presentsCertificate: boolean): string | undefined {
  if (!INSECURE.test(code)) return undefined;
  const [, reason] = REASONS.find(([pattern]) => pattern.test(code)) ?? [];
  if (reason !== undefined) return reason;
  // RFC 5246 section 7.4.6: so says a server of TLS 1.2 that wanted a client certificate and got none, or none of its liking.
  if (/HANDSHAKE_FAILURE/.test(code)) {
    return presentsCertificate
      ? `${NO_COMMON} Or it has found no use for the client certificate: see that its issuer and its kind of key are what the bank takes.`
      : `${NO_COMMON} Or it wants a client certificate, where none is shown: see what the bank's metadata announces for mutual TLS.`;
  }
  return "Its certificate is not trusted, is for another name, or it shares no TLS version and cipher with this client. For a private CA set certificate.ca (MINNA_CA_FILE).";
}

const DIRECT = "Connections to the bank are direct: a firewall must let this host and port out.";

/** Why nobody answered, in sentences. */
export function unreachable(code: string, environment: Readonly<Record<string, string | undefined>>): string {
  const proxy = ["HTTPS_PROXY", "https_proxy"].find(name => environment[name]);
  const unused = proxy === undefined ? "" : ` ${proxy} is set, and not used.`;
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `Its name is not known to DNS here. Check the host in issuer and api.baseUrl, and the network.${unused}`;
    case "ECONNREFUSED":
      return `Nothing listens there. Check host and port in issuer and api.baseUrl, and that the server, or the sandbox, is running.${unused}`;
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "UND_ERR_CONNECT_TIMEOUT":
      return `It did not answer in time. ${DIRECT}${unused}`;
    case "ECONNRESET":
    case "UND_ERR_SOCKET":
      return `It hung up at the handshake: a firewall or a proxy in between, or a server that wants a client certificate where none is shown.${unused}`;
    default:
      return "";
  }
}
