/**
 * The client certificate: from the files to what the bank will look at.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { checkLoadedCertificate } from "../../config/certificate.js";
import { ConfigurationError } from "../../errors.js";
import { gather, type Material } from "./certificate-files.js";
import { examineKey } from "./certificate-key.js";
import { examineLeaf } from "./certificate-leaf.js";
import { examineChain, isOwn } from "./chain.js";
import { type Check, check, type Examined } from "./check.js";
import { wrongFormat } from "./conversion.js";
import { type Finding, isSound, problem, warning } from "./finding.js";
import { formatOf } from "./format.js";

export const certificate: Check = check({
  id: "certificate",
  title: { en: "Client certificate", ja: "クライアント証明書" },
  needs: ["certificateOption"],
  run: async ({ certificateOption }, { file, timeout }) => {
    const { findings, material } = await gather(certificateOption, file, timeout);
    if (material === undefined) return { findings };
    const examined = examineMaterial(material);
    return { findings: [...findings, ...examined.findings], facts: examined.facts ?? {} };
  },
});

/** Everything that the bytes tell. */
export function examineMaterial(material: Material, now: number = Date.now()): Examined {
  const trusted = readAuthorities(material, now);
  const { key, findings: ofKey } = examineKey(material);
  const { certificates, findings: ofFile } = readCertificates(material);
  const [first] = certificates;
  const facts = { ...(isSound(trusted.findings) && { trusted: trusted.texts }) };
  if (first === undefined) return { findings: [...ofFile, ...ofKey, ...trusted.findings], facts };
  // The one that the key belongs to is the client's own, wherever it stands.
  const leaf = (key && certificates.find(one => isOwn(one, key))) ?? first;
  const findings = [
    ...ofFile,
    ...ofKey,
    ...(key === undefined ? [] : matching(leaf, key, material)),
    ...examineLeaf(leaf, now),
    ...examineChain(leaf, certificates, trusted.certificates, now),
    ...trusted.findings,
  ];
  if (material.cert === undefined || material.key === undefined) return { findings, facts };
  try {
    const { passphrase } = material;
    const certificate = checkLoadedCertificate({
      cert: material.cert,
      key: material.key,
      ...(passphrase !== undefined && { passphrase }),
      ...(trusted.texts.length > 0 && { ca: trusted.texts }),
    });
    return { findings, facts: { ...facts, certificate } };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // What the client refuses is broken, also where none of the checks above knows why.
    return { findings: isSound(findings) ? [...findings, ...error.problems.map(refused)] : findings, facts };
  }
}

function readCertificates(material: Material): {
  readonly certificates: readonly X509Certificate[];
  readonly findings: readonly Finding[];
} {
  const { cert, names, paths, passphrase } = material;
  // That the file can't be read has been said.
  if (cert === undefined) return { certificates: [], findings: [] };
  const certificates = certificatesIn(cert);
  if (certificates.length > 0) return { certificates, findings: [] };
  const where = { name: names.cert, path: paths.cert };
  return { certificates, findings: [wrongFormat("cert", formatOf(cert), where, { bytes: cert, passphrase })] };
}

/** The certificates in a PEM file, in their order; none where one of them can't be read. */
export function certificatesIn(bytes: Buffer): readonly X509Certificate[] {
  const blocks = bytes.toString("latin1").match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map(block => new X509Certificate(block));
  } catch {
    return [];
  }
}

function matching(leaf: X509Certificate, key: NonNullable<ReturnType<typeof examineKey>["key"]>, material: Material) {
  if (isOwn(leaf, key)) return [];
  return [
    problem(
      "certificate.key-match",
      {
        en: "The key does not belong to the certificate, nor to any other one in its file",
        ja: "秘密鍵が、ファイル内のどの証明書とも対応していません",
      },
      {
        why: {
          en: "Without the certificate's own key no connection can be made.",
          ja: "証明書に対応する秘密鍵がないと、接続できません。",
        },
        fix: {
          en: "Use the key that the certificate's CSR was made with: after a renewal, the new certificate with the new key.",
          ja: "その証明書の CSR を作成したときの秘密鍵を指定してください。更新後は、新しい証明書と新しい鍵の組にしてください。",
        },
      },
      material.names.key,
    ),
  ];
}

function readAuthorities({ ca, names, paths }: Material, now: number) {
  const findings: Finding[] = [];
  const certificates: X509Certificate[] = [];
  for (const bytes of ca) {
    const found = certificatesIn(bytes);
    if (found.length === 0) findings.push(wrongFormat("ca", formatOf(bytes), { name: names.ca, path: paths.ca }));
    certificates.push(...found);
  }
  findings.push(...certificates.flatMap(one => examineAuthority(one, now)));
  return { findings, certificates, texts: ca.map(bytes => bytes.toString("latin1")) };
}

function examineAuthority(authority: X509Certificate, now: number): readonly Finding[] {
  const subject = authority.subject.split("\n").at(-1) ?? "";
  const over = Date.parse(authority.validTo) <= now;
  if (authority.ca && !over) return [];
  const found = over
    ? { en: "An authority in certificate.ca has expired", ja: "certificate.ca の認証局の証明書が期限切れです" }
    : {
        en: "certificate.ca holds a certificate that is no authority's",
        ja: "certificate.ca に、認証局のものではない証明書があります",
      };
  const advice = {
    why: {
      en: "The bank's servers can't be verified with it.",
      ja: "この証明書では、銀行のサーバーを検証できません。",
    },
    fix: {
      en: "Ask the bank for the root certificate of its servers; where they have a public one, leave certificate.ca out.",
      ja: "銀行のサーバー証明書のルート証明書を入手してください。公的な認証局の場合、certificate.ca は不要です。",
    },
  };
  return [warning("certificate.ca", found, advice, subject)];
}

function refused({ option, expected, found }: ConfigurationError["problems"][number]): Finding {
  return problem(
    "certificate.refused",
    { en: `expected ${expected}; found ${found}`, ja: `クライアントが受け付けません(${found})` },
    {
      why: { en: "The client does not take it.", ja: "SDK がこの証明書を受け付けません。" },
      fix: { en: `Correct ${option}: ${expected}.`, ja: `${option} を修正してください(${expected})。` },
    },
    option,
  );
}
