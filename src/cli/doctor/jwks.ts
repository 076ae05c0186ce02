/**
 * The keys that the bank publishes, to verify with what it signs.
 *
 * @module
 */
import { createPublicKey, type JsonWebKey } from "node:crypto";
import { LARGEST_JWKS } from "../../authorization/server.js";
import type { Configuration } from "../../config/configuration.js";
import type { SigningAlgorithm } from "../../config/profile.js";
import type { Bilingual } from "../language.js";
import { type Check, check } from "./check.js";
import { codeOf, fetchDocument, objectIn, shownOf } from "./document.js";
import { type Finding, ok, problem, warning } from "./finding.js";

export const jwks: Check = check({
  id: "jwks",
  title: { en: "The bank's keys", ja: "銀行の公開鍵(JWKS)" },
  needs: ["configuration", "metadata", "trusted"],
  network: true,
  run: async ({ configuration, metadata, trusted }, { timeout }) => {
    const { jwksUri } = metadata;
    if (jwksUri === undefined) {
      return { findings: [ok("jwks.document", { en: "None, and none needed", ja: "なし(このプロファイルでは不要)" })] };
    }
    try {
      const fetched = await fetchDocument(jwksUri, trusted, timeout);
      const document = fetched.status === 200 ? objectIn(fetched) : undefined;
      const size = Buffer.byteLength(fetched.body);
      if (size > LARGEST_JWKS) return { findings: [unusable(`${size} bytes`, jwksUri)] };
      const list = document?.["keys"];
      if (!Array.isArray(list)) return { findings: [unusable(shownOf(fetched), jwksUri)] };
      return { findings: examineKeys(list, configuration) };
    } catch (error) {
      return { findings: [unusable(codeOf(error), jwksUri)] };
    }
  },
});

function unusable(why: string, uri: string): Finding {
  return problem(
    "jwks.document",
    { en: `It is no usable JWKS (${why})`, ja: `JWKS として使用できません(${why})` },
    {
      why: NO_SIGNATURE,
      fix: {
        en: "Look what is there; a page in HTML is often maintenance. Tell the bank if it stays so.",
        ja: "内容を確認してください。HTML の場合はメンテナンス中のことがよくあります。続く場合は銀行に連絡してください。",
      },
      command: `curl -sS ${uri}`,
    },
    uri,
  );
}

const NO_SIGNATURE: Bilingual = {
  en: "Without keys nothing that the bank signs can be verified: every link fails.",
  ja: "鍵がないと銀行の署名を検証できず、口座連携がすべて失敗します。",
};
const TELL: Bilingual = { en: "Tell the bank.", ja: "銀行に連絡してください。" };

type Key = Readonly<Record<string, unknown>>;

