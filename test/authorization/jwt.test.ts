import { constants, createCipheriv, createHmac, generateKeyPairSync, publicEncrypt, sign } from "node:crypto";
import { CompactEncrypt, createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type ExpectedJwt, type VerifiedJwt, verifyJwt } from "../../src/authorization/jwt.js";
import { TransportError, ValidationError } from "../../src/errors.js";
import { type BankKey, bankKey, jwksOf, seconds, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall, INTERACTION_ID, shortCall } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { contextWithKeys } from "../support/stub-bank.js";

const settings = configuration("fapi2-security");
const UNKNOWN = "urn:example:unknown";
const ELSEWHERE = "https://attacker.example/keys";
const EXPECTED: ExpectedJwt = {
  name: "test token",
  issuer: ISSUER,
  audience: CLIENT_ID,
  algorithms: ["PS256", "ES256", "EdDSA"],
  claims: ["iss", "aud", "exp"],
};

let ps256: BankKey;
let es256: BankKey;
let eddsa: BankKey;
let rs256: BankKey;
let stranger: BankKey;
let keys: JWTVerifyGetKey;

beforeAll(async () => {
  [ps256, rs256] = await Promise.all([bankKey("PS256"), bankKey("RS256")]);
  [es256, eddsa] = await Promise.all([bankKey("ES256"), bankKey("EdDSA")]);
  stranger = { ...(await bankKey("ES256")), kid: es256.kid };
  keys = createLocalJWKSet(jwksOf(ps256, es256, eddsa, rs256));
});

afterEach(() => {
  vi.useRealTimers();
});

async function verify(token: string, expected: Partial<ExpectedJwt> = {}, from = keys): Promise<VerifiedJwt> {
  return verifyJwt(token, { ...EXPECTED, ...expected }, contextWithKeys(from, settings, aCall()));
}

/** What a JWT is refused for. */
async function refused(token: string, expected: Partial<ExpectedJwt> = {}, from = keys): Promise<ValidationError> {
  return rejection(verify(token, expected, from), ValidationError);
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

/** What is signed of a JWT with this header. */
function unsigned(header: object): string {
  return `${encode(header)}.${encode({ iss: ISSUER, aud: CLIENT_ID, exp: seconds() + 60 })}`;
}

describe("a JWT", () => {
  test.each(["PS256", "ES256", "EdDSA"] as const)("signed with %s is accepted, and returned", async alg => {
    const key = { PS256: ps256, ES256: es256, EdDSA: eddsa }[alg];
    expect(await verify(await signJwt(key, { code: "c-1" }))).toMatchObject({ alg, claims: { code: "c-1" } });
  });

  test.each<[string, () => Promise<string> | string, string]>([
    ["that nobody signed", () => unsignedJwt(), "alg"],
    ["signed with RS256, though its key is published,", () => signJwt(rs256), "alg"],
    ["signed with another algorithm than its key's", () => signJwt(ps256, {}, { kid: es256.kid }), "key"],
    ["signed by somebody else under the bank's kid", () => signJwt(stranger), "signature"],
    ["signed with a key that the bank does not publish", () => signJwt({ ...es256, kid: "unheard-of" }), "key"],
    ["that asks for an extension nobody knows", () => signJwt(es256, {}, { crit: [UNKNOWN], [UNKNOWN]: 1 }), "alg"],
    ["whose key is in its header", () => signJwt(stranger, {}, { jwk: stranger.publicJwk }), "signature"],
    ["whose key is at a URL", () => signJwt(stranger, {}, { jku: ELSEWHERE, x5u: ELSEWHERE }), "signature"],
  ])("%s is refused", async (_, make, check) => {
    expect((await refused(await make())).check).toBe(check);
  });

  test("signed with an algorithm that is good, and not the pinned one, is refused", async () => {
    expect((await refused(await signJwt(es256), { algorithms: ["PS256"] })).check).toBe("alg");
  });

  test("signed with HS256 and the bank's public key as the secret is refused", async () => {
    const input = unsigned({ alg: "HS256", kid: es256.kid });
    const mac = createHmac("sha256", JSON.stringify(es256.publicJwk)).update(input).digest("base64url");
    expect((await refused(`${input}.${mac}`)).check).toBe("alg");
  });

  test("whose claims were changed is refused", async () => {
    const [header, , signature] = (await signJwt(es256)).split(".");
    const [, claims] = (await signJwt(es256, { code: "another" })).split(".");
    expect((await refused(`${header}.${claims}.${signature}`)).check).toBe("signature");
  });

  test("signed with an RSA key of 1024 bits is refused", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const input = unsigned({ alg: "PS256", kid: "weak" });
    const signature = sign("sha256", Buffer.from(input), { key: privateKey, padding: 6, saltLength: 32 });
    const weak = createLocalJWKSet({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "weak" }] });
    const token = `${input}.${signature.toString("base64url")}`;
    expect((await refused(token, {}, weak)).check).toBe("key");
  });

  test("without an algorithm is none", async () => {
    const [, claims, signature] = (await signJwt(es256)).split(".");
    expect((await refused(`e30.${claims}.${signature}`)).check).toBe("body");
  });

  test("whose payload is signed as it stands, not encoded, is none", async () => {
    const input = unsigned({ alg: "ES256", kid: es256.kid, b64: false, crit: ["b64"] });
    const how = { name: "ECDSA", hash: "SHA-256" };
    const signature = Buffer.from(await crypto.subtle.sign(how, es256.privateKey, Buffer.from(input)));
    expect((await refused(`${input}.${signature.toString("base64url")}`)).check).toBe("body");
  });

  test("in five parts is encrypted, and there is no key to open it", async () => {
    expect((await refused("e30.e30.e30.e30.e30")).check).toBe("encryption");
  });

  const NONE = ["", ".", "..", "garbage", "a.b", "a.b.c", "a.b.c.d", "e30.bm90IGpzb24.c2ln", "\0.\0.\0"];
  test.each(NONE)("such as %j is none", async token => {
    expect((await refused(token)).check).toBe("body");
  });
});

