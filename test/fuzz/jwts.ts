/** JWTs, right ones and wrong ones, and what is right about one: told without the library that the source uses. */
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import fc from "fast-check";
import type { JSONWebKeySet, JWK } from "jose";
import { CLIENT_ID, ISSUER } from "../support/options.js";
import { parsed } from "./answers.js";
import { changed } from "./json.js";

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const ec: Pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed: Pair = generateKeyPairSync("ed25519");
const rsa: Pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const stranger: Pair = generateKeyPairSync("ec", { namedCurve: "P-256" });

function published(key: KeyObject, more: Readonly<Record<string, string>>): JWK {
  return { ...(key.export({ format: "jwk" }) as JWK), ...more };
}

/** What the bank publishes. Its RSA key says nothing of an algorithm, so that RS256 fits it too. */
export const JWKS: JSONWebKeySet = {
  keys: [
    published(ec.publicKey, { kid: "ec-1", alg: "ES256", use: "sig" }),
    published(ed.publicKey, { kid: "ed-1", use: "sig" }),
    published(rsa.publicKey, { kid: "rsa-1" }),
  ],
};

export type SignedBy = "ES256" | "EdDSA" | "PS256" | "RS256" | "HS256" | "stranger" | "nobody";

/** Signs `header.payload`, however either of them reads. */
export function signAs(who: SignedBy, input: string): Buffer {
  const bytes = Buffer.from(input);
  switch (who) {
    case "ES256":
      return sign("sha256", bytes, { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
    case "stranger":
      return sign("sha256", bytes, { key: stranger.privateKey, dsaEncoding: "ieee-p1363" });
    case "EdDSA":
      return sign(null, bytes, ed.privateKey);
    case "RS256":
      return sign("sha256", bytes, rsa.privateKey);
    case "PS256":
      return sign("sha256", bytes, {
        key: rsa.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
    case "HS256":
      // With the public key as the secret: the classic confusion.
      return createHmac("sha256", ec.publicKey.export({ type: "spki", format: "pem" }))
        .update(bytes)
        .digest();
    case "nobody":
      return Buffer.alloc(0);
  }
}

export const HEADERS: Readonly<Record<SignedBy, Readonly<Record<string, unknown>>>> = {
  ES256: { alg: "ES256", kid: "ec-1" },
  EdDSA: { alg: "EdDSA", kid: "ed-1" },
  PS256: { alg: "PS256", kid: "rsa-1" },
  RS256: { alg: "RS256", kid: "rsa-1" },
  HS256: { alg: "HS256", kid: "ec-1" },
  stranger: { alg: "ES256", kid: "ec-1" },
  nobody: { alg: "none" },
};

/** RSA signs slowly: seldom. */
export const signedBy: fc.Arbitrary<SignedBy> = fc.oneof(
  { weight: 10, arbitrary: fc.constant("ES256" as const) },
  { weight: 4, arbitrary: fc.constant("EdDSA" as const) },
  { weight: 1, arbitrary: fc.constantFrom<SignedBy>("PS256", "RS256", "HS256", "stranger", "stranger", "nobody") },
);

const strangersKey = published(stranger.publicKey, { kid: "ec-1" });
const RISKY: readonly Readonly<Record<string, unknown>>[] = [
  { alg: "none" },
  { alg: "None" },
  { alg: "RS256" },
  { alg: "HS256" },
  { alg: "ES384" },
  { alg: "Ed25519" },
  { alg: ["ES256"] },
  { alg: "" },
  { kid: "rsa-1" },
  { kid: "unknown" },
  { kid: 1 },
  { kid: null },
  { kid: undefined },
  { kid: "../../etc/passwd" },
  { crit: ["b64"], b64: false },
  { crit: ["b64"], b64: true },
  { b64: false },
  { crit: [] },
  { crit: ["exp"] },
  { crit: ["alg"] },
  { crit: "b64" },
  { crit: ["urn:example:unknown"], "urn:example:unknown": true },
  { jku: "https://attacker.example/jwks", alg: "ES256" },
  { x5u: "https://attacker.example/chain.pem" },
  { x5c: ["MIIB"] },
  { jwk: strangersKey },
  { zip: "DEF" },
  { cty: "JWT" },
  { typ: "at+jwt" },
  { typ: { a: 1 } },
  { enc: "A256GCM" },
  { p2c: 1e9 },
];

function header(who: SignedBy): fc.Arbitrary<string> {
  const usual = HEADERS[who];
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(JSON.stringify(usual)) },
    { weight: 3, arbitrary: fc.constantFrom(...RISKY).map(risky => JSON.stringify({ ...usual, ...risky })) },
    { weight: 2, arbitrary: changed(usual) },
  );
}

/** Spoils what is signed. */
type Damage =
  | { readonly kind: "none" }
  | { readonly kind: "flip"; readonly part: number; readonly at: number; readonly bit: number }
  | { readonly kind: "swap" | "drop" | "repeat" | "empty"; readonly part: number }
  | { readonly kind: "letter"; readonly at: number; readonly letter: string }
  | { readonly kind: "truncate"; readonly at: number }
  | { readonly kind: "append" | "prepend"; readonly text: string };

const part = fc.nat(2);
const at = fc.nat(2_000);
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Damage>({ kind: "none" }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flip" as const), part, at, bit: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("swap", "drop", "repeat", "empty"), part }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("letter" as const),
      at,
      letter: fc.oneof(fc.constantFrom(..."AZaz09-_+/=. \n."), fc.string({ unit: "binary", maxLength: 2 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("truncate" as const), at }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("append" as const, "prepend" as const),
      text: fc.constantFrom(".", "..", "=", "==", " ", "\n", ".A.A", ".e30", "A", "\u0000", ".~.~"),
    }),
  },
);

function spoil(token: string, one: Damage): string {
  const parts = token.split(".");
  switch (one.kind) {
    case "none":
      return token;
    case "flip": {
      const bytes = Buffer.from(parts[one.part] ?? "", "base64url");
      if (bytes.length === 0) return token;
      const place = one.at % bytes.length;
      bytes[place] = (bytes[place] ?? 0) ^ (1 << one.bit);
      parts[one.part] = bytes.toString("base64url");
      return parts.join(".");
    }
    case "swap": {
      const other = (one.part + 1) % 3;
      [parts[one.part], parts[other]] = [parts[other] ?? "", parts[one.part] ?? ""];
      return parts.join(".");
    }
    case "drop":
      return parts.filter((_, index) => index !== one.part).join(".");
    case "repeat":
      parts.splice(one.part, 0, parts[one.part] ?? "", parts[one.part] ?? "");
      return parts.join(".");
    case "empty":
      parts[one.part] = "";
      return parts.join(".");
    case "letter": {
      const place = one.at % token.length;
      return token.slice(0, place) + one.letter + token.slice(place + 1);
    }
    case "truncate":
      return token.slice(0, one.at % token.length);
    case "append":
      return token + one.text;
    case "prepend":
      return one.text + token;
  }
}

/** JWTs around valid ones: signed by many, with claims and headers changed before, and bytes after. */
export function jwts(claims: Readonly<Record<string, unknown>>): fc.Arbitrary<string> {
  const payload = fc.oneof(
    { weight: 5, arbitrary: fc.constant(JSON.stringify(claims)) },
    { weight: 4, arbitrary: changed(claims) },
    { weight: 4, arbitrary: fc.array(otherClaim, { minLength: 1, maxLength: 2 }).map(more => swapped(claims, more)) },
  );
  return signedBy
    .chain(who => fc.record({ who: fc.constant(who), header: header(who), payload, damage }))
    .map(({ who, header: head, payload: body, damage: done }) => {
      const input = `${encode(head)}.${encode(body)}`;
      return spoil(`${input}.${signAs(who, input).toString("base64url")}`, done);
    });
}

export function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}

