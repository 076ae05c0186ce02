/**
 * A host of the bank: name, connection, and who it says it is.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import { createSecureContext, type SecureVersion } from "node:tls";
import { toJst } from "../../config/jst.js";
import { secureContext } from "../../transport/connection.js";
import type { Bilingual } from "../language.js";
import { type Attempt, attempt, nameOf, type Target } from "./connection.js";
import { type Advice, type Finding, ok, problem } from "./finding.js";
import { rfc4514 } from "./x509.js";

/** Judges an attempt: everything up to the end of the handshake. */
export async function examineHost(
  target: Target,
  tried: Attempt,
  trusted: readonly string[],
  timeout: number,
): Promise<Finding> {
  const subject = nameOf(target);
  const say = (id: string, found: Bilingual, advice: Advice) => problem(`host.${id}`, found, advice, subject);
  const { step, code = "", addresses } = tried;
  if (step === "dns") return say("dns", ...unknownName(target, code));
  if (step === "tcp") return say("tcp", ...unreachable(target, code, addresses));
  if (tried.plainHttp) return say("plain-http", ...plainHttp(target));
  if (tried.distrust !== undefined) return distrusted(target, tried, trusted);
  if (step === "tls" && isNoCommonGround(code)) {
    return say("protocol", ...noCommonGround(code, await offered(target, timeout)));
  }
  if (step === "tls") return say("handshake", ...brokenOff(code));
  const time = Math.round(tried.time ?? 0);
  const seen = `${tried.protocol}, ${tried.cipher}`;
  return ok("host.tls", { en: `${seen}, connected in ${time} ms`, ja: `${seen}、接続 ${time} ms` }, subject);
}

/** Connects as the client would, without a certificate. */
export async function reach(target: Target, trusted: readonly string[], timeout: number): Promise<Attempt> {
  return attempt(target, { context: secureContext(trusted), timeout });
}

type Said = readonly [found: Bilingual, advice: Advice];

function unknownName({ host }: Target, code: string): Said {
  return [
    { en: `The name ${host} is not found (${code})`, ja: `ホスト名 ${host} を解決できません(${code})` },
    {
      why: { en: "Without an address there is no connection.", ja: "アドレスが分からないため接続できません。" },
      fix: {
        en: "Check the spelling in the options; then whether this machine's DNS knows the bank's names (VPN, split DNS).",
        ja: "設定のホスト名のつづりと、この機械の DNS で銀行の名前を解決できるか(VPN、内部 DNS)を確認してください。",
      },
      command: `nslookup ${host}`,
    },
  ];
}

function unreachable({ host, port }: Target, code: string, addresses: readonly string[]): Said {
  const at = addresses.join(", ");
  const refused = code === "ECONNREFUSED";
  return [
    {
      en: refused
        ? `Nothing listens at ${at}, port ${port} (${code})`
        : `No connection to ${at}, port ${port} (${code})`,
      ja: refused
        ? `${at} のポート ${port} で待ち受けがありません(${code})`
        : `${at} のポート ${port} に接続できません(${code})`,
    },
    {
      why: refused
        ? { en: "The machine is there, the service is not.", ja: "ホストには届きますが、サービスが動いていません。" }
        : { en: "Packets get lost on the way.", ja: "通信が途中で遮断されています。" },
      fix: refused
        ? {
            en: "Check the port; with the sandbox, start it (npx minna-baas sandbox --write FOLDER, the folder of its certificates); at the bank, look for maintenance.",
            ja: "ポート番号を確認してください。サンドボックスの場合は、証明書のあるフォルダーを指定して起動し(npx minna-baas sandbox --write FOLDER)、銀行の場合はメンテナンス情報を確認してください。",
          }
        : {
            en: "Let the firewall open this host and port; ask the bank whether your address is on its list.",
            ja: "ファイアウォールでこのホストとポートを許可し、接続元 IP アドレスが銀行に登録されているか確認してください。",
          },
      command: `nc -vz ${host} ${port}`,
    },
  ];
}

function plainHttp({ port }: Target): Said {
  return [
    { en: "It answers in plain HTTP, not TLS", ja: "TLS ではなく、平文の HTTP で応答しています" },
    {
      why: {
        en: "Something else than the bank answers: a proxy, a load balancer without TLS, or the wrong port.",
        ja: "銀行以外(プロキシ、TLS なしのロードバランサー、誤ったポート)が応答しています。",
      },
      fix: {
        en: `Check the port ${port} in the options, and what lies between this machine and the bank.`,
        ja: `設定のポート番号(${port})と、銀行までの経路にある機器を確認してください。`,
      },
    },
  ];
}

