import {
  constants,
  createCipheriv,
  createHmac,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  sign,
} from "node:crypto";
import { CompactEncrypt, createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { type ExpectedJwt, verifyJwt } from "../../src/authorization/jwt.js";
import { TransportError, ValidationError } from "../../src/errors.js";
import { type BankKey, bankKey, jwksOf, seconds, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall, INTERACTION_ID, shortCall } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { contextWithKeys } from "../support/stub-bank.js";

const settings = configuration("fapi2-security");

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
let keys: JWTVerifyGetKey;

beforeAll(async () => {
  [ps256, es256, eddsa, rs256] = await Promise.all([
    bankKey("PS256"),
    bankKey("ES256"),
    bankKey("EdDSA"),
    bankKey("RS256"),
  ]);
  keys = createLocalJWKSet(jwksOf(ps256, es256, eddsa, rs256));
});

/** What a JWT is refused for. */
async function refused(token: string, expected: Partial<ExpectedJwt> = {}): Promise<ValidationError> {
  return rejection(
    verifyJwt(token, { ...EXPECTED, ...expected }, contextWithKeys(keys, settings, aCall())),
    ValidationError,
  );
}

describe("a JWT", () => {
  test.each(["PS256", "ES256", "EdDSA"] as const)(
    "signed with %s is accepted, and its claims are returned",
    async alg => {
      const key = { PS256: ps256, ES256: es256, EdDSA: eddsa }[alg];
      const verified = await verifyJwt(
        await signJwt(key, { code: "c-1" }),
        EXPECTED,
        contextWithKeys(keys, settings, aCall()),
      );
      expect(verified).toMatchObject({ alg, claims: { code: "c-1", iss: ISSUER } });
    },
  );

  test("that nobody signed is refused", async () => {
    expect((await refused(unsignedJwt())).check).toBe("alg");
  });

  test("signed with RS256 is refused, though its key is published", async () => {
    expect((await refused(await signJwt(rs256))).check).toBe("alg");
  });

  test("signed with an algorithm that is good, and not the pinned one, is refused", async () => {
    expect((await refused(await signJwt(es256), { algorithms: ["PS256"] })).check).toBe("alg");
  });

  test("signed with HS256 and the bank's public key as the secret is refused", async () => {
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const input = `${encode({ alg: "HS256", kid: es256.kid })}.${encode({ iss: ISSUER, aud: CLIENT_ID, exp: seconds() + 60 })}`;
    const mac = createHmac("sha256", JSON.stringify(es256.publicJwk)).update(input).digest("base64url");
    expect((await refused(`${input}.${mac}`)).check).toBe("alg");
  });

  test("signed by somebody else under the bank's kid is refused", async () => {
    const stranger = { ...(await bankKey("ES256")), kid: es256.kid };
    expect((await refused(await signJwt(stranger))).check).toBe("signature");
  });

  test("signed with a key that the bank does not publish is refused", async () => {
    expect((await refused(await signJwt({ ...es256, kid: "unheard-of" }))).check).toBe("key");
  });

  test("whose claims were changed is refused", async () => {
    const [header, , signature] = (await signJwt(es256)).split(".");
    const [, claims] = (await signJwt(es256, { code: "another" })).split(".");
    expect((await refused(`${header}.${claims}.${signature}`)).check).toBe("signature");
  });

  test("signed with an RSA key of 1024 bits is refused", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const input = `${encode({ alg: "PS256", kid: "weak" })}.${encode({ iss: ISSUER, aud: CLIENT_ID, exp: seconds() + 60 })}`;
    const signature = sign("sha256", Buffer.from(input), { key: privateKey, padding: 6, saltLength: 32 });
    const weak = createLocalJWKSet({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "weak" }] });
    const token = `${input}.${signature.toString("base64url")}`;
    await rejection(verifyJwt(token, EXPECTED, contextWithKeys(weak, settings, aCall())), ValidationError);
  });

  test("that asks for an extension nobody knows is refused", async () => {
    const header = { crit: ["urn:example:unknown"], "urn:example:unknown": 1 };
    expect((await refused(await signJwt(es256, {}, header))).check).toBe("alg");
  });

  test("whose key is in its own header, or at a URL there, is not believed", async () => {
    const stranger = await bankKey("ES256");
    const header = {
      jwk: stranger.publicJwk,
      jku: "https://attacker.example/jwks",
      x5u: "https://attacker.example/x5",
    };
    expect((await refused(await signJwt({ ...stranger, kid: es256.kid }, {}, header))).check).toBe("signature");
  });

  test("in five parts is encrypted, and there is no key to open it", async () => {
    expect((await refused("e30.e30.e30.e30.e30")).check).toBe("encryption");
  });

  test.each(["", ".", "..", "garbage", "a.b", "a.b.c", "a.b.c.d", "e30.bm90IGpzb24.c2ln", "\u0000.\u0000.\u0000"])(
    "such as %j is none",
    async token => {
      expect((await refused(token)).check).toBe("body");
    },
  );
});

