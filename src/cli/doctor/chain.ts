/**
 * The certificates that come along with the client's own: what lies between it and a root that the bank knows.
 *
 * @module
 */
import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { examineSignature } from "./certificate-leaf.js";
import { type Finding, ok, problem, warning } from "./finding.js";
import { rfc4514 } from "./x509.js";

/** Whether the key is the certificate's. */
export function isOwn(certificate: X509Certificate, key: KeyObject): boolean {
  // Not checkPrivateKey(): it leaves an error of OpenSSL behind where the types differ.
  const own = createPublicKey(key).export({ type: "spki", format: "der" });
  return own.equals(certificate.publicKey.export({ type: "spki", format: "der" }));
}

/** @param given - All certificates of the file, in their order. @param known - Authorities that are at hand besides. */
export function examineChain(
  leaf: X509Certificate,
  given: readonly X509Certificate[],
  known: readonly X509Certificate[],
  now: number,
): readonly Finding[] {
  const chain = chainOf(leaf, given);
  const findings = [
    ...misplacedLeaf(leaf, given),
    ...misplaced(chain, given),
    ...chain.slice(1).flatMap(one => [...over(one, now), ...(isRoot(one) ? [] : examineSignature(one, nameOf(one)))]),
  ];
  return [...findings, ...(findings.length > 0 ? [] : [endOf(chain, given, known)])];
}

/** From the leaf upwards, as far as the given ones reach. */
function chainOf(leaf: X509Certificate, given: readonly X509Certificate[]): readonly X509Certificate[] {
  const chain = [leaf];
  for (let last: X509Certificate | undefined = leaf; last !== undefined && !isRoot(last); ) {
    const below: X509Certificate = last;
    last = given.find(one => !chain.includes(one) && isIssuer(one, below));
    if (last !== undefined) chain.push(last);
  }
  return chain;
}

function isIssuer(one: X509Certificate, below: X509Certificate): boolean {
  return one.subject === below.issuer && below.verify(one.publicKey);
}

function isRoot(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer;
}

function nameOf(certificate: X509Certificate): string {
  return rfc4514(certificate.subject);
}

const ORDER = {
  en: "Write the client's own certificate first, then each one that issued the one before; the root may be left out.",
  ja: "クライアント証明書を先頭に、発行元の証明書を順に並べてください(ルートは不要です)。",
};

function misplacedLeaf(leaf: X509Certificate, given: readonly X509Certificate[]): readonly Finding[] {
  if (given[0] === leaf) return [];
  return [
    problem(
      "certificate.chain",
      {
        en: `The client's own certificate is not the first in its file, but number ${given.indexOf(leaf) + 1}`,
        ja: `クライアント証明書がファイルの先頭になく、${given.indexOf(leaf) + 1} 番目にあります`,
      },
      {
        why: {
          en: "TLS presents the first one as the client's own, and the key does not fit it.",
          ja: "TLS では先頭の証明書が自身のものとして提示され、秘密鍵と一致しなくなります。",
        },
        fix: ORDER,
      },
    ),
  ];
}

/** Those in another order, and those that lead nowhere. */
function misplaced(chain: readonly X509Certificate[], given: readonly X509Certificate[]): readonly Finding[] {
  const strangers = given.filter(one => !chain.includes(one));
  const why = {
    en: "Many servers read a chain from its beginning, and refuse it where one does not fit the next.",
    ja: "多くのサーバーはチェーンを先頭から順に検証し、途中でつながらないと拒否します。",
  };
  if (strangers.length > 0) {
    const found = {
      en: `In the file, but not in the chain: ${strangers.map(nameOf).join("; ")}`,
      ja: `チェーンにつながらない証明書があります: ${strangers.map(nameOf).join("; ")}`,
    };
    const fix = {
      en: "Remove it. If an intermediate certificate is missing between, add that.",
      ja: "削除してください。途中の中間証明書が抜けている場合は、それを追加してください。",
    };
    return [warning("certificate.chain", found, { why, fix })];
  }
  const rest = given.filter(one => one !== chain[0]);
  if (rest.every((one, index) => one === chain[index + 1])) return [];
  const found = { en: "The chain is out of order", ja: "チェーンの順序が違います" };
  return [warning("certificate.chain", found, { why, fix: ORDER })];
}

function over(certificate: X509Certificate, now: number): readonly Finding[] {
  if (Date.parse(certificate.validTo) > now) return [];
  const found = { en: "An intermediate certificate has expired", ja: "中間証明書の有効期限が切れています" };
  const advice = {
    why: { en: "The bank can't verify the chain with it.", ja: "銀行側でチェーンを検証できません。" },
    fix: {
      en: "Get the present one from the authority, and put it in its place.",
      ja: "認証局から現行の中間証明書を入手し、差し替えてください。",
    },
  };
  return [problem("certificate.chain", found, advice, nameOf(certificate))];
}

/** Where the chain ends, and whether something may be missing there. */
function endOf(
  chain: readonly X509Certificate[],
  given: readonly X509Certificate[],
  known: readonly X509Certificate[],
): Finding {
  const id = "certificate.chain";
  const top = chain.at(-1) as X509Certificate;
  const ends = { en: `ends at ${rfc4514(top.issuer)}`, ja: `${rfc4514(top.issuer)} まで` };
  if (isRoot(top) && chain.length === 1) {
    return ok(id, {
      en: "Self-signed: the bank must have registered this very certificate (self_signed_tls_client_auth)",
      ja: "自己署名証明書です(銀行にこの証明書自体の登録が必要: self_signed_tls_client_auth)",
    });
  }
  if (isRoot(top)) {
    return ok(id, {
      en: `${given.length} certificates in order; the root among them is not needed`,
      ja: `${given.length} 枚が正しい順序です(ルート証明書は不要です)`,
    });
  }
  const rooted = known.some(one => isRoot(one) && isIssuer(one, top)) || isIssuedByPublicRoot(top);
  if (given.length === 1 && rooted) {
    const issuer = rfc4514(top.issuer);
    return ok(id, { en: `Issued by a root: ${issuer}`, ja: `ルート認証局が直接発行(${issuer})` });
  }
  if (given.length > 1) {
    return ok(id, { en: `${given.length} in order, ${ends.en}`, ja: `${given.length} 枚、順序は正常(${ends.ja})` });
  }
  const address = /CA Issuers - URI:(\S+)/.exec(top.infoAccess ?? "")?.[1];
  const found = {
    en: `The certificate comes alone; it was issued by ${rfc4514(top.issuer)}`,
    ja: `証明書が 1 枚だけです(発行元: ${rfc4514(top.issuer)})`,
  };
  return warning(id, found, {
    why: {
      en: "If its issuer is an intermediate authority, the bank can't verify it without that one's certificate, and hangs up.",
      ja: "発行元が中間認証局の場合、その証明書がないと銀行側で検証できず、接続が切断されます。",
    },
    fix: {
      en: `Append the intermediate certificate to the file${address === undefined ? "" : `, from ${address}`}. If its issuer is a root that the bank knows, all is well.`,
      ja: `ファイルの末尾に中間証明書を追加してください${address === undefined ? "" : `(配布元: ${address})`}。発行元が銀行の知るルート認証局であれば、対応は不要です。`,
    },
  });
}

function isIssuedByPublicRoot(top: X509Certificate): boolean {
  return rootCertificates.some(text => isIssuer(new X509Certificate(text), top));
}
