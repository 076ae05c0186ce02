/**
 * What a host makes of the client certificate: found out by showing it, and by showing none.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { CheckedCertificate } from "../../config/certificate.js";
import { secureContext } from "../../transport/connection.js";
import { type Attempt, attempt, nameOf, type Target } from "./connection.js";
import { type Finding, ok, problem, warning } from "./finding.js";

/** Both attempts. A GET without content goes along: in TLS 1.3 a refusal comes after the handshake. */
export interface Comparison {
  readonly shown: Attempt;
  readonly hidden: Attempt;
}

export async function compare(
  target: Target,
  path: string,
  certificate: CheckedCertificate,
  timeout: number,
): Promise<Comparison> {
  const [shown, hidden] = await Promise.all([
    attempt(target, { context: secureContext(certificate.ca, certificate), timeout, path }),
    attempt(target, { context: secureContext(certificate.ca), timeout, path }),
  ]);
  return { shown, hidden };
}

/** What an attempt came to, once TCP stood. */
type Outcome = "answered" | "refused" | "hung-up" | "late";

// What a server says of a certificate (RFC 8446 section 6.2), or of none at all.
const ALERT =
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN)|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)$/;
// nginx and its kin let the handshake pass, and answer the request with this.
const PAGE = /^HTTP\/1\.[01] (49[56]|400)[\s\S]*(SSL certificate error|No required SSL certificate)/i;

function outcomeOf({ step, code = "", answer = "" }: Attempt): Outcome {
  if (step === "answered") return /^HTTP\/1\.[01] 49[56]/.test(answer) || PAGE.test(answer) ? "refused" : "answered";
  if (ALERT.test(code)) return "refused";
  return code === "TIMEOUT" ? "late" : "hung-up";
}

/**
 * Whether the host asked for a certificate: a TLS client sends its own only then, and the bytes of it show.
 *
 * @param leaf - The bytes of the client's own certificate.
 */
function askedFor({ shown, hidden }: Comparison, leaf: number): boolean {
  return shown.sent - hidden.sent > leaf * 0.8;
}

export function judge(target: Target, compared: Comparison, leaf: X509Certificate): Finding {
  const subject = nameOf(target);
  const outcome = { shown: outcomeOf(compared.shown), hidden: outcomeOf(compared.hidden) };
  const asked = askedFor(compared, leaf.raw.length);
  const { protocol = "TLS", code = "HTTP" } = compared.shown;
  if (outcome.shown === "answered") {
    const status = compared.shown.answer?.slice(9, 12) ?? "";
    if (!asked) return notAsked(subject, status);
    const without =
      outcome.hidden === "answered"
        ? { en: "without one it answers too: it judges at the request", ja: "証明書なしでも応答(リクエスト時に判定)" }
        : { en: "without one it refuses", ja: "証明書なしでは拒否" };
    return ok(
      "mtls.certificate",
      {
        en: `The certificate is accepted in ${protocol} (a request to nowhere got HTTP ${status}); ${without.en}`,
        ja: `${protocol} で証明書を受理(確認用リクエストの応答は HTTP ${status})、${without.ja}`,
      },
      subject,
    );
  }
  if (outcome.shown === "late") return late(subject);
  // It asked, was shown one, and ended it: with an alert that says so, or by hanging up, as many do.
  if (outcome.shown === "refused" || asked || outcome.hidden === "answered") {
    const how = outcome.shown === "hung-up" ? { en: "hangs up", ja: "切断" } : { en: "refuses", ja: "拒否" };
    const when = compared.shown.step === "tls" ? { en: "during", ja: "中" } : { en: "after", ja: "後" };
    const found = {
      en: `It asks for the certificate and ${how.en} ${when.en} the handshake (${code}, ${protocol})`,
      ja: `証明書を要求し、ハンドシェイク${when.ja}に${how.ja}されます(${code}、${protocol})`,
    };
    return refused(subject, outcome.hidden === "answered" ? { ...found, bare: true } : { ...found, bare: false });
  }
  return hangsUp(subject, code);
}

function refused(
  subject: string,
  { bare, ...found }: { readonly en: string; readonly ja: string; readonly bare: boolean },
): Finding {
  const why = {
    en: `The bank does not accept this certificate${bare ? "; a connection without any gets through" : ""}. The client reports it as client_certificate_refused, or only as “other side closed”.`,
    ja: `銀行がこの証明書を受け付けていません${bare ? "(証明書なしの接続は通ります)" : ""}。SDK では client_certificate_refused、または単に other side closed として現れます。`,
  };
  return problem(
    "mtls.certificate",
    found,
    {
      why,
      fix: {
        en: "Compare subject, issuer and x5t#S256 in this report with what the bank has registered; append intermediate certificates; check that it is of this environment (test or production).",
        ja: "この診断結果の subject・issuer・x5t#S256 を銀行の登録内容と照合し、中間証明書の追加と、環境(検証・本番)の取り違えがないかを確認してください。",
      },
    },
    subject,
  );
}

function hangsUp(subject: string, code: string): Finding {
  return problem(
    "mtls.hangs-up",
    {
      en: `It hangs up with the certificate and without (${code}), and asked for none`,
      ja: `証明書の有無にかかわらず切断されます(${code})。証明書は要求されていません`,
    },
    {
      why: {
        en: "The certificate is not at fault: it was never looked at.",
        ja: "証明書は確認されていないため、証明書が原因ではありません。",
      },
      fix: {
        en: "Ask the bank whether your outgoing address is on its list and whether there is maintenance; look at firewalls and proxies between.",
        ja: "接続元 IP アドレスの登録、メンテナンスの有無、途中のファイアウォールやプロキシを確認してください。",
      },
    },
    subject,
  );
}

function notAsked(subject: string, status: string): Finding {
  return problem(
    "mtls.not-asked",
    {
      en: `It asks for no client certificate (HTTP ${status} without one)`,
      ja: `クライアント証明書を要求しません(証明書なしで HTTP ${status})`,
    },
    {
      why: {
        en: "The bank can't authenticate you there, and takes no token that is bound to the certificate.",
        ja: "このホストではクライアント認証ができず、証明書に紐づくトークンも使えません。",
      },
      fix: {
        en: "Check that it is the host for mutual TLS (api.baseUrl, contract.mtlsEndpointAliases), and that nothing between opens the connection.",
        ja: "相互 TLS 用のホストか(api.baseUrl、contract.mtlsEndpointAliases)、途中で TLS を終端する機器がないかを確認してください。",
      },
    },
    subject,
  );
}

function late(subject: string): Finding {
  return warning(
    "mtls.slow",
    { en: "It did not answer in time", ja: "時間内に応答がありません" },
    {
      why: {
        en: "What it makes of the certificate is not known.",
        ja: "証明書が受け付けられるかどうかを判定できません。",
      },
      fix: { en: "Try again, with a longer --timeout.", ja: "--timeout を長くして、再度実行してください。" },
    },
    subject,
  );
}
