// The key that signs requests is in another process: this one asks for signatures. First the signer is put through the
// contract that every signer must keep, then a customer is linked with it, then the other process dies.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { type ExternalSigner, MinnaClient, SigningError } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";
import { signerContract } from "minna-baas/testing";

interface Kms {
  readonly signer: ExternalSigner & { readonly publicKey: object };
  stop(): Promise<void>;
}

interface Waiting {
  resolve(signature: Uint8Array): void;
  reject(reason: Error): void;
}

async function connectToKms(): Promise<Kms> {
  const kms = fork(new URL("kms.js", import.meta.url), { serialization: "advanced" });
  const [{ publicKey }] = (await once(kms, "message")) as [{ publicKey: object }];
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  kms.on("message", ({ id, signature }: { id: number; signature: Uint8Array }) => {
    waiting.get(id)?.resolve(signature);
    waiting.delete(id);
  });
  kms.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("the KMS is gone"));
    waiting.clear();
  });
  return {
    signer: {
      alg: "ES256",
      kid: "kms-2026-04",
      publicKey,
      // Called with the signing input of the request object; a rejection becomes a SigningError.
      sign: bytes =>
        new Promise<Uint8Array>((resolve, reject) => {
          const id = ++asked;
          waiting.set(id, { resolve, reject });
          kms.send({ id, bytes }, error => error && reject(error));
        }),
    },
    async stop() {
      kms.kill();
      await once(kms, "exit");
    },
  };
}

const { signer, stop } = await connectToKms();
for (const { name, run } of signerContract(signer)) {
  await run();
  console.log(`✓ ${name}`);
}

// `publicJwks()` is what the bank is given at onboarding: no private key ever was in this process.
const { publicKey, alg, kid } = signer;
await using bank = await startSandbox({ signingKeys: [{ ...publicKey, alg, kid }] });
const minna = new MinnaClient({ ...bank.client("fapi2-message-signing"), signing: signer });
assert.equal((await minna.publicJwks()).keys[0]?.kid, kid);

const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
const link = await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
console.log(`linked: ${link.scopes.join(", ")}`);

// A signer that fails is told from a bank that fails: the bank was not asked.
await stop();
const asked = bank.events.length;
const error = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] }).catch(reason => reason);
assert.ok(error instanceof SigningError && error.code === "signing_failed");
assert.equal(bank.events.length, asked);
console.log(`without the KMS: ${error.code}, and the bank was not asked`);

await minna.close();