function distrusted(target: Target, { distrust = "", peer }: Attempt, trusted: readonly string[]): Finding {
  const subject = nameOf(target);
  const code = distrust;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH") {
    const names = peer?.subjectAltName ?? "-";
    return problem(
      "host.name",
      { en: `Its certificate is for other names: ${names}`, ja: `証明書の名前が違います: ${names}` },
      {
        why: {
          en: `It is not for ${target.host}: somebody else may answer.`,
          ja: `${target.host} の証明書ではないため、別のサーバーの可能性があります。`,
        },
        fix: {
          en: "Use the host name that the bank gave, not an address or an alias of your own.",
          ja: "IP アドレスや独自の別名ではなく、銀行が指定するホスト名を使ってください。",
        },
      },
      subject,
    );
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") return untimely(subject, code, peer);
  const issuer = peer === undefined ? "-" : rfc4514(peer.issuer);
  const [host, port] = [target.host, target.port];
  return problem(
    "host.untrusted",
    {
      en: `Its certificate is not trusted (${code}); issued by ${issuer}`,
      ja: `サーバー証明書を信頼できません(${code})。発行元: ${issuer}`,
    },
    {
      why: {
        en: "The client connects only where it knows who answers.",
        ja: "相手を確認できないため、クライアントは接続しません。",
      },
      fix:
        trusted.length === 0
          ? {
              en: "With a private CA of the bank, or the sandbox: give its certificate as certificate.ca (MINNA_CA_FILE). With any other issuer than the one expected: a proxy opens the connection.",
              ja: "銀行のプライベート CA やサンドボックスの場合は、その証明書を certificate.ca(MINNA_CA_FILE)に指定してください。発行元に心当たりがない場合は、途中のプロキシが TLS を終端している可能性があります。",
            }
          : {
              en: "certificate.ca (MINNA_CA_FILE) holds another authority than this one: ask the bank for the present one; a sandbox that was started anew has a new one.",
              ja: "certificate.ca(MINNA_CA_FILE)の認証局と異なります。現行のものを銀行から入手してください(サンドボックスを作り直した場合は、認証局も変わります)。",
            },
      command: `openssl s_client -connect ${host}:${port} -servername ${host} -showcerts </dev/null`,
    },
    subject,
  );
}

function untimely(subject: string, code: string, peer: X509Certificate | undefined): Finding {
  const from = toJst(Date.parse(peer?.validFrom ?? "0"));
  const to = toJst(Date.parse(peer?.validTo ?? "0"));
  return problem(
    "host.expired",
    {
      en: `Its certificate is valid from ${from} to ${to} (${code})`,
      ja: `サーバー証明書が有効期間外です: ${from} から ${to} まで(${code})`,
    },
    {
      why: {
        en: `By this machine's clock it is ${toJst(Date.now())}.`,
        ja: `この機械の時計では ${toJst(Date.now())} です。`,
      },
      fix: {
        en: "If this machine's clock is wrong, set it. Otherwise tell the bank.",
        ja: "この機械の時計が違う場合は合わせてください。正しい場合は、銀行に連絡してください。",
      },
      command: "date",
    },
    subject,
  );
}

function isNoCommonGround(code: string): boolean {
  return /PROTOCOL|VERSION|HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS|DH_KEY_TOO_SMALL|INSUFFICIENT_SECURITY/.test(
    code,
  );
}

function noCommonGround(code: string, versions: readonly string[]): Said {
  const list = versions.length === 0 ? "-" : versions.join(", ");
  return [
    {
      en: `No TLS version and cipher in common (${code}). It offers: ${list}`,
      ja: `共通の TLS バージョンまたは暗号スイートがありません(${code})。相手が対応: ${list}`,
    },
    {
      why: {
        en: "FAPI asks for TLS 1.2 with ECDHE and AES-GCM, or TLS 1.3: the client offers nothing else.",
        ja: "FAPI では TLS 1.2(ECDHE と AES-GCM)または TLS 1.3 が必要で、クライアントはそれ以外を使いません。",
      },
      fix: {
        en: "A bank keeps to this: look whether an old proxy or load balancer answers in its place, or the wrong port.",
        ja: "銀行側は通常この条件を満たします。途中の古いプロキシやロードバランサー、誤ったポートを疑ってください。",
      },
    },
  ];
}

/** What the other side can, also what nobody should use: to be told, not used. */
async function offered(target: Target, timeout: number): Promise<readonly string[]> {
  const versions: readonly SecureVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
  const found: string[] = [];
  for (const version of versions) {
    const only = { minVersion: version, maxVersion: version, ciphers: "ALL:@SECLEVEL=0" };
    const tried = await attempt(target, { context: createSecureContext(only), timeout });
    if (tried.protocol !== undefined) found.push(`${tried.protocol} ${tried.cipher}`);
  }
  return found;
}

function brokenOff(code: string): Said {
  return [
    code === "TIMEOUT"
      ? { en: "It takes the connection, and does not answer in TLS", ja: "接続はできますが、TLS の応答がありません" }
      : { en: `It ends the handshake (${code})`, ja: `TLS ハンドシェイクの途中で切断されます(${code})` },
    {
      why: {
        en: "It was asked for no certificate yet: the other side, or something between, does not let this machine in.",
        ja: "クライアント証明書を使う前の段階です。相手または途中の機器が、この機械からの接続を拒否しています。",
      },
      fix: {
        en: "Ask the bank whether this machine's outgoing address is on its list; look at firewalls that inspect TLS.",
        ja: "接続元 IP アドレスが銀行に登録されているか、TLS を検査するファイアウォールがないかを確認してください。",
      },
    },
  ];
}