test.each<[string, unknown]>([
  ["iss", "https://attacker.example"],
  ["iss", `${ISSUER}/`],
  ["iss", ISSUER.toUpperCase()],
  ["iss", [ISSUER]],
  ["iss", undefined],
  ["aud", "partner-2"],
  ["aud", ["partner-2", "partner-3"]],
  ["aud", []],
  ["aud", [[CLIENT_ID]]],
  ["aud", `${CLIENT_ID}0`],
  ["aud", undefined],
  ["exp", "tomorrow"],
  ["exp", undefined],
  ["nbf", "now"],
  ["iat", "now"],
])("a JWT whose %s is %j is refused", async (claim, value) => {
  expect((await refused(await signJwt(es256, { [claim]: value }))).check).toBe(claim);
});

test("a JWT for the client is accepted, also where it is for others too", async () => {
  for (const aud of [[CLIENT_ID], ["somebody-else", CLIENT_ID]]) await verify(await signJwt(es256, { aud }));
});

describe("the time", () => {
  test("may be off by 30 seconds, and not by more", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_775_000_000_000 });
    await verify(await signJwt(es256, { exp: seconds() - 29, nbf: seconds() + 30 }));
    expect((await refused(await signJwt(es256, { exp: seconds() - 30 }))).check).toBe("exp");
    expect((await refused(await signJwt(es256, { nbf: seconds() + 31 }))).check).toBe("nbf");
  });

  test("that is just over is seen before a key is asked for, and one that passes meanwhile afterwards", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_775_000_000_000 });
    const none: JWTVerifyGetKey = () => Promise.reject(new Error("asked for a key"));
    expect((await refused(await signJwt(es256, { exp: seconds() - 30 }), {}, none)).check).toBe("exp");
    expect((await refused(await signJwt(es256, { exp: undefined }), {}, none)).check).toBe("exp");
    const slow: JWTVerifyGetKey = (...asked) => {
      vi.setSystemTime(Date.now() + 2_000);
      return keys(...asked);
    };
    expect((await refused(await signJwt(es256, { exp: seconds() - 29 }), {}, slow)).check).toBe("exp");
  });

  test("need not end where no exp is asked for, and may not be over", async () => {
    await verify(await signJwt(es256, { exp: undefined }), { claims: [] });
    for (const exp of ["tomorrow", null, { toString: 1, valueOf: 1 }, seconds() - 61]) {
      expect((await refused(await signJwt(es256, { exp }), { claims: [] })).check).toBe("exp");
    }
  });
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ["iss", { iss: "https://attacker.example", aud: "partner-2", exp: 1 }],
  ["aud", { aud: "partner-2", exp: 1 }],
  ["exp", { exp: 1 }],
])("a wrong %s comes first, before any key is asked for", async (check, claims) => {
  const none: JWTVerifyGetKey = () => Promise.reject(new Error("asked for a key"));
  expect((await refused(await signJwt(rs256, claims), {}, none)).check).toBe(check);
});

