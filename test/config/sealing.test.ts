import { createPublicKey, createSecretKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { configure } from "../../src/config/configurations.js";
import type { Sealing } from "../../src/config/sealing.js";
import { ConfigurationError } from "../../src/errors.js";
import { everythingShown, problemsOf, thrown } from "../support/errors.js";
import { validOptions } from "../support/options.js";

const BYTES = randomBytes(32);
const KEY = { kid: "2026-04", key: BYTES };

function sealingOf(sealing: unknown): Sealing {
  return configure(validOptions({ sealing })).sealing;
}

function wrong(sealing: unknown): string[] {
  return problemsOf(() => configure(validOptions({ sealing }))).map(({ option }) => option);
}

describe("the keys of a sealed store", () => {
  test.each<[string, unknown]>([
    ["bytes", BYTES],
    ["other bytes", new Uint8Array(BYTES)],
    ["base64url", BYTES.toString("base64url")],
    ["base64", BYTES.toString("base64")],
    ["base64 without its padding", BYTES.toString("base64").replace("=", "")],
    ["a secret key", createSecretKey(BYTES)],
  ])("may be given as %s", (_, key) => {
    expect(
      sealingOf({ keys: [{ kid: "k", key }] })
        .keys.get("k")
        ?.export(),
    ).toEqual(BYTES);
  });

  test("seal under the first, and open under each", () => {
    const { current, keys, acceptsPlain } = sealingOf({ keys: [KEY, { kid: "2025-04", key: randomBytes(32) }] });
    expect(current).toBe("2026-04");
    expect([...keys.keys()]).toEqual(["2026-04", "2025-04"]);
    expect(acceptsPlain).toBe(false);
  });

  test("are copied: bytes that are wiped afterwards change nothing", () => {
    const bytes = Buffer.from(BYTES);
    const { keys } = sealingOf({ keys: [{ kid: "k", key: bytes }] });
    bytes.fill(0);
    expect(keys.get("k")?.export()).toEqual(BYTES);
  });

  test("may be none: then nothing is sealed, and what is not sealed is read", () => {
    expect(configure(validOptions()).sealing).toEqual({ current: undefined, keys: new Map(), acceptsPlain: true });
  });

  test.each([
    [undefined, false],
    ["refuse", false],
    ["accept", true],
  ])("with plain %j take what is not sealed: %j", (plain, accepts) => {
    expect(sealingOf({ keys: [KEY], plain }).acceptsPlain).toBe(accepts);
  });

  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["too few bytes", randomBytes(31)],
    ["too many bytes", randomBytes(33)],
    ["a password", "correct horse battery staple, 32"],
    ["hex", BYTES.toString("hex")],
    ["base64 of too few", randomBytes(31).toString("base64")],
    ["base64 with more behind it", `${BYTES.toString("base64url")}\n`],
    ["base64 with spaces", `${BYTES.toString("base64url").slice(0, 20)} ${BYTES.toString("base64url").slice(20)}`],
    ["an empty string", ""],
    ["a public key", createPublicKey(publicKey.export({ type: "spki", format: "pem" }))],
    ["a private key", privateKey],
    ["a short secret key", createSecretKey(randomBytes(16))],
    ["a list of numbers", [...BYTES]],
    ["a number", 32],
  ])("are not %s", (_, key) => {
    expect(wrong({ keys: [{ kid: "k", key }] })).toEqual(["sealing.keys[0].key"]);
  });

  test.each<[string, unknown]>([
    ["missing", undefined],
    ["empty", ""],
    ["too long", "k".repeat(65)],
    ["with a space: it could be taken for what is not sealed", "not sealed"],
    ["beyond ASCII", "鍵"],
    ["over two lines", "a\nb"],
    ["no text", 2026],
  ])("have no name that is %s", (_, kid) => {
    expect(wrong({ keys: [{ kid, key: BYTES }] })).toEqual(["sealing.keys[0].kid"]);
  });

  test("have names of their own", () => {
    expect(wrong({ keys: [KEY, { ...KEY, key: randomBytes(32) }] })).toEqual(["sealing.keys[1].kid"]);
  });

  test.each<[unknown, string[]]>([
    [null, ["sealing.keys"]],
    [[KEY], ["sealing.keys"]],
    [BYTES, ["sealing.keys"]],
    [{}, ["sealing.keys"]],
    [{ keys: KEY }, ["sealing.keys"]],
    [{ keys: [] }, ["sealing.keys"]],
    [{ keys: [null] }, ["sealing.keys[0].kid"]],
    [{ keys: [{ ...KEY, alg: "dir" }] }, ["sealing.keys[0].alg"]],
    [{ keys: [KEY], plain: true }, ["sealing.plain"]],
    [{ keys: [KEY], key: KEY }, ["sealing.key"]],
  ])("are named where they are wrong: %j", (sealing, expected) => {
    expect(wrong(sealing)).toEqual(expected);
  });

  test("belong to the client as a whole, and not to one of its configurations", () => {
    const previous = { ...validOptions({ profile: "fapi1-advanced" }), sealing: { keys: [KEY] } };
    expect(
      problemsOf(() => configure(validOptions({ profile: "fapi2-security", previous }))).map(({ option }) => option),
    ).toEqual(["previous.sealing"]);
  });

  test("are not shown by an error, whatever is wrong with them", () => {
    const key = "CANARY-key-that-is-no-key";
    const error = thrown(
      () =>
        sealingOf({
          keys: [
            { kid: "k", key },
            { kid: key.repeat(3), key },
          ],
        }),
      ConfigurationError,
    );
    expect(error.problems).toHaveLength(2);
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});

test("may know its keys and seal nothing yet", () => {
  const { current, keys, acceptsPlain } = sealingOf({ keys: [KEY], plain: "write" });
  expect([current, [...keys.keys()], acceptsPlain]).toEqual([undefined, [KEY.kid], true]);
});
