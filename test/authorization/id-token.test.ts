import { createHash } from "node:crypto";
import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type ExpectedIdToken, verifyIdToken } from "../../src/authorization/id-token.js";
import { ValidationError } from "../../src/errors.js";
import { type BankKey, bankKey, jwksOf, seconds, signJwt } from "../support/bank-keys.js";
import { aCall } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { contextWithKeys } from "../support/stub-bank.js";

const ACCESS_TOKEN = "CANARY-access-token";
const NONCE = "n-1";
const settings = configuration("fapi2-security");

const bankKeys = new Map<string, BankKey>();
let keys: JWTVerifyGetKey;
beforeAll(async () => {
  for (const key of await Promise.all(["PS256", "ES256", "EdDSA"].map(alg => bankKey(alg)))) bankKeys.set(key.alg, key);
  keys = createLocalJWKSet(jwksOf(...bankKeys.values()));
});

afterEach(() => {
  vi.useRealTimers();
});

async function idToken(claims: Readonly<Record<string, unknown>> = {}, alg = "ES256"): Promise<string> {
  return signJwt(bankKeys.get(alg)!, { sub: "customer-7", nonce: NONCE, ...claims });
}

async function verify(token: string, expected: Partial<ExpectedIdToken> = {}): Promise<unknown> {
  return verifyIdToken(
    token,
    { accessToken: ACCESS_TOKEN, nonce: NONCE, ...expected },
    contextWithKeys(keys, settings, aCall()),
  );
}

async function refused(
  claims: Readonly<Record<string, unknown>>,
  expected?: Partial<ExpectedIdToken>,
): Promise<string> {
  return (await rejection(verify(await idToken(claims), expected), ValidationError)).check;
}

test("an ID Token that is right says whom the bank authenticated", async () => {
  expect(await verify(await idToken())).toEqual({ iss: ISSUER, sub: "customer-7" });
});

describe("the nonce", () => {
  test("of another request is refused", async () => {
    expect(await refused({ nonce: "n-2" })).toBe("nonce");
  });

  test("that is missing is refused", async () => {
    expect(await refused({ nonce: undefined })).toBe("nonce");
  });

  test.each([undefined, NONCE])("may be %s in a refreshed ID Token", async nonce => {
    const token = await idToken({ nonce });
    const expected = { accessToken: ACCESS_TOKEN, subject: { iss: ISSUER, sub: "customer-7" } };
    expect(await verifyIdToken(token, expected, contextWithKeys(keys, settings, aCall()))).toEqual({
      iss: ISSUER,
      sub: "customer-7",
    });
  });
});

describe("the audience", () => {
  test("in a list of one is accepted", async () => {
    await verify(await idToken({ aud: [CLIENT_ID] }));
  });

  test("with a second one is refused: nobody else is trusted", async () => {
    expect(await refused({ aud: [CLIENT_ID, "somebody-else"] })).toBe("aud");
    expect(await refused({ aud: [CLIENT_ID, "somebody-else"], azp: CLIENT_ID })).toBe("aud");
  });

  test("that is another client is refused", async () => {
    expect(await refused({ aud: "partner-2" })).toBe("aud");
  });

  test("is this client also as authorized party, where one is named", async () => {
    await verify(await idToken({ azp: CLIENT_ID }));
    expect(await refused({ azp: "partner-2" })).toBe("azp");
  });
});

describe("at_hash", () => {
  test.each([
    ["PS256", "sha256"],
    ["ES256", "sha256"],
    ["EdDSA", "sha512"],
  ])("under %s is the left half of %s of the access token", async (alg, hash) => {
    const digest = createHash(hash).update(ACCESS_TOKEN).digest();
    const right = digest.subarray(0, digest.length / 2).toString("base64url");
    await verify(await idToken({ at_hash: right }, alg));
    for (const wrong of [right.slice(0, -1), `${right}A`, digest.toString("base64url"), "", 7, null]) {
      const error = await rejection(verify(await idToken({ at_hash: wrong }, alg)), ValidationError);
      expect(error.check).toBe("at_hash");
    }
  });

  test("of another access token is refused", async () => {
    const other = createHash("sha256").update("another").digest().subarray(0, 16).toString("base64url");
    expect(await refused({ at_hash: other })).toBe("at_hash");
  });

  test("need not be there", async () => {
    await verify(await idToken({ at_hash: undefined }));
  });
});

describe("the subject", () => {
  test.each([undefined, "", 7, null])("that is %j is refused", async sub => {
    expect(await refused({ sub })).toBe("sub");
  });

  test("of a refreshed ID Token is the link's, and no other", async () => {
    const subject = { iss: ISSUER, sub: "customer-7" };
    await verify(await idToken(), { subject });
    expect(await refused({ sub: "customer-8" }, { subject })).toBe("sub");
    expect(await refused({}, { subject: { ...subject, iss: "https://old.bank.example" } })).toBe("iss");
  });
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ["iss", { iss: "https://attacker.example" }],
  ["iss", { iss: undefined }],
  ["exp", { exp: undefined }],
  ["exp", { exp: seconds() - 3600 }],
  ["iat", { iat: undefined }],
])("a wrong %s is refused: %j", async (check, claims) => {
  expect(await refused(claims)).toBe(check);
});

describe("the time of issue", () => {
  test.each([30, 0, -3600])("may be %i seconds from now", async offset => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_775_000_000_000 });
    await verify(await idToken({ iat: seconds() + offset }));
  });

  test.each([31, -3601])("may not be %i seconds from now", async offset => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_775_000_000_000 });
    expect(await refused({ iat: seconds() + offset })).toBe("iat");
  });
});

test("an algorithm other than the registered one is refused", async () => {
  const pinned = configuration("fapi2-security", { algorithms: { idToken: "PS256" } });
  const expected = { accessToken: ACCESS_TOKEN, nonce: NONCE };
  const error = await rejection(
    verifyIdToken(await idToken(), expected, contextWithKeys(keys, pinned, aCall())),
    ValidationError,
  );
  expect(error.check).toBe("alg");
});

test("a refusal comes after the tokens were issued, and repeats none of them", async () => {
  const token = await idToken({ nonce: "CANARY-nonce" });
  const error = await rejection(verify(token), ValidationError);
  expect(error.sideEffect).toBe("possible");
  expect(everythingShown(error)).not.toContain("CANARY");
  expect(everythingShown(error)).not.toContain("customer-7");
});