test("the typ is the expected one, unless any will do", async () => {
  for (const typ of ["logout+jwt", "application/logout+jwt", "JWT", undefined]) {
    const token = await signJwt(es256, {}, { typ });
    await verify(token);
    if (typ?.endsWith("logout+jwt")) await verify(token, { typ: "logout+jwt" });
    else expect((await refused(token, { typ: "logout+jwt" })).check).toBe("typ");
  }
});

describe("a refusal", () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["sub", { sub: undefined }, "The test token has no sub."],
    ["nbf", { sub: "c", nbf: seconds() + 61 }, "The test token has a wrong nbf."],
  ])("names the %s that is missing or wrong", async (check, claims, message) => {
    const error = await refused(await signJwt(es256, claims), { claims: ["exp", "sub"] });
    expect(error).toMatchObject({ check, retryable: false, interactionId: INTERACTION_ID });
    expect(error.message).toContain(message);
  });

  test("says what has happened at the bank by then", async () => {
    const token = await signJwt(es256, { aud: "partner-2" });
    expect((await refused(token)).sideEffect).toBe("none");
    expect((await refused(token, { sideEffect: "possible" })).sideEffect).toBe("possible");
  });

  test("repeats neither the token nor anything in it", async () => {
    const token = await signJwt(es256, { aud: "CANARY-audience", code: "CANARY-code" });
    expect(everythingShown(await refused(token))).not.toMatch(new RegExp(`CANARY|${token.slice(0, 20)}`));
  });
});

describe("a kid that two keys share", () => {
  let one: BankKey;
  let two: BankKey;
  let shared: JWTVerifyGetKey;
  beforeAll(async () => {
    [one, two] = await Promise.all([bankKey("ES256", "shared"), bankKey("ES256", "shared")]);
    shared = createLocalJWKSet(jwksOf(one, two));
  });

  test.each(["first", "last"])("is resolved to the one that signed, be it the %s", async place => {
    const { claims } = await verify(await signJwt(place === "first" ? one : two, { code: "c-1" }), {}, shared);
    expect(claims["code"]).toBe("c-1");
  });

  test("is resolved by the type of the key", async () => {
    const set = jwksOf({ ...ps256, publicJwk: { ...ps256.publicJwk, kid: es256.kid } }, es256);
    await verify(await signJwt(es256), {}, createLocalJWKSet(set));
  });

  test("helps nobody who has neither", async () => {
    const token = await signJwt(await bankKey("ES256", "shared"));
    expect((await refused(token, {}, shared)).check).toBe("signature");
  });

  test("does not excuse a JWT that is not valid yet", async () => {
    expect((await refused(await signJwt(one, { nbf: seconds() + 3600 }), {}, shared)).check).toBe("nbf");
  });
});