const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "k"];
const NEEDS = {
  PS256: { kty: "RSA", crv: undefined },
  ES256: { kty: "EC", crv: "P-256" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
} as const;

export function examineKeys(given: readonly unknown[], configuration: Configuration): readonly Finding[] {
  const all = given.filter((key): key is Key => typeof key === "object" && key !== null);
  if (all.length === 0) {
    const found = { en: "The JWKS is empty", ja: "JWKS に鍵がありません" };
    return [problem("jwks.empty", found, { why: NO_SIGNATURE, fix: TELL })];
  }
  const findings = [...published(all), ...weak(all), ...sharedIds(all), ...unfit(all, configuration)];
  if (findings.length > 0) return findings;
  const list = all.map(key => `${nameOf(key)} (${kindOf(key)})`).join(", ");
  return [ok("jwks.keys", { en: `${all.length} keys: ${list}`, ja: `鍵 ${all.length} 個: ${list}` })];
}

function nameOf(key: Key): string {
  const kid = key["kid"];
  return typeof kid === "string" && /^[\x21-\x7e]{1,100}$/.test(kid) ? kid : "-";
}

function kindOf({ alg, kty }: Key): string {
  return /^[\w-]{1,20}$/.exec(String(alg ?? kty))?.join() ?? "-";
}

function published(keys: readonly Key[]): readonly Finding[] {
  const open = keys.filter(key => PRIVATE.some(part => part in key));
  return open.map(key =>
    problem(
      "jwks.private",
      { en: "The bank publishes the private half of this key", ja: "銀行がこの鍵の秘密鍵部分を公開しています" },
      {
        why: { en: "Anybody can sign in the bank's name.", ja: "誰でも銀行になりすまして署名できます。" },
        fix: {
          en: "Tell the bank at once, and link no accounts until it has other keys.",
          ja: "直ちに銀行へ連絡し、鍵が交換されるまで口座連携を止めてください。",
        },
      },
      nameOf(key),
    ),
  );
}

function weak(keys: readonly Key[]): readonly Finding[] {
  return keys.filter(isWeak).map(key => {
    const shown = bitsOf(key) ?? "-";
    return warning(
      "jwks.weak-key",
      { en: `An RSA key of ${shown} bits`, ja: `RSA 鍵が ${shown} ビットです` },
      {
        why: {
          en: "FAPI asks for 2048: what is signed with this key is refused.",
          ja: "FAPI では 2048 ビット以上が必要で、この鍵による署名は拒否されます。",
        },
        fix: TELL,
      },
      nameOf(key),
    );
  });
}

function isWeak(key: Key): boolean {
  return key["kty"] === "RSA" && (bitsOf(key) ?? 0) < 2048;
}

function bitsOf({ kty, n, e }: Key): number | undefined {
  try {
    return createPublicKey({ key: { kty, n, e } as JsonWebKey, format: "jwk" }).asymmetricKeyDetails?.modulusLength;
  } catch {
    return undefined;
  }
}

function sharedIds(keys: readonly Key[]): readonly Finding[] {
  const ids = keys.map(nameOf);
  const shared = [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
  return shared.map(id =>
    warning(
      "jwks.kid",
      id === "-"
        ? { en: "Several keys have no kid", ja: "kid のない鍵が複数あります" }
        : { en: "Several keys have this kid", ja: "同じ kid の鍵が複数あります" },
      {
        why: {
          en: "The client tries each; others may fail.",
          ja: "SDK は順に試しますが、他のソフトウェアでは失敗することがあります。",
        },
        fix: TELL,
      },
      id,
    ),
  );
}

function fits(key: Key, alg: SigningAlgorithm): boolean {
  const { kty, crv } = NEEDS[alg];
  const names = alg === "EdDSA" ? ["EdDSA", "Ed25519"] : [alg];
  const named = key["alg"] === undefined || names.includes(String(key["alg"]));
  const shaped = key["kty"] === kty && (crv === undefined || key["crv"] === crv) && !isWeak(key);
  return shaped && named && key["use"] !== "enc";
}

/** No key for what is signed for this client. Which of the algorithms that is, the metadata does not say. */
function unfit(keys: readonly Key[], configuration: Configuration): readonly Finding[] {
  const { contract, rules, idTokenAlgorithms, authorizationResponseAlgorithms } = configuration;
  const expected = new Map([
    ...(contract.scopes.openid === null ? [] : [["id_token", idTokenAlgorithms] as const]),
    ...(rules.response === "jwt" ? [["JARM", authorizationResponseAlgorithms] as const] : []),
  ]);
  return [...expected].flatMap(([what, algorithms]) => {
    if (keys.some(key => algorithms.some(alg => fits(key, alg)))) return [];
    const list = algorithms.join(", ");
    const found = { en: `No key for ${list} (${what})`, ja: `${list} 用の鍵がありません(${what})` };
    const fix = {
      en: "Compare `algorithms` with what the bank registered for your client; then tell the bank.",
      ja: "algorithms を銀行の登録内容と照合し、合っている場合は銀行に連絡してください。",
    };
    return [problem("jwks.algorithm", found, { why: NO_SIGNATURE, fix }, what)];
  });
}
