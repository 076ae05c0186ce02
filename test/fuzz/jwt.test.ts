import { createHash } from "node:crypto";
import fc from "fast-check";
import { CompactEncrypt, compactDecrypt, generateKeyPair } from "jose";
import { expect } from "vitest";
import { verifyIdToken } from "../../src/authorization/id-token.js";
import { readCallback, verifyResponse } from "../../src/authorization/response.js";
import { type MinnaError, ValidationError } from "../../src/errors.js";
import { aCall } from "../support/calls.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { stubBank } from "../support/stub-bank.js";
import { memberOf, parsed } from "./answers.js";
import { accepted, outcomeOf, reportInputs, tallies } from "./fuzz.js";
import { encode, HEADERS, JWKS, jwts, signAs, trusted } from "./jwts.js";

reportInputs("test/fuzz/jwt.test.ts");

const STATE = "the-state";
const NONCE = "the-nonce";
const ACCESS_TOKEN = "CANARY-access-token";
const exp = Math.floor(Date.now() / 1000) + 86_400;
const JARM = { iss: ISSUER, aud: CLIENT_ID, exp, state: STATE, code: "CANARY-code" };
const ID_TOKEN = {
  iss: ISSUER,
  aud: CLIENT_ID,
  sub: "customer-1",
  exp,
  iat: exp - 86_400,
  nonce: NONCE,
  azp: CLIENT_ID,
  at_hash: createHash("sha256").update(ACCESS_TOKEN).digest().subarray(0, 16).toString("base64url"),
};

const settings = configuration("fapi2-message-signing");
const { algorithms } = settings.rules;
const context = { configuration: settings, server: stubBank(settings, JWKS).server, call: aCall() };

/** A refusal names the check it comes from, and shows nothing of what was refused. */
function expectCheck(error: MinnaError): void {
  expect(error).toBeInstanceOf(ValidationError);
  expect((error as ValidationError).check).toMatch(/^[a-z_]+$/);
  expect(error.message).not.toMatch(/CANARY|eyJ/);
}

/** Whether a response may be believed, and what it is. */
function expectTrustworthy(token: string, response: unknown): void {
  const claims = trusted(token, algorithms);
  expect(claims).toBeDefined();
  expect(claims?.["state"]).toBe(STATE);
  if (typeof response === "object" && response !== null && "code" in response) {
    expect(response.code).toBe(claims?.["code"]);
    expect(response.code).toMatch(/^[\x20-\x7e]+$/);
    expect(typeof claims?.["error"]).not.toBe("string");
  } else {
    expect(typeof claims?.["error"]).toBe("string");
  }
}

tallies(
  "JARM: nothing is believed but what the bank signed for this client and this request",
  12,
  jwts(JARM),
  async token => {
    const callback = new URLSearchParams({ response: token });
    const outcome = await outcomeOf(() => verifyResponse(readCallback(callback), STATE, context));
    if ("error" in outcome) {
      expectCheck(outcome.error);
      return false;
    }
    expectTrustworthy(token, outcome.value);
    return true;
  },
);

tallies(
  "ID Token: nothing is believed but what the bank signed for this client and this request",
  12,
  jwts(ID_TOKEN),
  async token => {
    const expected = { accessToken: ACCESS_TOKEN, nonce: NONCE, subject: { iss: ISSUER, sub: "customer-1" } };
    const outcome = await outcomeOf(() => verifyIdToken(token, expected, context));
    if ("error" in outcome) {
      expectCheck(outcome.error);
      return false;
    }
    const claims = trusted(token, algorithms);
    expect(claims).toMatchObject({ sub: "customer-1", nonce: NONCE, iat: expect.any(Number) });
    expect([undefined, CLIENT_ID]).toContain(claims?.["azp"]);
    expect([CLIENT_ID, JSON.stringify([CLIENT_ID])]).toContain(
      Array.isArray(claims?.["aud"]) ? JSON.stringify(claims["aud"]) : claims?.["aud"],
    );
    if (claims?.["at_hash"] !== undefined) expect(claims["at_hash"]).toBe(atHash(token));
    return true;
  },
);

/** OIDC Core 3.1.3.6, with the hash of the algorithm in the header. */
function atHash(token: string): string {
  const alg = memberOf(parsed(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()), "alg");
  const digest = createHash(alg === "EdDSA" ? "sha512" : "sha256")
    .update(ACCESS_TOKEN)
    .digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
}

