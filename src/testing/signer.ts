/**
 * What a signer must do for the bank to accept its signatures.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { JWK } from "jose";
import { Problems } from "../config/problems.js";
import { PROFILES, profileRules } from "../config/profile.js";
import { checkSigning, type Signer, type Signing } from "../config/signing.js";
import type { ContractTest } from "./contract.js";
import { faultOf, type SignatureKey, signatureKey } from "./signature.js";

/** How a signer is tested. */
export interface SignerContractOptions {
  /** The public half as it is registered at the bank, where the signer has no `publicKey` of its own. */
  readonly publicKey?: JWK;
  /**
   * How many signatures are checked for their length, 512 by default. A conversion from DER that drops leading zeros fails
   * for one ES256 signature in 128.
   */
  readonly signatures?: number;
  /** Milliseconds that one signature may take, 5,000 by default. */
  readonly timeout?: number;
}

const SIZES = [1, 55, 64, 1000, 4096, 4097, 16_384];
const AT_ONCE = 16;

/**
 * The tests that a signer must pass, whatever holds its key: see that they do before the bank is asked.
 *
 * @param signing - What will be given as `signing`, or a function that connects to it; called once.
 * @example
 * ```ts
 * for (const { name, run } of signerContract(() => connectToKms())) test(name, run);
 * ```
 */
export function signerContract(
  signing: Signing | (() => Signing | Promise<Signing>),
  options: SignerContractOptions = {},
): readonly ContractTest[] {
  const { publicKey, signatures = 512, timeout = 5000 } = options;
  let opened: Promise<Bench> | undefined;
  const tests: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
    "is taken by the client, with its public key": async () => {},
    "signs so that the bank can verify it": bench => bench.check(randomBytes(1000)),
    "signs input of every length itself: no digest, no limit": async bench => {
      for (const size of SIZES) await bench.check(randomBytes(size));
    },
    "signs the view it is given, not the buffer behind it": bench => bench.check(randomBytes(300).subarray(100, 200)),
    "leaves its input as it was": async bench => {
      const bytes = randomBytes(300);
      const before = Buffer.from(bytes);
      await bench.sign(bytes);
      assert.ok(bytes.equals(before), "signing.sign changed the bytes that it was given");
    },
    "keeps calls at the same time apart": bench => bench.checkMany(AT_ONCE),
    "gives each signature memory of its own": async bench => {
      const first = await bench.sign(randomBytes(300));
      const before = Buffer.from(first);
      await bench.sign(randomBytes(300));
      assert.ok(before.equals(first), "signing.sign wrote a later signature over one that it had returned");
    },
    [`gives each of ${signatures} signatures its full length`]: async bench => {
      for (let left = signatures; left > 0; left -= AT_ONCE) await bench.checkMany(Math.min(left, AT_ONCE));
    },
  };
  return Object.entries(tests).map(([name, test]) => ({
    name: `the signer ${name}`,
    run: async () => {
      opened ??= openBench(signing, publicKey, timeout);
      await test(await opened);
    },
  }));
}

/** A signer under test, with the key that its signatures must verify with. */
class Bench {
  readonly #signer: Signer;
  readonly #key: SignatureKey;
  readonly #timeout: number;

  constructor(signer: Signer, key: SignatureKey, timeout: number) {
    this.#signer = signer;
    this.#key = key;
    this.#timeout = timeout;
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const message = `signing.sign did not answer within ${this.#timeout} ms`;
      timer = setTimeout(() => reject(new assert.AssertionError({ message })), this.#timeout);
    });
    try {
      return await Promise.race([this.#signer.sign(bytes), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async check(bytes: Uint8Array): Promise<void> {
    const input = Buffer.from(bytes);
    const fault = faultOf(await this.sign(bytes), input, this.#key);
    assert.equal(fault, undefined, fault);
  }

  async checkMany(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.check(randomBytes(300))));
  }
}

async function openBench(
  signing: Signing | (() => Signing | Promise<Signing>),
  publicKey: JWK | undefined,
  timeout: number,
): Promise<Bench> {
  const given = typeof signing === "function" ? await signing() : signing;
  // What the client itself asks, of the first profile that allows the algorithm.
  const profile = PROFILES.find(name => profileRules(name).algorithms.includes(given?.alg)) ?? PROFILES[0];
  const problems = new Problems();
  const signer = profile && checkSigning(given, "signing", profileRules(profile), problems);
  problems.throwIfAny();
  assert.ok(signer, "the client does not take the signer");
  const publicJwk = publicKey ?? signer.publicJwk;
  assert.ok(publicJwk, "the public key is not known: give the signer a publicKey, or the contract");
  return new Bench(signer, signatureKey(signer.alg, publicJwk), timeout);
}
