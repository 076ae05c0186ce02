/**
 * The bank's metadata: fetched, read as the client reads it, and held against the profile.
 *
 * @module
 */
import { checkMetadata, type Metadata } from "../../authorization/metadata.js";
import type { Configuration } from "../../config/configuration.js";
import { PROFILES, profileRules } from "../../config/profile.js";
import { ValidationError } from "../../errors.js";
import type { Bilingual } from "../language.js";
import { type Check, check } from "./check.js";
import { codeOf, type Fetched, fetchDocument, objectIn, shownOf } from "./document.js";
import { type Finding, isSound, ok, problem, warning } from "./finding.js";
import { demands, examineOffer } from "./profile-demands.js";

export const discovery: Check = check({
  id: "discovery",
  title: { en: "Discovery", ja: "ディスカバリー" },
  needs: ["configuration", "trusted", "issuerHost"],
  network: true,
  run: async ({ configuration, trusted }, { timeout }) => {
    const { findings, document } = await find(configuration, trusted, timeout);
    if (document === undefined) return { findings };
    const read = readMetadata(document, configuration);
    const examined = [...findings, ...read.findings, ...examineOffer(document, configuration)];
    examined.push(profilesOf(document, configuration));
    return { findings: examined, facts: { document, ...(read.metadata && { metadata: read.metadata }) } };
  },
});

/** The addresses of the document: OIDC Discovery 4, and RFC 8414 3.1 for a bank of plain OAuth. */
export function addressesOf(issuer: string): readonly [openid: string, oauth: string] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

async function find(
  { issuer, contract }: Configuration,
  trusted: readonly string[],
  timeout: number,
): Promise<{ readonly findings: readonly Finding[]; readonly document?: Readonly<Record<string, unknown>> }> {
  const [openid, oauth] = addressesOf(issuer);
  try {
    let fetched = await fetchDocument(openid, trusted, timeout);
    if (fetched.status === 404 && contract.scopes.openid === null)
      fetched = await fetchDocument(oauth, trusted, timeout);
    const document = fetched.status === 200 ? objectIn(fetched) : undefined;
    if (document !== undefined) return { findings: [ok("discovery.document", { en: openid, ja: openid })], document };
    return { findings: [await noDocument(fetched, openid, oauth, trusted, timeout)] };
  } catch (error) {
    // RFC 8446 section 6.2: browsers have no certificate, so it can't be the issuer's host.
    if (codeOf(error).endsWith("ALERT_CERTIFICATE_REQUIRED")) return { findings: [wantsCertificate(issuer)] };
    const found = { en: `It could not be fetched (${codeOf(error)})`, ja: `取得できません(${codeOf(error)})` };
    return { findings: [unfetched(found, openid)] };
  }
}

async function noDocument(
  fetched: Fetched,
  openid: string,
  oauth: string,
  trusted: readonly string[],
  timeout: number,
): Promise<Finding> {
  const shown = shownOf(fetched);
  const elsewhere = await fetchDocument(oauth, trusted, timeout).catch(() => undefined);
  if (elsewhere?.status === 200 && objectIn(elsewhere) !== undefined) {
    return problem(
      "discovery.document",
      {
        en: `There is none at ${openid} (${shown}), but one at ${oauth}`,
        ja: `${openid} にはなく(${shown})、${oauth} にあります`,
      },
      {
        why: {
          en: "The bank is one of plain OAuth 2.0, without OpenID Connect.",
          ja: "OpenID Connect を使わない、OAuth 2.0 のみの銀行です。",
        },
        fix: { en: "Set contract.scopes.openid to null.", ja: "contract.scopes.openid に null を設定してください。" },
      },
      openid,
    );
  }
  const found = { en: `It is no JSON document (${shown})`, ja: `JSON の文書ではありません(${shown})` };
  return unfetched(found, openid);
}

function wantsCertificate(issuer: string): Finding {
  const found = {
    en: "The issuer's host asks for a client certificate",
    ja: "issuer のホストがクライアント証明書を要求しています",
  };
  const advice = {
    why: {
      en: "The issuer is where customers' browsers go, and they have none: this is the host for mutual TLS.",
      ja: "issuer はお客さまのブラウザも使うホストで、証明書を要求しません。これは相互 TLS 用のホストです。",
    },
    fix: {
      en: "Set issuer (MINNA_ISSUER) to the one in the bank's documents.",
      ja: "issuer(MINNA_ISSUER)を銀行の資料の値にしてください。",
    },
  };
  return problem("discovery.document", found, advice, issuer);
}

function unfetched(found: Bilingual, url: string): Finding {
  return problem(
    "discovery.document",
    found,
    {
      why: {
        en: "The client learns there where the bank's endpoints are.",
        ja: "銀行のエンドポイントの場所はこの文書で分かります。",
      },
      fix: {
        en: "Check the issuer, its path too (also the slash at its end). HTML is often a page of maintenance or of a proxy.",
        ja: "issuer をパス(末尾の / を含む)まで確認してください。HTML の場合、メンテナンス画面やプロキシの画面であることがよくあります。",
      },
      command: `curl -sS ${url}`,
    },
    url,
  );
}