const recipient = await generateKeyPair("ECDH-ES", { crv: "P-256", extractable: true });
const other = await generateKeyPair("ECDH-ES", { crv: "P-256", extractable: true });
const encrypting = configuration("fapi2-message-signing", {
  decryption: { keys: [{ key: recipient.privateKey, alg: "ECDH-ES", kid: "enc-1" }] },
});
const encrypted = { configuration: encrypting, server: stubBank(encrypting, JWKS).server, call: aCall() };

async function encryptFor(key: typeof recipient.publicKey, text: string, header: object = {}): Promise<string> {
  const protectedHeader = { alg: "ECDH-ES", enc: "A256GCM", cty: "JWT", kid: "enc-1", ...header };
  return new CompactEncrypt(Buffer.from(text)).setProtectedHeader(protectedHeader).encrypt(key);
}

const signed = (() => {
  const input = `${encode(JSON.stringify(HEADERS.ES256))}.${encode(JSON.stringify(JARM))}`;
  return `${input}.${signAs("ES256", input).toString("base64url")}`;
})();
const envelopes = await Promise.all([
  encryptFor(recipient.publicKey, signed),
  encryptFor(recipient.publicKey, signed, { enc: "A128GCM" }),
  encryptFor(recipient.publicKey, signed, { alg: "ECDH-ES+A256KW" }),
  encryptFor(recipient.publicKey, "not a JWT"),
  encryptFor(recipient.publicKey, ""),
  encryptFor(other.publicKey, signed),
]);

const spoiledEnvelope = fc
  .record({
    envelope: fc.constantFrom(...envelopes, ...Array.from({ length: 6 }, () => envelopes[0] ?? "")),
    part: fc.nat(4),
    at: fc.nat(1_000),
    bit: fc.nat(7),
    how: fc.constantFrom("flip", "empty", "header", "none", "none", "fewer", "more"),
    header: fc.constantFrom<object>(
      { alg: "RSA1_5" },
      { alg: "dir" },
      { alg: "none" },
      { alg: ["ECDH-ES"] },
      { alg: "PBES2-HS256+A128KW", p2s: "AAAAAAAAAAA", p2c: 2_000_000_000 },
      { enc: "none" },
      { zip: "DEF" },
      { kid: "unknown" },
      { kid: null },
      { epk: { kty: "EC", crv: "P-256", x: "AA", y: "AA" } },
      { epk: null },
      { crit: ["exp"] },
      { apu: 1 },
    ),
  })
  .map(({ envelope, part, at, bit, how, header }) => {
    const parts = envelope.split(".");
    const bytes = Buffer.from(parts[part] ?? "", "base64url");
    if (how === "flip" && bytes.length > 0) {
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
      parts[part] = bytes.toString("base64url");
    }
    if (how === "empty") parts[part] = "";
    if (how === "header") {
      const before = JSON.parse(Buffer.from(parts[0] ?? "", "base64url").toString());
      parts[0] = encode(JSON.stringify({ ...before, ...header }));
    }
    if (how === "fewer") parts.splice(part, 1);
    if (how === "more") parts.push(parts[part] ?? "");
    return parts.join(".");
  });

const nested = jwts(JARM);

tallies(
  "encrypted JARM: nothing is believed but what opens with the registered key and is signed by the bank",
  4,
  fc.oneof(
    { weight: 6, arbitrary: spoiledEnvelope },
    { weight: 2, arbitrary: nested.map(token => ({ token })) },
    {
      weight: 1,
      arbitrary: nested,
    },
  ),
  async input => {
    const token = typeof input === "string" ? input : await encryptFor(recipient.publicKey, input.token);
    const outcome = await outcomeOf(() => verifyResponse(new Map([["response", token]]), STATE, encrypted));
    if ("error" in outcome) {
      expectCheck(outcome.error);
      return false;
    }
    expect(token.split(".")).toHaveLength(5);
    const opened = await accepted(async () => compactDecrypt(token, recipient.privateKey));
    expectTrustworthy(Buffer.from(opened?.plaintext ?? "").toString(), outcome.value);
    return true;
  },
);

tallies(
  "where encryption was not registered, none is accepted",
  2,
  fc.oneof(spoiledEnvelope, jwts(JARM)),
  async token => {
    const outcome = await outcomeOf(() => verifyResponse(new Map([["response", token]]), STATE, context));
    if ("error" in outcome) {
      expectCheck(outcome.error);
      return false;
    }
    expect(token.split(".")).toHaveLength(3);
    return true;
  },
);
