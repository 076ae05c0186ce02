/**
 * What a profile asks of the bank's metadata.
 *
 * @module
 */
import type { Configuration } from "../../config/configuration.js";
import { COMPANION_SCOPES, SCOPES } from "../../config/contract.js";
import type { Bilingual } from "../language.js";
import { type Finding, ok, problem, warning } from "./finding.js";

type Document = Readonly<Record<string, unknown>>;

/** Everything that is said of the document beside the endpoints. */
export function examineOffer(document: Document, configuration: Configuration): readonly Finding[] {
  const demanded = demands(document, configuration);
  const findings = [...demanded, ...wishes(document, configuration)];
  if (demanded.length > 0) return findings;
  const { profile } = configuration;
  const met = { en: `It offers what ${profile} needs`, ja: `${profile} に必要な項目を満たしています` };
  return [ok("discovery.profile", met), ...findings];
}

/** What the profile does not work without. What the document does not speak of is given the benefit of the doubt. */
export function demands(document: Document, configuration: Configuration): readonly Finding[] {
  const { rules, requestDelivery, contract, profile } = configuration;
  const listed = (name: string) => listOf(document[name]);
  const findings: Finding[] = [];
  const lacks = (id: string, name: string, wanted: readonly string[]): void => {
    const offered = listed(name);
    if (offered !== undefined && !wanted.some(one => offered.includes(one))) {
      findings.push(missing(id, name, wanted, offered, profile));
    }
  };
  lacks("pkce", "code_challenge_methods_supported", ["S256"]);
  lacks("client-authentication", "token_endpoint_auth_methods_supported", AUTHENTICATION);
  lacks("response-type", "response_types_supported", ["code"]);
  if (contract.scopes.openid !== null) {
    lacks("id-token", "id_token_signing_alg_values_supported", configuration.idTokenAlgorithms);
  }
  if (rules.response === "jwt") {
    // JARM section 4: what says nothing of it has none.
    const jarm = "authorization_signing_alg_values_supported";
    const offered = listed(jarm) ?? [];
    if (!configuration.authorizationResponseAlgorithms.some(alg => offered.includes(alg))) {
      findings.push(missing("jarm", jarm, configuration.authorizationResponseAlgorithms, offered, profile));
    }
    lacks("response-mode", "response_modes_supported", ["jwt", "query.jwt"]);
  } else if (document["authorization_response_iss_parameter_supported"] !== true) {
    findings.push(noIss(document, profile));
  }
  if (rules.signedRequest) lacks("request-object", "request_object_signing_alg_values_supported", rules.algorithms);
  if (requestDelivery === "par" && document["pushed_authorization_request_endpoint"] === undefined) {
    // Aliases may name one all the same.
    const aliases = document["mtls_endpoint_aliases"];
    const named = typeof aliases === "object" && aliases !== null && "pushed_authorization_request_endpoint" in aliases;
    if (!named) findings.push(missing("par", "pushed_authorization_request_endpoint", ["a URL"], [], profile));
  }
  if (requestDelivery === "by-value" && document["require_pushed_authorization_requests"] === true) {
    findings.push(mustPush());
  }
  return findings;
}

// RFC 8705 section 2.
const AUTHENTICATION = ["tls_client_auth", "self_signed_tls_client_auth"];

/** What the client can do without, or what may be right though it is not said. */
function wishes(document: Document, { contract }: Configuration): readonly Finding[] {
  const findings: Finding[] = [];
  if (document["tls_client_certificate_bound_access_tokens"] !== true) findings.push(unboundTokens());
  if (listOf(document["code_challenge_methods_supported"]) === undefined)
    findings.push(unsaid("code_challenge_methods_supported"));
  const { grantQuery, grantRevoke } = contract.scopes;
  if (document["grant_management_endpoint"] === undefined) {
    if (grantQuery !== null || grantRevoke !== null) findings.push(noGrantManagement("grant_management_endpoint"));
  } else {
    const offered = listOf(document["grant_management_actions_supported"]);
    const wanted = [
      ...(grantQuery === null ? [] : ["query"]),
      ...(grantRevoke === null ? [] : ["revoke"]),
      "create",
      "merge",
    ];
    const lacking = offered === undefined ? [] : wanted.filter(action => !offered.includes(action));
    if (lacking.length > 0)
      findings.push(noGrantManagement(`grant_management_actions_supported: ${lacking.join(", ")}`));
  }
  const grants = listOf(document["grant_types_supported"]);
  if (grants !== undefined && !grants.includes("refresh_token"))
    findings.push(unsaid("grant_types_supported: refresh_token"));
  const scopes = listOf(document["scopes_supported"]);
  const unknown = [...COMPANION_SCOPES, ...SCOPES]
    .flatMap(name => contract.scopes[name] ?? [])
    .filter(scope => scopes?.includes(scope) === false);
  if (unknown.length > 0) findings.push(unknownScopes(unknown, scopes ?? []));
  return findings;
}

function listOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}

/** What the bank writes is shown only where it looks like what it should be. */
function shown(values: readonly string[]): string {
  return (
    values
      .filter(value => /^[\w.:/+#-]{1,80}$/.test(value))
      .slice(0, 30)
      .join(", ") || "-"
  );
}

function missing(
  id: string,
  name: string,
  wanted: readonly string[],
  offered: readonly string[],
  profile: string,
): Finding {
  return problem(
    `discovery.${id}`,
    {
      en: `${name} has none of ${wanted.join(", ")}; it has: ${shown(offered)}`,
      ja: `${name} に ${wanted.join("・")} がありません(内容: ${shown(offered)})`,
    },
    { why: needs(profile), fix: ASK },
    name,
  );
}

function needs(profile: string): Bilingual {
  return { en: `${profile} needs it.`, ja: `${profile} に必要です。` };
}

const ASK: Bilingual = {
  en: "Check that profile and algorithms are those that the bank registered your client for; then ask the bank.",
  ja: "profile と algorithms が銀行の登録内容と合っているかを確認し、合っている場合は銀行に問い合わせてください。",
};

function noIss(document: Document, profile: string): Finding {
  const name = "authorization_response_iss_parameter_supported";
  const said = document[name] === undefined ? "-" : "false";
  return problem(
    "discovery.iss",
    { en: `${name}: ${said}`, ja: `${name}: ${said}` },
    {
      why: {
        en: `In ${profile} each response names its issuer (RFC 9207); the client refuses those that do not.`,
        ja: `${profile} では応答に iss が必要で(RFC 9207)、iss のない応答は拒否されます。`,
      },
      fix: ASK,
    },
    name,
  );
}

function mustPush(): Finding {
  const found = {
    en: "The bank takes pushed requests only, and requestDelivery is by-value",
    ja: "銀行は PAR のみを受け付けますが、requestDelivery が by-value です",
  };
  return problem("discovery.par", found, {
    why: { en: "It refuses a request in the URL.", ja: "URL で渡した認可リクエストは拒否されます。" },
    fix: {
      en: "Leave requestDelivery (MINNA_REQUEST_DELIVERY) out, or set it to par.",
      ja: "requestDelivery(MINNA_REQUEST_DELIVERY)を削除するか、par にしてください。",
    },
  });
}

function unboundTokens(): Finding {
  const found = {
    en: "tls_client_certificate_bound_access_tokens is not true",
    ja: "tls_client_certificate_bound_access_tokens が true ではありません",
  };
  return warning("discovery.bound-tokens", found, {
    why: {
      en: "FAPI binds tokens to the certificate; a stolen token could be used otherwise.",
      ja: "FAPI ではトークンを証明書に紐づけます。紐づかない場合、盗まれたトークンが悪用され得ます。",
    },
    fix: {
      en: "Ask the bank whether your client's tokens are bound.",
      ja: "トークンが証明書に紐づくか、銀行に確認してください。",
    },
  });
}

function unsaid(name: string): Finding {
  return warning(
    "discovery.unsaid",
    { en: `The metadata does not say ${name}`, ja: `メタデータに ${name} がありません` },
    {
      why: { en: "The client uses it all the same.", ja: "SDK は対応しているものとして動作します。" },
      fix: { en: "Ask the bank whether it is supported.", ja: "対応しているか、銀行に確認してください。" },
    },
    name,
  );
}

function noGrantManagement(what: string): Finding {
  return warning(
    "discovery.grant-management",
    { en: `The metadata has no ${what}`, ja: `メタデータに ${what} がありません` },
    {
      why: {
        en: "link.grant can't do all that it has.",
        ja: "link.grant(状態の確認・期限延長・解除)の一部が使えません。",
      },
      fix: {
        en: "If the bank has no such thing, set contract.scopes.grantQuery and grantRevoke to null.",
        ja: "銀行が対応していない場合は、contract.scopes.grantQuery と grantRevoke に null を設定してください。",
      },
    },
    what,
  );
}

function unknownScopes(unknown: readonly string[], offered: readonly string[]): Finding {
  return warning(
    "discovery.scopes",
    {
      en: `Not among scopes_supported: ${unknown.join(", ")}; it has: ${shown(offered)}`,
      ja: `scopes_supported にありません: ${unknown.join("、")}(内容: ${shown(offered)})`,
    },
    {
      why: {
        en: "A request with them may be refused (invalid_scope); a bank need not list all.",
        ja: "これらを含むリクエストは invalid_scope で拒否されることがあります(一覧に載らない場合もあります)。",
      },
      fix: {
        en: "Set contract.scopes to the strings of the bank's specification.",
        ja: "contract.scopes を銀行の仕様書の値に合わせてください。",
      },
    },
  );
}
