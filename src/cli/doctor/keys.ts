/**
 * The client's own keys: those that sign its requests, and those that open what the bank encrypts.
 *
 * @module
 */
import { constants, createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import type { Decryptor } from "../../config/decryption.js";
import type { SigningAlgorithm } from "../../config/profile.js";
import { checkKids } from "../../config/signers.js";
import type { Signer } from "../../config/signing.js";
import { checked, type Source } from "../../config/source.js";
import { ConfigurationError, MinnaError } from "../../errors.js";
import { examinePermissions } from "./certificate-files.js";
import { type Check, check } from "./check.js";
import { within } from "./connection.js";
import { type Finding, ok, problem, same, warning } from "./finding.js";
import { foundInJapanese } from "./option-words.js";

export const keys: Check = check({
  id: "keys",
  title: { en: "Own keys", ja: "自社の鍵" },
  needs: ["configuration"],
  run: async ({ configuration }, { environment, content, timeout }) => {
    const findings: Finding[] = [];
    const signers = await load(configuration.signing, timeout, findings);
    const decryptor = await load(configuration.decryption, timeout, findings);
    for (const signer of signers ?? []) findings.push(await examineSigner(signer, timeout));
    findings.push(...(await examineDecryption(decryptor)));
    findings.push(...sharedIds(signers ?? [], decryptor));
    if (content.kind === "environment") {
      for (const name of ["MINNA_SIGNING_FILE", "MINNA_DECRYPTION_FILE"]) {
        const path = environment[name];
        // That a file can't be read has been said.
        if (path) findings.push(...(await examinePermissions(path, "keys.permissions").catch(() => [])));
      }
    }
    if (findings.length === 0) {
      const found = {
        en: "This profile signs nothing: no keys are needed",
        ja: "このプロファイルでは署名しないため、鍵は不要です",
      };
      findings.push(ok("keys.signing", found));
    }
    return { findings };
  },
});

/** The value as the client would come by it. */
async function load<T>(source: Source<T>, timeout: number, findings: Finding[]): Promise<T | undefined> {
  if (source.given !== undefined) return source.given;
  try {
    return await within(timeout, source.loader?.load(undefined, true) ?? Promise.resolve(undefined));
  } catch (error) {
    const problems = error instanceof ConfigurationError ? error.problems : [];
    const list =
      problems.length > 0 ? problems : [{ option: source.option, expected: "keys", found: "nothing in time" }];
    findings.push(
      ...list.map(({ option, expected, found }) =>
        problem(
          `keys.${source.option}`,
          { en: `${option}: expected ${expected}; found ${found}`, ja: `${option}: ${foundInJapanese(found)}` },
          {
            why: {
              en: source.option === "signing" ? "No request can be signed." : "What the bank encrypts can't be read.",
              ja:
                source.option === "signing"
                  ? "認可リクエストに署名できません。"
                  : "銀行が暗号化した応答を復号できません。",
            },
            fix: { en: `Set ${option} to ${expected}.`, ja: `${option} を修正してください(${expected})。` },
          },
          option,
        ),
      ),
    );
    return undefined;
  }
}

/** Has it sign something of no meaning: a KMS that refuses shows here, and not when the first customer comes. */
export async function examineSigner(signer: Signer, timeout: number): Promise<Finding> {
  const { alg, kid, publicJwk } = signer;
  const bytes = Buffer.from(`minna-baas doctor ${Date.now()}`);
  try {
    const signature = await within(timeout, signer.sign(bytes));
    if (publicJwk !== undefined && !verifies(alg, bytes, signature, publicJwk)) {
      return cantSign(kid, { en: "Its signature does not fit its public key", ja: "署名が公開鍵で検証できません" });
    }
  } catch (error) {
    // Ours say nothing secret.
    const reason = error instanceof MinnaError ? error.message : "It did not answer in time.";
    return cantSign(kid, { en: reason, ja: `署名に失敗しました(${reason})` });
  }
  if (publicJwk !== undefined) {
    const thumbprint = await calculateJwkThumbprint(publicJwk);
    const shown = `${alg} kid=${kid} (RFC 7638 ${thumbprint})`;
    return ok("keys.signing", { en: `Signs with ${shown}`, ja: `署名鍵 ${shown}` }, kid);
  }
  return warning(
    "keys.signing",
    {
      en: `${alg} kid=${kid} signs, and its public key is not known`,
      ja: `${alg} kid=${kid} で署名できますが、公開鍵が不明です`,
    },
    {
      why: {
        en: "Whether the signature is right can't be told here, and publicJwks() has no key for the bank.",
        ja: "署名の正しさを確認できず、publicJwks() で銀行に渡す公開鍵も出力できません。",
      },
      fix: { en: "Give signing.publicKey, the public JWK.", ja: "signing.publicKey に公開鍵(JWK)を指定してください。" },
    },
    kid,
  );
}

function cantSign(kid: string, found: { en: string; ja: string }): Finding {
  return problem(
    "keys.signing",
    found,
    {
      why: {
        en: "The bank refuses the request (invalid_request_object).",
        ja: "認可リクエストが銀行に拒否されます(invalid_request_object)。",
      },
      fix: {
        en: "Put the signer through signerContract() of minna-baas/testing, and look at the log of the KMS or HSM.",
        ja: "minna-baas/testing の signerContract() で署名器を検証し、KMS・HSM のログを確認してください。",
      },
    },
    kid,
  );
}

function verifies(alg: SigningAlgorithm, bytes: Buffer, signature: Uint8Array, jwk: object): boolean {
  const key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
  switch (alg) {
    case "PS256":
      return verify("sha256", bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    case "ES256":
      return verify("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }, signature);
    case "EdDSA":
      return verify(null, bytes, key, signature);
  }
}

async function examineDecryption(decryptor: Decryptor | undefined): Promise<readonly Finding[]> {
  const list = [...(decryptor?.keys ?? [])];
  return list.map(([kid, { alg }]) => ok("keys.decryption", same(`${alg} kid=${kid}`), kid));
}

function sharedIds(signers: readonly Signer[], decryptor: Decryptor | undefined): readonly Finding[] {
  try {
    checked(problems => checkKids(signers, decryptor?.keys.keys() ?? [], problems));
    return [];
  } catch {
    const found = { en: "A signing key and a decryption key have one kid", ja: "署名鍵と復号鍵の kid が同じです" };
    const why = { en: "The bank can't tell them apart.", ja: "銀行側で鍵を区別できません。" };
    const fix = {
      en: "Give one of them another kid, here and in the JWKS that the bank has.",
      ja: "一方の kid を変更し、銀行に登録した JWKS にも反映してください。",
    };
    return [problem("keys.kid", found, { why, fix })];
  }
}
