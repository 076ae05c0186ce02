/**
 * The hosts that authenticate the client by its certificate: those of the metadata, and that of the API.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { Metadata } from "../../authorization/metadata.js";
import { type Check, check } from "./check.js";
import { compare, judge } from "./client-certificate.js";
import { nameOf, type Target, targetOf } from "./connection.js";
import { type Finding, isSound } from "./finding.js";
import { examineHost, reach } from "./host.js";

export const mtls: Check = check({
  id: "mtls",
  title: { en: "Mutual TLS", ja: "相互TLS(mTLS)" },
  needs: ["apiBaseUrl", "certificate", "trusted"],
  network: true,
  run: async ({ apiBaseUrl, certificate, trusted, metadata }, { timeout }) => {
    const leaf = new X509Certificate(certificate.cert);
    const findings: Finding[] = [];
    for (const { target, path } of hostsOf(apiBaseUrl, metadata)) {
      const compared = await compare(target, path, certificate, timeout);
      const connected = compared.shown.protocol === undefined ? await reach(target, trusted, timeout) : compared.shown;
      const host = await examineHost(target, connected, trusted, timeout);
      // In TLS 1.2 a refusal ends the handshake: that the host is there shows all the same.
      const metHost = host.id !== "host.handshake" && host.id !== "host.protocol";
      if (host.status === "ok" || metHost) findings.push(host);
      if (host.status === "ok" || !metHost) findings.push(...judged(target, compared, leaf, host));
    }
    return { findings, facts: isSound(findings) ? { certificateAccepted: true } : {} };
  },
});

/** Where no handshake came about, only what the certificate did to it tells whether it is the certificate's fault. */
function judged(
  target: Target,
  compared: Awaited<ReturnType<typeof compare>>,
  leaf: X509Certificate,
  host: Finding,
): readonly Finding[] {
  const finding = judge(target, compared, leaf);
  return host.id === "host.protocol" && finding.id === "mtls.hangs-up" ? [host] : [finding];
}

interface Host {
  readonly target: Target;
  readonly path: string;
}

/** Each host once. A GET at these places changes nothing: what they do begins with a POST, or with a token. */
function hostsOf(apiBaseUrl: string, metadata: Metadata | undefined): readonly Host[] {
  const { pushed_authorization_request_endpoint: par, token_endpoint: token, ...rest } = metadata?.mtls ?? {};
  const urls = [par, token, apiBaseUrl, ...Object.values(rest)].filter(url => url !== undefined);
  const hosts = new Map<string, Host>();
  for (const url of urls) {
    const target = targetOf(url);
    const name = nameOf(target);
    if (!hosts.has(name)) hosts.set(name, { target, path: new URL(url).pathname });
  }
  return [...hosts.values()];
}