const now = Math.floor(Date.now() / 1000);
/** Time goes on while a run lasts: what is close to the tolerance would be one thing now and another then. */
const times = fc.constantFrom<unknown>(0, now - 7_200, now + 86_400, now + 1e9, 1e15, -1, `${now + 86_400}`, null, [
  now,
]);
const parties = fc.constantFrom<unknown>(
  ISSUER,
  CLIENT_ID,
  `${ISSUER}/`,
  ISSUER.toUpperCase(),
  [ISSUER],
  [CLIENT_ID],
  [CLIENT_ID, "other"],
  ["other"],
  [[CLIENT_ID]],
  { [CLIENT_ID]: true },
  `${CLIENT_ID} `,
  "",
  null,
  undefined,
);
const claimValues = {
  iss: parties,
  aud: fc.oneof(parties, fc.constantFrom<unknown>([CLIENT_ID, "other"], ["other", CLIENT_ID], [CLIENT_ID, CLIENT_ID])),
  azp: parties,
  exp: times,
  nbf: times,
  iat: times,
  sub: parties,
  nonce: fc.constantFrom<unknown>("another", null, ["the-nonce"], undefined),
  state: fc.constantFrom<unknown>("another", null, ["the-state"], undefined),
  code: fc.constantFrom<unknown>("another code", "", "ｺｰﾄﾞ", 1, null, "a\nb", undefined),
  error: fc.constantFrom<unknown>("access_denied", "", 1, "x".repeat(300), undefined),
  at_hash: fc.constantFrom<unknown>("wrong", "", null, 1, undefined),
};

