import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MinnaClient, type MinnaClientOptions } from "../../src/client.js";
import { checkLoadedCertificate } from "../../src/config/certificate.js";
import { ConfigurationError } from "../../src/errors.js";
import { ConnectionPool } from "../../src/transport/pool.js";
import { CERTIFICATE, SIGNING_KEY, validOptions } from "../support/options.js";
import { holds, outcomeOf, reportInputs, tallies } from "./fuzz.js";

reportInputs("test/fuzz/options.test.ts");

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
const ed = generateKeyPairSync("ed25519").privateKey;
const signingKey = createPrivateKey(SIGNING_KEY);

/** Anything at all, of the kinds that JavaScript has. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.anything({
      maxDepth: 2,
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      undefined,
      null,
      "",
      0,
      Number.NaN,
      Symbol("CANARY"),
      Object.create(null),
      () => {},
      [],
      {},
      "https://auth.bank.example",
      "https://user:CANARY@auth.bank.example/",
      "ES256",
      "EdDSA",
      "RSA-OAEP-256",
      "ECDH-ES",
      "fapi2-security",
      "fapi2-message-signing",
      rsa,
      weak,
      ed,
      SIGNING_KEY,
      CERTIFICATE.key,
      CERTIFICATE.cert,
      "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nCANARY\n-----END ENCRYPTED PRIVATE KEY-----",
      "-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----",
      Buffer.from("CANARY"),
      JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
    ),
  },
);

function valid(): Record<string, unknown> {
  return validOptions({
    // Parsed once; PEM has inputs of its own.
    signing: { key: signingKey, alg: "ES256", kid: "sig-1" },
    decryption: { keys: [{ key: rsa, alg: "RSA-OAEP-256", kid: "enc-1" }], responses: ["idToken"] },
    contract: {
      scopes: { balance: "b", openid: null },
      paths: { accounts: "/a", balance: "/a/{accountId}" },
      headers: { authDate: "x-date" },
      mtlsEndpointAliases: "absent",
    },
    algorithms: { idToken: "ES256", authorizationResponse: "PS256" },
    requestDelivery: "by-value",
    timeout: 1_000,
  });
}

/** A place among the options: `signing.kid`, or one that there is not. */
const place = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ..."profile issuer clientId redirectUri certificate certificate.cert certificate.key certificate.passphrase".split(
        " ",
      ),
      ..."certificate.ca signing signing.key signing.alg signing.kid signing.sign signing.publicKey api".split(" "),
      ..."api.baseUrl store decryption decryption.keys decryption.keys.0 decryption.keys.0.key timeout".split(" "),
      ..."decryption.keys.0.kid decryption.keys.0.alg decryption.responses contract contract.scopes".split(" "),
      ..."contract.scopes.balance contract.paths contract.paths.balance contract.headers contract.headers.authDate".split(
        " ",
      ),
      ..."contract.mtlsEndpointAliases algorithms algorithms.idToken requestDelivery unknown __proto__".split(" "),
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
);

const changes = fc.array(fc.tuple(place, anything), { maxLength: 3 });

function put(options: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let holder: unknown = options;
  for (const name of names) {
    holder = (holder as Record<string, unknown> | null | undefined)?.[name];
    if (typeof holder !== "object" || holder === null) return;
  }
  if (Object.isFrozen(holder) || ArrayBuffer.isView(holder)) return;
  Object.defineProperty(holder, last, { value, enumerable: true, configurable: true, writable: true });
}

/** Constructs a client, which opens nothing, or finds something wrong with the options. */
async function constructs(options: unknown): Promise<boolean> {
  const before = process.getActiveResourcesInfo().length;
  const outcome = await outcomeOf(() => new MinnaClient(options as MinnaClientOptions));
  expect(process.getActiveResourcesInfo().length).toBe(before);
  if ("value" in outcome) return true;
  expect(outcome.error).toBeInstanceOf(ConfigurationError);
  expect(outcome.error.message).not.toContain("CANARY");
  return false;
}

tallies("options: a client, or a ConfigurationError that shows no value", 10, changes, async list => {
  const options = { ...valid(), certificate: { ...CERTIFICATE } };
  for (const [path, value] of list) put(options, path, value);
  return constructs(options);
});

holds("no options at all", 10, anything, constructs);

tallies(
  "a certificate whose bytes are changed can be connected with, or is refused by name",
  4,
  fc.record({
    which: fc.constantFrom("cert", "key", "none"),
    at: fc.nat(2_000),
    bit: fc.nat(7),
    more: fc.constantFrom(
      "",
      "",
      "\n",
      CERTIFICATE.cert,
      CERTIFICATE.key,
      "garbage",
      "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    ),
  }),
  async ({ which, at, bit, more }) => {
    const pems = { cert: String(CERTIFICATE.cert), key: String(CERTIFICATE.key) };
    const changed = which === "none" ? pems : { ...pems, [which]: flipped(pems[which as "cert" | "key"], at, bit) };
    const outcome = await outcomeOf(() => {
      const checked = checkLoadedCertificate({ ...changed, cert: changed.cert + more });
      return new ConnectionPool(checked, "client-certificate");
    });
    if ("error" in outcome) expect(outcome.error).toBeInstanceOf(ConfigurationError);
    else await outcome.value.close();
    return "value" in outcome;
  },
);

test("a certificate with a signature algorithm that TLS does not take is refused by name", async () => {
  // ecdsa-with-SHA256, and a neighbour that nobody assigned: a certificate that can be read, and not presented.
  const der = Buffer.from(String(CERTIFICATE.cert).replace(/-----[^-]+-----/g, ""), "base64").toString("hex");
  const bytes = Buffer.from(der.replaceAll("2a8648ce3d040302", "2a8648ce3d04030a"), "hex");
  const cert = `-----BEGIN CERTIFICATE-----\n${bytes.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
  const outcome = await outcomeOf(
    () => new ConnectionPool(checkLoadedCertificate({ ...CERTIFICATE, cert }), "client-certificate"),
  );
  expect(outcome).toMatchObject({ error: { code: "configuration_invalid" } });
});

/** Changes a bit of what is inside a PEM block. */
function flipped(pem: string, at: number, bit: number): string {
  return pem.replace(/(-----BEGIN [^-]+-----)([\s\S]+?)(-----END)/, (_, begin: string, inside: string, end: string) => {
    const bytes = Buffer.from(inside, "base64");
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
    return `${begin}\n${bytes.toString("base64").replace(/.{64}/g, "$&\n")}\n${end}`;
  });
}