describe("the issuer", () => {
  test.each<[string, unknown]>([
    ["another", "https://attacker.example"],
    ["the same with a slash", `${ISSUER}/`],
    ["the same in capitals", ISSUER.toUpperCase()],
    ["a list of it", [ISSUER]],
    ["missing", undefined],
  ])("that is %s is refused before any key is asked for", async (_, iss) => {
    let asked = 0;
    const counting: JWTVerifyGetKey = (header, token) => {
      asked++;
      return keys(header, token);
    };
    const token = await signJwt(es256, { iss });
    const error = await rejection(
      verifyJwt(token, EXPECTED, contextWithKeys(counting, settings, aCall())),
      ValidationError,
    );
    expect(error.check).toBe("iss");
    expect(asked).toBe(0);
  });
});

describe("the audience", () => {
  test.each<[string, unknown]>([
    ["the client", CLIENT_ID],
    ["a list with the client", [CLIENT_ID]],
    ["a list with others too", ["somebody-else", CLIENT_ID]],
  ])("that is %s is accepted", async (_, aud) => {
    await verifyJwt(await signJwt(es256, { aud }), EXPECTED, contextWithKeys(keys, settings, aCall()));
  });

  test.each<[string, unknown]>([
    ["another client", "partner-2"],
    ["a list of others", ["partner-2", "partner-3"]],
    ["an empty list", []],
    ["the client's id and more", `${CLIENT_ID}0`],
    ["missing", undefined],
  ])("that is %s is refused", async (_, aud) => {
    expect((await refused(await signJwt(es256, { aud }))).check).toBe("aud");
  });
});

describe("the time", () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["has expired", { exp: seconds() - 61 }, "exp"],
    ["does not expire", { exp: undefined }, "exp"],
    ["expires at no number", { exp: "tomorrow" }, "exp"],
    ["is not valid yet", { nbf: seconds() + 61 }, "nbf"],
    ["was issued at no number", { iat: "now" }, "iat"],
  ])("of a JWT that %s refuses it", async (_, claims, check) => {
    expect((await refused(await signJwt(es256, claims))).check).toBe(check);
  });

  test("may be off by some seconds", async () => {
    const claims = { exp: seconds() - 20, nbf: seconds() + 20 };
    await verifyJwt(await signJwt(es256, claims), EXPECTED, contextWithKeys(keys, settings, aCall()));
  });
});

test("a claim that is required beyond the usual ones and missing is named", async () => {
  const error = await refused(await signJwt(es256, { sub: undefined }), { claims: ["exp", "sub"] });
  expect(error).toMatchObject({ check: "sub", retryable: false, interactionId: INTERACTION_ID });
});

describe("a kid that two keys share", () => {
  test.each(["first", "last"])("is resolved to the one that signed, be it the %s", async place => {
    const [right, wrong] = await Promise.all([bankKey("ES256", "shared"), bankKey("ES256", "shared")]);
    const set = place === "first" ? jwksOf(right, wrong) : jwksOf(wrong, right);
    const token = await signJwt(right, { code: "c-1" });
    const { claims } = await verifyJwt(token, EXPECTED, contextWithKeys(createLocalJWKSet(set), settings, aCall()));
    expect(claims["code"]).toBe("c-1");
  });

  test("is resolved by the type of the key", async () => {
    const set = jwksOf({ ...ps256, publicJwk: { ...ps256.publicJwk, kid: es256.kid } }, es256);
    await verifyJwt(await signJwt(es256), EXPECTED, contextWithKeys(createLocalJWKSet(set), settings, aCall()));
  });

  test("helps nobody who has neither", async () => {
    const [one, two, stranger] = await Promise.all(["a", "b", "c"].map(() => bankKey("ES256", "shared")));
    const token = await signJwt(stranger!);
    const set = createLocalJWKSet(jwksOf(one!, two!));
    expect(
      await rejection(verifyJwt(token, EXPECTED, contextWithKeys(set, settings, aCall())), ValidationError),
    ).toMatchObject({
      check: "signature",
    });
  });

  test("does not excuse a JWT that has expired", async () => {
    const [right, wrong] = await Promise.all([bankKey("ES256", "shared"), bankKey("ES256", "shared")]);
    const token = await signJwt(right, { exp: seconds() - 3600 });
    const set = createLocalJWKSet(jwksOf(wrong, right));
    expect(
      await rejection(verifyJwt(token, EXPECTED, contextWithKeys(set, settings, aCall())), ValidationError),
    ).toMatchObject({ check: "exp" });
  });
});

