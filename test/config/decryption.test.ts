import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { configure } from "../../src/config/configurations.js";
import type { Decryptor } from "../../src/config/decryption.js";
import { ConfigurationError } from "../../src/errors.js";
import { everythingShown, problemsOf, thrown } from "../support/errors.js";
import { validOptions } from "../support/options.js";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const RSA = { key: rsa.privateKey, alg: "RSA-OAEP-256", kid: "enc-1" };
const EC = { key: ec.privateKey, alg: "ECDH-ES", kid: "enc-2" };

function decryptorOf(decryption: unknown): Decryptor | undefined {
  return configure(validOptions({ decryption })).all[0].decryption.given;
}

function wrong(decryption: unknown): string[] {
  return problemsOf(() => configure(validOptions({ decryption }))).map(problem => problem.option);
}

describe("decryption keys", () => {
  test("are known by their ids, and open both kinds of responses", () => {
    const decryptor = decryptorOf({ keys: [RSA, EC] });
    expect([...(decryptor?.keys.keys() ?? [])]).toEqual(["enc-1", "enc-2"]);
    expect(decryptor?.responses).toEqual(["idToken", "authorizationResponse"]);
  });

  test("may be for one kind of responses only", () => {
    expect(decryptorOf({ keys: [RSA], responses: ["idToken"] })?.responses).toEqual(["idToken"]);
  });

  test("need not be there", () => {
    expect(decryptorOf(undefined)).toEqual({ keys: new Map(), responses: [] });
  });

  test("are published without their private half", () => {
    for (const { publicJwk } of decryptorOf({ keys: [RSA, EC] })?.keys.values() ?? []) {
      expect(publicJwk).toMatchObject({ use: "enc" });
      for (const member of ["d", "p", "q", "dp", "dq", "qi"]) expect(publicJwk).not.toHaveProperty(member);
    }
  });

  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
  test.each<[string, unknown, string[]]>([
    ["nothing in them", {}, ["decryption.keys"]],
    ["null", null, ["decryption.keys"]],
    ["an empty list", { keys: [] }, ["decryption.keys"]],
    ["no list", { keys: RSA }, ["decryption.keys"]],
    ["a misspelt option", { keys: [RSA], response: [] }, ["decryption.response"]],
    ["RSA1_5", { keys: [{ ...RSA, alg: "RSA1_5" }] }, ["decryption.keys[0].alg"]],
    ["RSA-OAEP", { keys: [{ ...RSA, alg: "RSA-OAEP" }] }, ["decryption.keys[0].alg"]],
    ["no alg", { keys: [{ ...RSA, alg: undefined }] }, ["decryption.keys[0].alg"]],
    ["no kid", { keys: [{ ...RSA, kid: "" }] }, ["decryption.keys[0].kid"]],
    ["the same kid twice", { keys: [RSA, { ...EC, kid: "enc-1" }] }, ["decryption.keys[1].kid"]],
    ["a public key", { keys: [{ ...RSA, key: rsa.publicKey }] }, ["decryption.keys[0].key"]],
    ["RSA with 1024 bits", { keys: [{ ...RSA, key: weak }] }, ["decryption.keys[0].key"]],
    ["P-384", { keys: [{ ...EC, key: p384 }] }, ["decryption.keys[0].key"]],
    ["an EC key for RSA", { keys: [{ ...EC, alg: "RSA-OAEP-256" }] }, ["decryption.keys[0].key"]],
    ["text that is no key", { keys: [{ ...EC, key: "key.pem" }] }, ["decryption.keys[0].key"]],
    ["null as a key", { keys: [RSA, null] }, ["decryption.keys[1].kid"]],
    ["an unknown response", { keys: [RSA], responses: ["userinfo"] }, ["decryption.responses"]],
    ["no responses", { keys: [RSA], responses: [] }, ["decryption.responses"]],
    ["a misspelt option of a key", { keys: [{ ...RSA, use: "enc" }] }, ["decryption.keys[0].use"]],
  ])("are refused with %s", (_, decryption, expected) => {
    expect(wrong(decryption)).toEqual(expected);
  });

  test("are in no part of the error", () => {
    const keys = [{ key: "-----BEGIN PRIVATE KEY-----\nCANARY", alg: "CANARY", kid: { secret: "CANARY" } }];
    const error = thrown(() => configure(validOptions({ decryption: { keys } })), ConfigurationError);
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});