describe("encryption", () => {
  const enc = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const next = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const own = [
    { key: enc.privateKey, alg: "RSA-OAEP-256", kid: "enc-1" },
    { key: next.privateKey, alg: "RSA-OAEP-256", kid: "enc-next" },
    { key: ec.privateKey, alg: "ECDH-ES", kid: "enc-ec" },
  ];
  const encrypting = configuration("fapi2-security", { decryption: { keys: own, responses: ["idToken"] } });
  const idToken = { ...EXPECTED, response: "idToken" } as const;

  async function encrypt(token: string, header = {}, to = enc.publicKey): Promise<string> {
    return new CompactEncrypt(Buffer.from(token))
      .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM", kid: "enc-1", ...header })
      .encrypt(to);
  }

  async function open(token: string, expected: ExpectedJwt = idToken): Promise<unknown> {
    return verifyJwt(token, expected, contextWithKeys(keys, encrypting, aCall()));
  }

  async function notOpened(token: string, expected?: ExpectedJwt): Promise<string> {
    return (await rejection(open(token, expected), ValidationError)).check;
  }

  test("may be registered for several responses at once", async () => {
    const both = configuration("fapi2-message-signing", {
      decryption: { keys: own, responses: ["idToken", "authorizationResponse"] },
    });
    const token = await encrypt(await signJwt(es256));
    for (const response of ["idToken", "authorizationResponse"] as const) {
      await verifyJwt(token, { ...EXPECTED, response }, contextWithKeys(keys, both, aCall()));
    }
  });

  test("is opened, and what is inside is verified as always", async () => {
    const token = await encrypt(await signJwt(es256, { sub: "customer-7" }));
    expect(await open(token)).toMatchObject({ claims: { sub: "customer-7" } });
    for (const [inside, check] of [
      [unsignedJwt(), "alg"],
      [await signJwt(es256, { iss: "https://attacker.example" }), "iss"],
      [await signJwt(es256, { exp: 1 }), "exp"],
      ["no JWT", "body"],
    ] as const) {
      expect(await notOpened(await encrypt(inside))).toBe(check);
    }
  });

  test.each(["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512"])("with %s is opened", async content => {
    await open(await encrypt(await signJwt(es256), { enc: content }));
  });

  test.each(["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"])("by %s is opened", async alg => {
    await open(await encrypt(await signJwt(es256), { alg, kid: "enc-ec" }, ec.publicKey));
  });

  test.each(["A192GCM", "A192CBC-HS384"])("with %s is refused, though the key would open it", async content => {
    expect(await notOpened(await encrypt(await signJwt(es256), { enc: content }))).toBe("encryption");
  });

  test.each([
    ["the first", enc],
    ["the last", next],
  ])("that names no key is opened with the one that fits, be it %s", async (_, { publicKey }) => {
    await open(await encrypt(await signJwt(es256), { kid: undefined }, publicKey));
  });

  test("that was registered is required", async () => {
    expect(await notOpened(await signJwt(es256))).toBe("encryption");
    await open(await signJwt(es256), EXPECTED);
    await verify(await signJwt(es256), idToken);
  });

  test("that was not registered is refused", async () => {
    const token = await encrypt(await signJwt(es256));
    const other = { ...EXPECTED, response: "authorizationResponse" } as const;
    expect(await notOpened(token, other)).toBe("encryption");
  });

  test("to another key, or to none that is known, is refused", async () => {
    const token = await encrypt(await signJwt(es256));
    const [, ...rest] = token.split(".");
    for (const wrong of [
      await encrypt(await signJwt(es256), { kid: "enc-2" }),
      await encrypt(await signJwt(es256), { alg: "RSA-OAEP" }),
      await encrypt(await signJwt(es256), { alg: "ECDH-ES+A192KW", kid: "enc-ec" }, ec.publicKey),
      await encrypt(await signJwt(es256), { kid: "enc-next" }),
      `e30.${rest.join(".")}`,
      `garbage.${rest.join(".")}`,
      `${token.slice(0, -4)}AAAA`,
    ]) {
      expect(await notOpened(wrong)).toBe("encryption");
    }
  });

  test("by RSA1_5 is refused, though the key would open it", async () => {
    const header = encode({ alg: "RSA1_5", enc: "A256GCM", kid: "enc-1" });
    const key = Buffer.alloc(32, 7);
    const iv = Buffer.alloc(12, 7);
    const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(header));
    const text = Buffer.concat([cipher.update(await signJwt(es256)), cipher.final()]);
    const wrapped = publicEncrypt({ key: enc.publicKey, padding: constants.RSA_PKCS1_PADDING }, key);
    const parts = [wrapped, iv, text, cipher.getAuthTag()].map(part => part.toString("base64url"));
    expect(await notOpened([header, ...parts].join("."))).toBe("encryption");
  });
});

test("a bank without keys signs nothing that counts", async () => {
  const verifying = verifyJwt(await signJwt(es256), EXPECTED, contextWithKeys(undefined, settings, aCall()));
  const error = await rejection(verifying, ValidationError);
  expect(error.check).toBe("key");
  expect(error.message).toContain("The test token can't be verified: the bank's metadata has no jwks_uri.");
});

describe("keys that do not come", () => {
  const never: JWTVerifyGetKey = () => new Promise(() => {});

  test.each([
    ["none", "no", true],
    ["possible", "possible", false],
  ] as const)("are waited for until the deadline, side effects: %s", async (sideEffect, reached, retryable) => {
    const context = contextWithKeys(never, settings, shortCall(20));
    const verifying = verifyJwt(await signJwt(es256), { ...EXPECTED, sideEffect }, context);
    const error = await rejection(verifying, TransportError);
    expect(error).toMatchObject({ code: "timeout", endpoint: "jwks", reached, sideEffect, retryable });
  });
});