describe("encryption", () => {
  const enc = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const encrypting = configuration("fapi2-security", {
    decryption: { keys: [{ key: enc.privateKey, alg: "RSA-OAEP-256", kid: "enc-1" }], responses: ["idToken"] },
  });
  const idToken = { ...EXPECTED, response: "idToken" } as const;

  async function encrypt(token: string, header: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return new CompactEncrypt(Buffer.from(token))
      .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM", kid: "enc-1", ...header })
      .encrypt(enc.publicKey);
  }

  async function open(token: string, expected: ExpectedJwt = idToken): Promise<unknown> {
    return verifyJwt(token, expected, contextWithKeys(keys, encrypting, aCall()));
  }

  test("is opened, and what is inside is verified as always", async () => {
    expect(await open(await encrypt(await signJwt(es256, { sub: "customer-7" })))).toMatchObject({
      claims: { sub: "customer-7" },
    });
    for (const [inside, check] of [
      [unsignedJwt(), "alg"],
      [await signJwt(es256, { iss: "https://attacker.example" }), "iss"],
      [await signJwt(es256, { exp: 1 }), "exp"],
      ["no JWT", "body"],
    ] as const) {
      expect((await rejection(open(await encrypt(inside)), ValidationError)).check).toBe(check);
    }
  });

  test("that was registered is required", async () => {
    expect((await rejection(open(await signJwt(es256)), ValidationError)).check).toBe("encryption");
    await open(await signJwt(es256), EXPECTED);
  });

  test("that was not registered is refused", async () => {
    const token = await encrypt(await signJwt(es256));
    const other = { ...EXPECTED, response: "authorizationResponse" } as const;
    expect((await rejection(open(token, other), ValidationError)).check).toBe("encryption");
  });

  test("to another key, or to none that is known, is refused", async () => {
    const token = await encrypt(await signJwt(es256));
    const [, ...rest] = token.split(".");
    for (const wrong of [
      await encrypt(await signJwt(es256), { kid: "enc-2" }),
      await encrypt(await signJwt(es256), { alg: "RSA-OAEP" }),
      `e30.${rest.join(".")}`,
      `${token.slice(0, -4)}AAAA`,
    ]) {
      expect((await rejection(open(wrong), ValidationError)).check).toBe("encryption");
    }
  });

  test("by RSA1_5 is refused, though the key would open it", async () => {
    const encode = (part: Buffer | string) => Buffer.from(part).toString("base64url");
    const header = encode(JSON.stringify({ alg: "RSA1_5", enc: "A256GCM", kid: "enc-1" }));
    const key = randomBytes(32);
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(header));
    const text = Buffer.concat([cipher.update(await signJwt(es256)), cipher.final()]);
    const wrapped = publicEncrypt({ key: enc.publicKey, padding: constants.RSA_PKCS1_PADDING }, key);
    const token = [header, encode(wrapped), encode(iv), encode(text), encode(cipher.getAuthTag())].join(".");
    expect((await rejection(open(token), ValidationError)).check).toBe("encryption");
  });
});

test("keys that do not come are waited for until the call's deadline", async () => {
  const never: JWTVerifyGetKey = () => new Promise(() => {});
  const error = await rejection(
    verifyJwt(await signJwt(es256), EXPECTED, contextWithKeys(never, settings, shortCall(20))),
    TransportError,
  );
  expect(error.code).toBe("timeout");
});

test("no error repeats the token or anything in it", async () => {
  const token = await signJwt(es256, { aud: "CANARY-audience", code: "CANARY-code" });
  const shown = everythingShown(await refused(token));
  expect(shown).not.toContain("CANARY");
  expect(shown).not.toContain(token.slice(0, 20));
});