function readMetadata(
  document: Readonly<Record<string, unknown>>,
  configuration: Configuration,
): { readonly findings: readonly Finding[]; readonly metadata?: Metadata } {
  try {
    const metadata = checkMetadata(document, configuration);
    return { metadata, findings: [endpointsOf(metadata, document)] };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    if (error.check === "issuer") return { findings: [wrongIssuer(document["issuer"], configuration.issuer)] };
    return { findings: [unusable(error)] };
  }
}

function endpointsOf({ mtls }: Metadata, document: Readonly<Record<string, unknown>>): Finding {
  const origins = [...new Set(Object.values(mtls).map(url => new URL(url).origin))].join(", ");
  const named = document["mtls_endpoint_aliases"] !== undefined;
  return ok("discovery.endpoints", {
    en: `${Object.keys(mtls).length} endpoints for mutual TLS at ${origins} (${named ? "mtls_endpoint_aliases" : "no aliases"})`,
    ja: `mTLS のエンドポイント ${Object.keys(mtls).length} 個: ${origins}(${named ? "mtls_endpoint_aliases" : "エイリアスなし"})`,
  });
}

function wrongIssuer(found: unknown, configured: string): Finding {
  const named = typeof found === "string" && /^https:\/\/[\w.:/-]{1,200}$/.test(found) ? found : undefined;
  const slash = named !== undefined && named.replace(/\/$/, "") === configured.replace(/\/$/, "");
  const shown = named ?? "…";
  return problem(
    "discovery.issuer",
    slash
      ? {
          en: `The metadata names ${shown}, the options ${configured}: they differ in the slash at the end`,
          ja: `メタデータは ${shown}、設定は ${configured} で、末尾の / だけが異なります`,
        }
      : {
          en: `The metadata names ${shown}, the options ${configured}`,
          ja: `メタデータは ${shown}、設定は ${configured} です`,
        },
    {
      why: {
        en: "They are compared as strings, to the letter: else somebody else could pose as the bank.",
        ja: "なりすましを防ぐため、文字列として完全に一致する必要があります。",
      },
      fix: slash
        ? { en: `Set issuer (MINNA_ISSUER) to ${shown}.`, ja: `issuer(MINNA_ISSUER)を ${shown} にしてください。` }
        : {
            en: "Take the issuer from the bank's documents. If that is what is configured, tell the bank.",
            ja: "issuer を銀行の資料の値にしてください。資料どおりの場合は、銀行に連絡してください。",
          },
    },
  );
}

function unusable(error: ValidationError): Finding {
  if (error.check === "mtls_endpoint_aliases") {
    return problem(
      "discovery.aliases",
      {
        en: error.message,
        ja: `mTLS 用の ${/no (\w+_endpoint)/.exec(error.message)?.[1] ?? "エンドポイント"} がありません`,
      },
      {
        why: {
          en: "The client never authenticates at an endpoint of which it is not sure that it asks for the certificate.",
          ja: "証明書を要求すると確認できないエンドポイントでは、クライアント認証を行いません。",
        },
        fix: {
          en: 'If the bank asks for the certificate at its endpoints themselves, set contract.mtlsEndpointAliases to "absent". If the profile pushes requests and the bank has no PAR endpoint, it is another profile.',
          ja: '銀行が通常のエンドポイントで証明書を要求する場合は、contract.mtlsEndpointAliases を "absent" にしてください。PAR エンドポイントがない場合は、プロファイルを確認してください。',
        },
      },
    );
  }
  return problem(
    "discovery.metadata",
    { en: error.message, ja: `メタデータの内容が正しくありません(${error.message})` },
    {
      why: { en: "The client can't use this metadata.", ja: "このメタデータは使用できません。" },
      fix: {
        en: "Tell the bank; check that it is the right issuer.",
        ja: "issuer が正しいことを確認し、銀行に連絡してください。",
      },
    },
  );
}

/** Which profiles would do: the document alone decides, whatever the client is registered for. */
function profilesOf(document: Readonly<Record<string, unknown>>, configuration: Configuration): Finding {
  const fitting = PROFILES.filter(profile => {
    const rules = profileRules(profile);
    // What was chosen for the configured profile counts for no other.
    const free = profile === configuration.profile ? {} : { idTokenAlgorithms: rules.algorithms };
    const other = { authorizationResponseAlgorithms: rules.algorithms, requestDelivery: "par" as const };
    return isSound(
      demands(document, {
        ...configuration,
        profile,
        rules,
        ...free,
        ...(profile === configuration.profile ? {} : other),
      }),
    );
  });
  const list = fitting.join(", ") || "-";
  const found = { en: `The metadata would do for: ${list}`, ja: `メタデータ上、対応可能なプロファイル: ${list}` };
  if (fitting.includes(configuration.profile)) return ok("discovery.profiles", found);
  return warning("discovery.profiles", found, {
    why: {
      en: `${configuration.profile} is not among them.`,
      ja: `設定の ${configuration.profile} が含まれていません。`,
    },
    fix: {
      en: "Ask the bank which profile your client is registered for, and set profile (MINNA_PROFILE) to it.",
      ja: "登録されているプロファイルを銀行に確認し、profile(MINNA_PROFILE)に設定してください。",
    },
  });
}
