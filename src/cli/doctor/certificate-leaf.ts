/**
 * The client's own certificate: whose it is, how long it lives, what it may be used for.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import { thumbprintOf } from "../../config/certificate.js";
import { toJst } from "../../config/jst.js";
import { type Finding, ok, problem, warning } from "./finding.js";
import { ANY_PURPOSE, BROKEN_SIGNATURES, CLIENT_AUTH, extrasOf, rfc4514, SERVER_AUTH } from "./x509.js";

const DAY = 86_400_000;
/** Days before its end from which on it is warned of, as the client does. */
const SOON = 30;

/** @param now - Milliseconds since the epoch. */
export function examineLeaf(leaf: X509Certificate, now: number): readonly Finding[] {
  return [identity(leaf), examineValidity(leaf, now), ...examineUse(leaf), ...examineSignature(leaf)];
}

/** What the bank asks for when it registers the client. */
function identity(leaf: X509Certificate): Finding {
  const facts = [
    ["subject", rfc4514(leaf.subject)],
    ["issuer", rfc4514(leaf.issuer)],
    ["serial", leaf.serialNumber],
    ["x5t#S256", thumbprintOf(leaf)],
  ];
  const shown = facts.map(([name, value]) => `${name} ${value}`).join("\n");
  return ok("certificate.identity", {
    en: `What the bank registers:\n${shown}`,
    ja: `銀行への登録に使う情報:\n${shown}`,
  });
}

export function examineValidity(leaf: X509Certificate, now: number): Finding {
  const id = "certificate.validity";
  const from = Date.parse(leaf.validFrom);
  const to = Date.parse(leaf.validTo);
  const renew = {
    en: "Have the next one issued and registered at the bank, then replace the files: the client takes them up without a restart.",
    ja: "次の証明書の発行を受けて銀行に登録し、ファイルを差し替えてください(再起動なしで反映されます)。",
  };
  if (to <= now) {
    return problem(
      id,
      { en: `Expired at ${toJst(to)}`, ja: `${toJst(to)} に有効期限が切れています` },
      {
        why: {
          en: `The bank refuses it. (By this machine's clock: ${toJst(now)}.)`,
          ja: `銀行に拒否されます(この機械の時計: ${toJst(now)})。`,
        },
        fix: renew,
      },
    );
  }
  if (from > now) {
    return problem(
      id,
      { en: `Not valid before ${toJst(from)}`, ja: `有効期間の開始前です(${toJst(from)} から有効)` },
      {
        why: {
          en: `The bank refuses it until then. (By this machine's clock: ${toJst(now)}.)`,
          ja: `それまでは銀行に拒否されます(この機械の時計: ${toJst(now)})。`,
        },
        fix: {
          en: "Use the former certificate until then; if that time is wrong, set this machine's clock.",
          ja: "それまでは以前の証明書を使ってください。この時刻が違う場合は、この機械の時計を合わせてください。",
        },
        command: "date",
      },
    );
  }
  const left = Math.ceil((to - now) / DAY);
  const found = {
    en: `Valid until ${toJst(to)}, ${left} ${left === 1 ? "day" : "days"} left`,
    ja: `有効期限 ${toJst(to)}(残り ${left} 日)`,
  };
  if (left > SOON) return ok(id, found);
  const why =
    left <= 7
      ? {
          en: "An issue and its registration at the bank may take longer than what is left.",
          ja: "発行と銀行への登録が、期限に間に合わないおそれがあります。",
        }
      : {
          en: "When it has expired, no call reaches the bank.",
          ja: "期限が切れると、銀行への通信がすべて失敗します。",
        };
  return warning(id, found, { why, fix: renew });
}

export function examineUse(leaf: X509Certificate): readonly Finding[] {
  const { digitalSignature, purposes } = extrasOf(leaf);
  const findings: Finding[] = [];
  const reissue = {
    en: "Have it issued again for client authentication: key usage digitalSignature, extended key usage clientAuth.",
    ja: "クライアント認証用(鍵用途 digitalSignature、拡張鍵用途 clientAuth)として再発行を受けてください。",
  };
  if (leaf.ca) {
    findings.push(
      problem(
        "certificate.usage",
        {
          en: "It is the certificate of an authority, not of a client",
          ja: "クライアント証明書ではなく、認証局の証明書です",
        },
        {
          why: {
            en: "The bank authenticates clients, not authorities.",
            ja: "認証局の証明書ではクライアント認証ができません。",
          },
          fix: {
            en: "Put the client's own certificate first, and leave authorities out or behind it.",
            ja: "クライアント自身の証明書を先頭に置き、認証局の証明書はその後に置くか、外してください。",
          },
        },
      ),
    );
  }
  if (digitalSignature === false) {
    findings.push(
      problem(
        "certificate.usage",
        { en: "Its key usage lacks digitalSignature", ja: "鍵用途に digitalSignature がありません" },
        {
          why: {
            en: "TLS signs with it: the bank refuses the handshake.",
            ja: "TLS で署名できず、銀行に拒否されます。",
          },
          fix: reissue,
        },
      ),
    );
  }
  if (purposes !== undefined && !purposes.includes(CLIENT_AUTH) && !purposes.includes(ANY_PURPOSE)) {
    const forServers = purposes.includes(SERVER_AUTH);
    findings.push(
      problem(
        "certificate.usage",
        forServers
          ? {
              en: "It is for servers only (serverAuth, without clientAuth)",
              ja: "サーバー用の証明書です(serverAuth のみで clientAuth がありません)",
            }
          : { en: "Its extended key usage lacks clientAuth", ja: "拡張鍵用途に clientAuth がありません" },
        {
          why: {
            en: "The bank refuses it for client authentication.",
            ja: "クライアント認証に使えず、銀行に拒否されます。",
          },
          fix: reissue,
        },
      ),
    );
  }
  if (findings.length > 0) return findings;
  const stated = purposes === undefined ? "-" : "clientAuth";
  return [
    ok("certificate.usage", {
      en: `For client authentication (${stated})`,
      ja: `クライアント認証に使用可能(${stated})`,
    }),
  ];
}

export function examineSignature(certificate: X509Certificate, subject?: string): readonly Finding[] {
  const broken = BROKEN_SIGNATURES[extrasOf(certificate).signature];
  if (broken === undefined) return [];
  return [
    problem(
      "certificate.signature",
      { en: `It is signed with ${broken}`, ja: `${broken} で署名された証明書です` },
      {
        why: { en: "TLS no longer takes such signatures.", ja: "この署名方式は TLS で受け付けられません。" },
        fix: {
          en: "Have it issued again, signed with SHA-256.",
          ja: "SHA-256 で署名された証明書の再発行を受けてください。",
        },
      },
      subject,
    ),
  ];
}
