import { createLocalJWKSet } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { readUserInfo } from "../../src/authorization/userinfo.js";
import { ValidationError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { type BankKey, bankKey, jwksOf, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { contextWithKeys } from "../support/stub-bank.js";
import { answer } from "../support/stub-rooms.js";

const SUB = "CANARY-customer-7";
const CLAIMS = { sub: SUB, name: "CANARY-name" };
const JSON_TYPE = { "content-type": "application/json" };
const JWT_TYPE = { "content-type": "application/jwt; charset=utf-8" };

let key: BankKey;
let unfit: BankKey;
beforeAll(async () => {
  [key, unfit] = await Promise.all([bankKey("ES256"), bankKey("EdDSA")]);
});

async function read(given: Answer, algorithms = {}): Promise<unknown> {
  const configured = configuration("fapi1-advanced", { algorithms });
  return readUserInfo(given, SUB, contextWithKeys(createLocalJWKSet(jwksOf(key, unfit)), configured, aCall()));
}

/** What a UserInfo is refused for: safely, and repeating nothing of it. */
async function refused(given: Answer, algorithms?: object): Promise<string> {
  const error = await rejection(read(given, algorithms), ValidationError);
  expect(error).toMatchObject({ interactionId: INTERACTION_ID, retryable: false, sideEffect: "none" });
  expect(everythingShown(error)).not.toContain("CANARY");
  return error.check;
}

describe("a UserInfo in JSON", () => {
  test.each([JSON_TYPE, { "content-type": "application/json; charset=utf-8" }, {}])(
    "as %j is all that the bank tells about the customer, frozen",
    async headers => {
      const info = await read(answer(200, CLAIMS, headers));
      expect(info).toEqual(CLAIMS);
      expect(Object.isFrozen(info)).toBe(true);
    },
  );

  test.each<[string, unknown]>([
    ["another", "customer-8"],
    ["missing", undefined],
    ["the same in a list", [SUB]],
  ])("whose sub is %s is about somebody else", async (_, sub) => {
    expect(await refused(answer(200, { ...CLAIMS, sub }, JSON_TYPE))).toBe("sub");
  });

  test.each(["", "<html>CANARY</html>", '{"sub":"CANARY', "null", "7", '"CANARY"', "true"])(
    "%j is none",
    async body => {
      expect(await refused(answer(200, body, JSON_TYPE))).toBe("body");
    },
  );
});

describe("a signed UserInfo", () => {
  test("is verified, and its claims are returned", async () => {
    const info = await read(answer(200, await signJwt(key, CLAIMS), JWT_TYPE));
    expect(info).toMatchObject({ ...CLAIMS, iss: ISSUER, aud: CLIENT_ID });
  });

  test("need not expire", async () => {
    expect(await read(answer(200, await signJwt(key, { ...CLAIMS, exp: undefined }), JWT_TYPE))).toMatchObject(CLAIMS);
  });

  test.each<[string, () => Promise<string> | string, string]>([
    ["from another issuer", () => signJwt(key, { ...CLAIMS, iss: "https://attacker.example" }), "iss"],
    ["without an issuer", () => signJwt(key, { ...CLAIMS, iss: undefined }), "iss"],
    ["for another client", () => signJwt(key, { ...CLAIMS, aud: "partner-2" }), "aud"],
    ["without an audience", () => signJwt(key, { ...CLAIMS, aud: undefined }), "aud"],
    ["about another customer", () => signJwt(key, { ...CLAIMS, sub: "customer-8" }), "sub"],
    ["about nobody", () => signJwt(key, { ...CLAIMS, sub: undefined }), "sub"],
    ["by somebody else", async () => signJwt({ ...(await bankKey("ES256")), kid: key.kid }, CLAIMS), "signature"],
    ["with an algorithm that the profile does not allow", () => signJwt(unfit, CLAIMS), "alg"],
    ["by nobody", () => unsignedJwt(CLAIMS), "alg"],
    ["in JSON", () => JSON.stringify(CLAIMS), "body"],
  ])("%s is refused", async (_, make, check) => {
    expect(await refused(answer(200, await make(), JWT_TYPE))).toBe(check);
  });

  test("is the only one where it was registered, with the registered algorithm", async () => {
    const signed = answer(200, await signJwt(key, CLAIMS), JWT_TYPE);
    expect(await read(signed, { userInfo: "ES256" })).toMatchObject(CLAIMS);
    expect(await refused(signed, { userInfo: "PS256" })).toBe("alg");
    expect(await refused(answer(200, CLAIMS, JSON_TYPE), { userInfo: "ES256" })).toBe("signature");
  });

  test("is believed only as what it says it is", async () => {
    expect(await refused(answer(200, await signJwt(key, CLAIMS), JSON_TYPE))).toBe("body");
  });
});