const otherClaim = fc.oneof(
  ...Object.entries(claimValues).map(([name, values]) => values.map(value => ({ [name]: value }))),
);

/** A claim or two changed. */
function swapped(
  claims: Readonly<Record<string, unknown>>,
  more: readonly Readonly<Record<string, unknown>>[],
): string {
  return JSON.stringify(Object.assign({}, claims, ...more));
}

const VERIFIERS: Readonly<Record<string, (bytes: Buffer, signature: Buffer) => boolean>> = {
  ES256: (bytes, signature) => verify("sha256", bytes, { key: ec.publicKey, dsaEncoding: "ieee-p1363" }, signature),
  EdDSA: (bytes, signature) => verify(null, bytes, ed.publicKey, signature),
  PS256: (bytes, signature) =>
    verify(
      "sha256",
      bytes,
      { key: rsa.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
      signature,
    ),
};

/** What a JWT says, if every one of its bytes is signed by the bank and it says so for this client, now. */
export function trusted(
  token: string,
  algorithms: readonly string[],
  mustExpire = true,
): Readonly<Record<string, unknown>> | undefined {
  const parts = token.split(".");
  const [head = "", body = "", signature = ""] = parts;
  // Every byte that is signed counts. The signature itself may be spelled in more than one way (RFC 4648 section 3.5).
  if (parts.length !== 3 || !/^[\w-]*$/.test(head + body)) return undefined;
  const protectedHeader = parsed(Buffer.from(head, "base64url").toString()) as Record<string, unknown> | null;
  const { alg, crit, b64 } = protectedHeader ?? {};
  if (typeof alg !== "string" || !algorithms.includes(alg) || !Object.hasOwn(VERIFIERS, alg)) return undefined;
  // RFC 7797 section 6: b64 means nothing outside of crit. Nothing else that could stand there is understood.
  if (crit !== undefined && !(JSON.stringify(crit) === '["b64"]' && b64 === true)) return undefined;
  if (VERIFIERS[alg]?.(Buffer.from(`${head}.${body}`), Buffer.from(signature, "base64url")) !== true) return undefined;
  const claims = parsed(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;
  const { iss, aud, exp, nbf, iat } = claims;
  const seconds = Date.now() / 1000;
  if (iss !== ISSUER || !(aud === CLIENT_ID || (Array.isArray(aud) && aud.includes(CLIENT_ID)))) return undefined;
  if ((mustExpire || exp !== undefined) && !(typeof exp === "number" && exp > seconds - 31)) return undefined;
  if (nbf !== undefined && !(typeof nbf === "number" && nbf <= seconds + 31)) return undefined;
  if (iat !== undefined && typeof iat !== "number") return undefined;
  return claims;
}
