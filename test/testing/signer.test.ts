import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { JWK } from "jose";
import { describe, expect, test } from "vitest";
import type { ExternalSigner, Signing, SigningAlgorithm } from "../../src/index.js";
import { type SignerContractOptions, signerContract } from "../../src/testing/index.js";

const KEYS = {
  PS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
};
const OPTIONS: Readonly<Record<SigningAlgorithm, object>> = {
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  ES256: { dsaEncoding: "ieee-p1363" },
  EdDSA: {},
};

function rawSignature(alg: SigningAlgorithm, bytes: Uint8Array, options: object = OPTIONS[alg]): Buffer {
  return sign(alg === "EdDSA" ? null : "sha256", bytes, { key: KEYS[alg].privateKey, ...options });
}

function jwk(key: KeyObject): JWK {
  return key.export({ format: "jwk" }) as JWK;
}

function signer(alg: SigningAlgorithm, signOutside?: ExternalSigner["sign"]): ExternalSigner {
  const publicKey = jwk(KEYS[alg].publicKey);
  return { alg, kid: "k-1", publicKey, sign: signOutside ?? (async bytes => rawSignature(alg, bytes)) };
}

/** What of the contract is broken, and how that is said. */
async function broken(
  signing: Signing | (() => Promise<Signing>),
  options: SignerContractOptions = { signatures: 16 },
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { name, run } of signerContract(signing, options)) {
    await run().catch((error: Error) => found.set(name, error.message));
  }
  return found;
}

// The contract itself, as a partner runs it.
describe.each(["PS256", "ES256", "EdDSA"] as const)("the contract of a signer, for %s", alg => {
  for (const { name, run } of signerContract(async () => signer(alg), { signatures: 64 })) test(name, run);
  for (const { name, run } of signerContract({ alg, kid: "k-1", key: KEYS[alg].privateKey }, { signatures: 16 })) {
    test(`${name}, with a key in the process`, run);
  }
});

describe("a signer is found out that", () => {
  test.each<[string, Signing, RegExp]>([
    ["answers in DER", signer("ES256", bytes => rawSignature("ES256", bytes, {})), /DER/],
    [
      "hashes twice",
      signer("ES256", bytes => rawSignature("ES256", createHash("sha256").update(bytes).digest())),
      /hashed once, not twice/,
    ],
    [
      "salts with as much as fits",
      signer("PS256", bytes => rawSignature("PS256", bytes, { ...OPTIONS.PS256, saltLength: 222 })),
      /salt/,
    ],
    ["signs RS256", signer("PS256", bytes => rawSignature("PS256", bytes, {})), /PKCS #1 v1.5/],
    [
      "has another key",
      { ...signer("ES256"), publicKey: jwk(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey) },
      /other half/,
    ],
    [
      "signs the buffer behind the bytes",
      signer("EdDSA", bytes => rawSignature("EdDSA", new Uint8Array(bytes.buffer))),
      /does not verify/,
    ],
    ["answers with text", { ...signer("ES256"), sign: (async () => "sig") as never }, /Uint8Array/],
    [
      "refuses long input",
      signer("ES256", bytes => {
        if (bytes.length > 4096) throw new RangeError("too long");
        return rawSignature("ES256", bytes);
      }),
      /RangeError/,
    ],
  ])("%s", async (_, signing, message) => {
    const found = await broken(signing);
    expect([...found.values()].join("\n")).toMatch(message);
  });

  test("changes its input", async () => {
    const spoiling = signer("ES256", bytes => {
      const signature = rawSignature("ES256", bytes);
      bytes.fill(0);
      return signature;
    });
    expect([...(await broken(spoiling)).keys()]).toEqual(["the signer leaves its input as it was"]);
  });

  test("uses one buffer for every answer", async () => {
    const shared = Buffer.alloc(64);
    const found = await broken(signer("ES256", bytes => shared.fill(rawSignature("ES256", bytes))));
    expect([...found.keys()]).toContain("the signer gives each signature memory of its own");
  });

  test("mixes up what is asked at the same time", async () => {
    let before = Promise.resolve<Uint8Array>(new Uint8Array(64));
    const mixed = signer("ES256", async bytes => {
      const answer = before;
      before = Promise.resolve(rawSignature("ES256", bytes));
      await new Promise(setImmediate);
      return before === answer ? answer : before;
    });
    expect([...(await broken(mixed)).keys()]).toContain("the signer keeps calls at the same time apart");
  });

  test("drops leading zeros", async () => {
    const dropping = signer("ES256", bytes => {
      const signature = rawSignature("ES256", bytes);
      return signature[0] === 0 || signature[32] === 0 ? signature.subarray(1) : signature;
    });
    const found = await broken(dropping, { signatures: 2048 });
    expect(found.get("the signer gives each of 2048 signatures its full length")).toContain("64 bytes");
  });

  test("never answers", async () => {
    const silent = signer("ES256", () => new Promise(() => {}));
    const found = await broken(silent, { signatures: 1, timeout: 5 });
    expect([...new Set(found.values())]).toEqual(["signing.sign did not answer within 5 ms"]);
    expect(found.size).toBe(7);
  });

  test("the client does not take, or whose public key nobody gave", async () => {
    const { publicKey: _, ...unpublished } = signer("ES256");
    expect((await broken(unpublished)).size).toBe(8);
    expect((await broken(unpublished, { publicKey: jwk(KEYS.ES256.publicKey), signatures: 1 })).size).toBe(0);
    const [message] = (await broken({ ...signer("ES256"), alg: "RS256" as never })).values();
    expect(message).toContain("signing.alg");
  });
});

test("the signer is connected to once, and not before the tests run", async () => {
  let connected = 0;
  const tests = signerContract(async () => {
    connected++;
    return signer("ES256");
  });
  expect(connected).toBe(0);
  await Promise.all(tests.slice(0, 3).map(({ run }) => run()));
  expect(connected).toBe(1);
});
