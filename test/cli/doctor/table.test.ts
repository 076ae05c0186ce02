/**
 * Everything that can be broken, one thing at a time, and what the doctor finds. MINNA_TEST_DOCTOR_TABLE names a file to
 * write it to, for people.
 */
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer as createPlainServer } from "node:http";
import type { ServerOptions } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Patient, Settings } from "../../../src/cli/doctor/check.js";
import type { Status } from "../../../src/cli/doctor/finding.js";
import { MemoryStore, type Profile, type Store } from "../../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../../src/sandbox/index.js";
import { newAuthority, serverCertificate } from "../../support/certificates.js";
import { startServer } from "../../support/tls-server.js";
import { CLIENT_AUTH, type Made, make, SERVER_AUTH } from "./certificates.js";
import { NEW_PFX, OLD_PFX, PKCS7, REQUEST } from "./fixtures.js";
import { asModule, Folder, findingsOf, type Variables } from "./patients.js";

let bank: Sandbox;
let folder: Folder;
beforeAll(async () => {
  [bank, folder] = await Promise.all([startSandbox(), Folder.make()]);
});
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  bank.faults.off();
  await Promise.all(closing.splice(0).map(close => close()));
});
const rows: string[] = [];
afterAll(async () => {
  await Promise.all([bank.close(), folder.remove()]);
  const file = process.env["MINNA_TEST_DOCTOR_TABLE"];
  const head = "| Broken | Finding | Status | English | 日本語 |\n|---|---|---|---|---|\n";
  if (file !== undefined) await writeFile(file, `${head}${rows.join("")}`);
});

interface Broken {
  readonly how: string;
  readonly id: string;
  readonly status?: Status;
  readonly settings?: Partial<Settings>;
  readonly says?: RegExp;
  readonly patient: () => Patient | Promise<Patient>;
}

const OFFLINE = { offline: true };

function options(overrides: object = {}, profile: Profile = "fapi2-security"): Patient {
  return asModule({ ...bank.client(profile), ...overrides });
}

async function files(change: (variables: Variables) => object | Promise<object>, profile: Profile = "fapi2-security") {
  const variables = await folder.connection(bank, profile);
  return folder.patient({ ...variables, ...(await change(variables)) });
}

function withFault(name: FaultName, profile: Profile = "fapi2-security"): Patient {
  bank.faults.on(name);
  return options({}, profile);
}

function withCertificate({ cert, key }: Pick<Made, "cert" | "key">, passphrase?: string): Patient {
  const { ca } = bank.client("fapi2-security").certificate;
  return options({ certificate: { cert, key, ca, ...(passphrase !== undefined && { passphrase }) } });
}

/** The bank's API on a server that is like this. */
async function withApi(server: ServerOptions, more: object = {}): Promise<Patient> {
  const ours = newAuthority();
  const started = await startServer({ ...serverCertificate(ours), ...server }, (_, response) => {
    response.writeHead(404).end();
  });
  closing.push(started.close);
  const { certificate } = bank.client("fapi2-security");
  return options({
    api: { baseUrl: started.url },
    certificate: { ...certificate, ca: [certificate.ca, ours.certificate] },
    ...more,
  });
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise(resolve => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

/** A port where nothing listens. */
async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

const root = make({ name: "root", ca: true });
const intermediate = make({ name: "intermediate", issuer: root, ca: true });
const leaf = make({ name: "leaf", issuer: intermediate });
const another = make({ name: "another" });
const expiredIntermediate = make({
  name: "intermediate",
  issuer: root,
  ca: true,
  days: [-10, -1],
  key: intermediate.privateKey,
});
const chained = (...certificates: readonly Made[]) => ({
  cert: certificates.map(({ cert }) => cert).join(""),
  key: leaf.key,
});
const encrypted = another.privateKey
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "opens-it" })
  .toString();
const rsa1024 = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;

const OPTIONS: readonly Broken[] = [
  {
    how: "a variable is missing",
    id: "options.invalid",
    patient: () => files(() => ({ MINNA_ISSUER: "" })),
    says: /MINNA_ISSUER/,
  },
  {
    how: "a variable is misspelt",
    id: "options.unknown-variable",
    status: "warning",
    patient: () => files(() => ({ MINNA_ANOUNCED_IN: "2026-03" })),
    says: /MINNA_ANNOUNCED_IN/,
  },
  { how: "issuer is http", id: "options.invalid", patient: () => options({ issuer: "http://localhost:1" }) },
  {
    how: "an option that is none",
    id: "options.invalid",
    patient: () => options({ clientSecret: "x" }),
    says: /clientSecret/,
  },
  { how: "no certificate at all", id: "options.invalid", patient: () => options({ certificate: undefined }) },
  {
    how: "clientId from a template",
    id: "options.placeholder",
    status: "warning",
    patient: () => options({ clientId: "your-client-id" }),
  },
  {
    how: "a reserved host name",
    id: "options.placeholder",
    status: "warning",
    patient: () => options({ issuer: "https://auth.bank.example" }),
  },
  {
    how: "a signed profile without signing",
    id: "options.invalid",
    patient: () => options({ profile: "fapi1-advanced" }),
    says: /signing/,
  },
  { how: "a store without methods", id: "options.invalid", patient: () => options({ store: { get() {} } }) },
  {
    how: "a sealing key of 16 bytes",
    id: "options.invalid",
    patient: () => options({ sealing: { keys: [{ kid: "1", key: "AAAAAAAAAAAAAAAAAAAAAA" }] } }),
  },
];

const CERTIFICATES: readonly Broken[] = [
  {
    how: "certificate file is missing",
    id: "certificate.file",
    patient: () => files(() => ({ MINNA_CERT_FILE: "/nowhere/cert.pem" })),
    says: /ENOENT/,
  },
  {
    how: "others may read the key file",
    id: "certificate.permissions",
    status: "warning",
    patient: () =>
      files(async () => ({
        MINNA_KEY_FILE: await folder.write("open.pem", bank.client("fapi2-security").certificate.key, 0o644),
      })),
    says: /0644/,
  },
  {
    how: "certificate in DER",
    id: "certificate.format",
    patient: () => files(async () => ({ MINNA_CERT_FILE: await folder.write("cert.cer", another.x509.raw) })),
    says: /openssl x509 -inform DER/,
  },
  {
    how: "key in DER",
    id: "certificate.key-format",
    patient: () =>
      files(async () => ({
        MINNA_KEY_FILE: await folder.write("key.der", another.privateKey.export({ type: "pkcs8", format: "der" })),
      })),
    says: /openssl pkey -inform DER/,
  },
  {
    how: "a PKCS#12 file",
    id: "certificate.format",
    patient: () => files(async () => ({ MINNA_CERT_FILE: await folder.write("new.pfx", NEW_PFX) })),
    says: /openssl pkcs12 -in/,
  },
  {
    how: "an old PKCS#12 file (RC2)",
    id: "certificate.format",
    patient: () => files(async () => ({ MINNA_CERT_FILE: await folder.write("old.pfx", OLD_PFX) })),
    says: /openssl pkcs12 -legacy -in/,
  },
  {
    how: "a PKCS#7 bundle",
    id: "certificate.format",
    patient: () => files(async () => ({ MINNA_CERT_FILE: await folder.write("c.p7b", PKCS7) })),
    says: /openssl pkcs7 -inform DER/,
  },
  {
    how: "the CSR for the certificate",
    id: "certificate.format",
    patient: () => withCertificate({ cert: REQUEST, key: another.key }),
    says: /CSR/,
  },
  {
    how: "certificate and key exchanged",
    id: "certificate.format",
    patient: () => withCertificate({ cert: another.key, key: another.cert }),
    says: /swap/,
  },
  {
    how: "an empty certificate file",
    id: "certificate.format",
    patient: () => files(async () => ({ MINNA_CERT_FILE: await folder.write("empty.pem", "") })),
    says: /empty/,
  },
  {
    how: "UTF-16, as PowerShell writes",
    id: "certificate.format",
    patient: () =>
      files(async () => ({
        MINNA_CERT_FILE: await folder.write("utf16.pem", Buffer.from(`\ufeff${another.cert}`, "utf16le")),
      })),
    says: /iconv/,
  },
  {
    how: "a damaged key",
    id: "certificate.key-format",
    patient: () => withCertificate({ cert: another.cert, key: another.key.replace(/\n[^\n]+\n/, "\n") }),
    says: /damaged/,
  },
  {
    how: "an encrypted key without passphrase",
    id: "certificate.passphrase",
    patient: () => withCertificate({ ...another, key: encrypted }),
    says: /no passphrase/,
  },
  {
    how: "an encrypted key with a wrong passphrase",
    id: "certificate.passphrase",
    patient: () => withCertificate({ ...another, key: encrypted }, "opens-nothing"),
    says: /does not open/,
  },
  {
    how: "another certificate's key",
    id: "certificate.key-match",
    patient: () => withCertificate({ cert: leaf.cert, key: another.key }),
  },
  {
    how: "the leaf is not first",
    id: "certificate.chain",
    patient: () => withCertificate(chained(intermediate, leaf)),
    says: /number 2/,
  },
  {
    how: "an intermediate is missing",
    id: "certificate.chain",
    status: "warning",
    patient: () => withCertificate(chained(leaf)),
    says: /comes alone/,
  },
  {
    how: "the chain is out of order",
    id: "certificate.chain",
    status: "warning",
    patient: () => withCertificate(chained(leaf, root, intermediate)),
    says: /out of order/,
  },
  {
    how: "a stranger in the chain",
    id: "certificate.chain",
    status: "warning",
    patient: () => withCertificate(chained(leaf, intermediate, another)),
    says: /CN=another/,
  },
  {
    how: "an intermediate has expired",
    id: "certificate.chain",
    patient: () => withCertificate(chained(leaf, expiredIntermediate)),
    says: /intermediate certificate has expired/,
  },
  {
    how: "expired",
    id: "certificate.validity",
    patient: () => withCertificate(make({ name: "old", days: [-10, -1] })),
    says: /Expired/,
  },
  {
    how: "not valid yet",
    id: "certificate.validity",
    patient: () => withCertificate(make({ name: "new", days: [1, 10] })),
    says: /Not valid before/,
  },
  {
    how: "20 days left",
    id: "certificate.validity",
    status: "warning",
    patient: () => withCertificate(make({ name: "late", days: [-1, 20] })),
    says: /20 days left/,
  },
  {
    how: "1 day left",
    id: "certificate.validity",
    status: "warning",
    patient: () => withCertificate(make({ name: "late", days: [-1, 1] })),
    says: /1 day left/,
  },
  {
    how: "for servers only",
    id: "certificate.usage",
    patient: () => withCertificate(make({ name: "server", purposes: [SERVER_AUTH] })),
    says: /servers only/,
  },
  {
    how: "without clientAuth",
    id: "certificate.usage",
    patient: () => withCertificate(make({ name: "mail", purposes: ["1.3.6.1.5.5.7.3.4"] })),
    says: /lacks clientAuth/,
  },
  {
    how: "without digitalSignature",
    id: "certificate.usage",
    patient: () => withCertificate(make({ name: "seal", usage: 0x20 })),
    says: /digitalSignature/,
  },
  {
    how: "an authority's certificate",
    id: "certificate.usage",
    patient: () => withCertificate(root),
    says: /authority/,
  },
  {
    how: "an RSA key of 1024 bits",
    id: "certificate.key-strength",
    patient: () => withCertificate(make({ name: "weak", key: rsa1024 })),
    says: /1024/,
  },
  {
    how: "signed with SHA-1",
    id: "certificate.signature",
    patient: () => withCertificate(make({ name: "sha1", hash: "sha1" })),
    says: /SHA-1/,
  },
  {
    how: "certificate.ca is no authority's",
    id: "certificate.ca",
    status: "warning",
    patient: () => options({ certificate: { ...bank.client("fapi2-security").certificate, ca: another.cert } }),
  },
  {
    how: "the loader fails",
    id: "certificate.file",
    patient: () => options({ certificate: () => Promise.reject(new Error("CANARY")) }),
    says: /function/,
  },
];

const KEYS: readonly Broken[] = [
  {
    how: "the signing file is missing",
    id: "keys.signing",
    patient: () => files(() => ({ MINNA_SIGNING_FILE: "/nowhere" }), "fapi1-advanced"),
    says: /ENOENT/,
  },
  {
    how: "others may read the signing file",
    id: "keys.permissions",
    status: "warning",
    patient: () =>
      files(
        async () => ({
          MINNA_SIGNING_FILE: await folder.write(
            "open.json",
            JSON.stringify(bank.client("fapi1-advanced").signing.key),
            0o640,
          ),
        }),
        "fapi1-advanced",
      ),
  },
  {
    how: "the KMS fails",
    id: "keys.signing",
    patient: () =>
      options(
        { signing: { alg: "ES256", kid: "k", sign: () => Promise.reject(new Error("CANARY")) } },
        "fapi2-message-signing",
      ),
    says: /signing\.sign failed/,
  },
  {
    how: "the KMS signs with another key",
    id: "keys.signing",
    patient: () =>
      options(
        {
          signing: {
            alg: "ES256",
            kid: "k",
            publicKey: another.x509.publicKey.export({ format: "jwk" }),
            sign: () => new Uint8Array(64),
          },
        },
        "fapi2-message-signing",
      ),
    says: /does not fit/,
  },
  {
    how: "a signer without its public key",
    id: "keys.signing",
    status: "warning",
    patient: () =>
      options({ signing: { alg: "ES256", kid: "k", sign: () => new Uint8Array(64) } }, "fapi2-message-signing"),
  },
  {
    how: "80 days to the end of the version",
    id: "version.end",
    status: "warning",
    patient: () => options({ announcedIn: monthsFrom(-10) }),
  },
  { how: "the version has ended", id: "version.end", patient: () => options({ announcedIn: "2020-01" }) },
];

function monthsFrom(months: number): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)).toISOString().slice(0, 7);
}

const HOSTS: readonly Broken[] = [
  { how: "the name is unknown", id: "host.dns", patient: () => options({ issuer: "https://nowhere.invalid" }) },
  {
    how: "nothing listens",
    id: "host.tcp",
    patient: async () => options({ issuer: `https://localhost:${await closedPort()}` }),
    says: /ECONNREFUSED/,
  },
  {
    how: "plain HTTP on the port",
    id: "host.plain-http",
    patient: async () =>
      options({ issuer: `https://localhost:${await portOf(createPlainServer((_, response) => response.end()))}` }),
  },
  {
    how: "it hangs up at once",
    id: "host.handshake",
    patient: async () =>
      options({
        issuer: `https://localhost:${await portOf(createTcpServer(socket => socket.once("data", () => socket.destroy())))}`,
      }),
  },
  {
    how: "it says nothing",
    id: "host.handshake",
    settings: { timeout: 300 },
    patient: async () => options({ issuer: `https://localhost:${await silent()}` }),
    says: /TIMEOUT/,
  },
  {
    how: "a certificate of an unknown authority",
    id: "host.untrusted",
    patient: () => withFault("server-certificate-untrusted"),
  },
  {
    how: "certificate.ca is missing",
    id: "host.untrusted",
    patient: () => options({ certificate: { ...bank.client("fapi2-security").certificate, ca: undefined } }),
    says: /MINNA_CA_FILE/,
  },
  {
    how: "a certificate for another name",
    id: "host.name",
    patient: () => withFault("server-certificate-wrong-name"),
    says: /elsewhere\.example/,
  },
  { how: "an expired server certificate", id: "host.expired", patient: () => withFault("server-certificate-expired") },
  { how: "TLS 1.1 only", id: "host.protocol", patient: () => withFault("tls-1.1-only"), says: /TLSv1\.1/ },
  { how: "TLS 1.2 with CBC only", id: "host.protocol", patient: () => withFault("tls-1.2-cbc-only"), says: /CBC/ },
];

async function silent(): Promise<number> {
  const server = createTcpServer(socket => closing.unshift(async () => socket.destroy()));
  return portOf(server);
}

const strict = (maxVersion: "TLSv1.2" | "TLSv1.3"): ServerOptions => ({
  requestCert: true,
  rejectUnauthorized: true,
  // Its own authority is not the one that the client certificate is from.
  ca: root.cert,
  maxVersion,
});

const MTLS: readonly Broken[] = [
  {
    how: "the bank hangs up on the certificate (TLS 1.3)",
    id: "mtls.certificate",
    patient: () => withApi(strict("TLSv1.3")),
    says: /asks for the certificate and hangs up after/,
  },
  {
    how: "the bank hangs up on the certificate (TLS 1.2)",
    id: "mtls.certificate",
    patient: () => withApi(strict("TLSv1.2")),
    says: /asks for the certificate/,
  },
  {
    how: "the certificate is of an unknown authority",
    id: "mtls.certificate",
    patient: () =>
      options({
        certificate: { ...bank.client("fapi2-security").certificate, ...bank.issueCertificate({ trusted: false }) },
      }),
  },
  { how: "the API asks for no certificate", id: "mtls.not-asked", patient: () => withApi({}) },
  {
    how: "the API's port is closed",
    id: "host.tcp",
    patient: async () => options({ api: { baseUrl: `https://localhost:${await closedPort()}` } }),
  },
  {
    how: "the API is on the port for browsers",
    id: "mtls.not-asked",
    patient: () => options({ api: { baseUrl: `${bank.issuer}/v1` } }),
  },
];

const METADATA: readonly Broken[] = [
  {
    how: "another issuer",
    id: "discovery.issuer",
    patient: () => withFault("discovery-issuer-mismatch"),
    says: /impostor\.example/,
  },
  {
    how: "a slash at the issuer's end",
    id: "discovery.issuer",
    patient: () => withFault("discovery-issuer-trailing-slash"),
    says: /slash/,
  },
  {
    how: "no metadata at the issuer",
    id: "discovery.document",
    patient: () => options({ issuer: `${bank.issuer}/elsewhere` }),
    says: /HTTP 404/,
  },
  {
    how: "no mtls_endpoint_aliases",
    id: "discovery.aliases",
    patient: () => withFault("metadata-alias-missing"),
    says: /mtlsEndpointAliases/,
  },
  { how: "RS256 and none only", id: "discovery.id-token", patient: () => withFault("metadata-offers-rs256-and-none") },
  {
    how: "RS256 and none only, JARM",
    id: "discovery.jarm",
    patient: () => first(withFault("metadata-offers-rs256-and-none", "fapi1-advanced"), { openid: null }),
  },
  {
    how: "an unknown scope",
    id: "discovery.scopes",
    status: "warning",
    patient: () => options({ contract: { scopes: { balance: "accounts:read" } } }),
    says: /accounts:read/,
  },
  { how: "the JWKS is HTML", id: "jwks.document", patient: () => withFault("jwks-html"), says: /HTML/ },
  { how: "the JWKS is huge", id: "jwks.document", patient: () => withFault("jwks-huge"), says: /bytes/ },
  { how: "the JWKS is empty", id: "jwks.empty", patient: () => withFault("jwks-empty") },
  {
    how: "a weak key among the bank's",
    id: "jwks.weak-key",
    status: "warning",
    patient: () => withFault("jwks-weak-key"),
  },
  { how: "keys share a kid", id: "jwks.kid", status: "warning", patient: () => withFault("jwks-duplicate-kid") },
];

/** The same, as plain OAuth: then it is the responses that are missed first. */
function first({ content, ...patient }: Patient, scopes: object): Patient {
  return content.kind === "module"
    ? { ...patient, content: { kind: "module", options: { ...content.options, contract: { scopes } } } }
    : { ...patient, content };
}

/** A store of the partner's own, which does all but this. */
function storeThat(broken: Partial<Store>): Patient {
  return options({ store: { ...partnersStore(), ...broken } });
}

function partnersStore(inner: Store = new MemoryStore()): Store {
  return {
    get: key => inner.get(key),
    put: (key, value, more) => inner.put(key, value, more),
    take: key => inner.take(key),
    find: search => inner.find(search),
    lock: (key, owner, duration) => inner.lock(key, owner, duration),
    unlock: (key, owner) => inner.unlock(key, owner),
  };
}

const STORES: readonly Broken[] = [
  {
    how: "MemoryStore",
    id: "store.persistent",
    status: "warning",
    settings: OFFLINE,
    patient: () => options({ store: new MemoryStore() }),
  },
  {
    how: "no sealing",
    id: "store.sealing",
    status: "warning",
    settings: OFFLINE,
    patient: () => options({ store: new MemoryStore() }),
  },
  {
    how: "sealing with plain: accept",
    id: "store.sealing",
    status: "warning",
    settings: OFFLINE,
    patient: () => options({ sealing: { plain: "accept", keys: [{ kid: "k1", key: Buffer.alloc(32, 1) }] } }),
    says: /k1/,
  },
  {
    how: "the store can't be reached",
    id: "store.reachable",
    settings: OFFLINE,
    patient: () =>
      storeThat({ get: () => Promise.reject(Object.assign(new Error("CANARY"), { code: "ECONNREFUSED" })) }),
    says: /ECONNREFUSED/,
  },
  {
    how: "the store does not answer",
    id: "store.reachable",
    settings: { ...OFFLINE, timeout: 200 },
    patient: () => storeThat({ get: () => new Promise(() => {}) }),
    says: /in time/,
  },
  {
    how: "the store forgets",
    id: "store.entries",
    settings: OFFLINE,
    patient: () => storeThat({ get: async () => undefined }),
  },
  { how: "the store overwrites", id: "store.versions", settings: OFFLINE, patient: () => storeThat(overwriting()) },
  { how: "two take one entry", id: "store.take", settings: OFFLINE, patient: () => storeThat(takenTwice()) },
  {
    how: "locks keep nobody out",
    id: "store.locks",
    settings: OFFLINE,
    patient: () => storeThat({ lock: async () => true }),
  },
];

function overwriting(): Store {
  const inner = new MemoryStore();
  const version = async (key: string) => (await inner.get(key))?.version ?? 0;
  return {
    ...partnersStore(inner),
    put: async (key, value, more) => inner.put(key, value, { ...more, version: await version(key) }),
  };
}

function takenTwice(): Store {
  const inner = new MemoryStore();
  return {
    ...partnersStore(inner),
    take: async key => {
      const entry = await inner.get(key);
      await inner.take(key);
      return entry;
    },
  };
}

const PUSHED: readonly Broken[] = [
  {
    how: "another client's certificate",
    id: "push.refused",
    settings: { push: true },
    patient: () => options({ certificate: bank.client("fapi1-advanced").certificate }),
    says: /invalid_client/,
  },
  {
    how: "redirectUri is not registered",
    id: "push.refused",
    settings: { push: true },
    patient: () => options({ redirectUri: "https://partner.example/other" }),
    says: /redirectUri/,
  },
  {
    how: "a scope is not registered",
    id: "push.refused",
    settings: { push: true },
    patient: () => options({ contract: { scopes: { balance: "accounts:read" } } }),
    says: /invalid_scope/,
  },
  {
    how: "another signing key than the registered one",
    id: "push.refused",
    settings: { push: true },
    patient: () => options({ signing: { key: another.key, alg: "ES256", kid: "other" } }, "fapi2-message-signing"),
    says: /invalid_request_object/,
  },
  { how: "without --push", id: "push", status: "skipped", patient: () => options() },
];

const SURROUNDINGS: readonly Broken[] = [
  {
    how: "a proxy is set",
    id: "environment.proxy",
    status: "warning",
    settings: OFFLINE,
    patient: () => asModule(bank.client("fapi2-security"), { HTTPS_PROXY: "http://user:CANARY@proxy:3128" }),
  },
  {
    how: "TLS verification is off",
    id: "environment.tls-verification",
    status: "warning",
    settings: OFFLINE,
    patient: () => asModule(bank.client("fapi2-security"), { NODE_TLS_REJECT_UNAUTHORIZED: "0" }),
  },
  {
    how: "NODE_EXTRA_CA_CERTS is missing",
    id: "environment.extra-ca",
    status: "warning",
    settings: OFFLINE,
    patient: () => asModule(bank.client("fapi2-security"), { NODE_EXTRA_CA_CERTS: "/nowhere" }),
  },
  {
    how: "NODE_OPTIONS turns old TLS on",
    id: "environment.node-options",
    status: "warning",
    settings: OFFLINE,
    patient: () => asModule(bank.client("fapi2-security"), { NODE_OPTIONS: "--tls-min-v1.0" }),
  },
];

test.each([
  ...OPTIONS.map(row => ({ settings: OFFLINE, ...row })),
  ...CERTIFICATES.map(row => ({ settings: OFFLINE, ...row })),
  ...KEYS.map(row => ({ settings: OFFLINE, ...row })),
  ...HOSTS,
  ...MTLS,
  ...METADATA,
  ...STORES,
  ...PUSHED,
  ...SURROUNDINGS,
])("$how: $id", async ({ how, id, status = "problem", settings, says, patient }) => {
  const findings = await findingsOf(await patient(), settings);
  const problems = findings.filter(finding => finding.status === "problem");
  // What is broken comes first; a warning breaks nothing.
  if (status === "problem") expect(problems[0]?.id).toBe(id);
  else expect(findings.map(finding => `${finding.id} ${finding.status}`)).toContain(`${id} ${status}`);
  const found = findings.find(finding => finding.id === id && finding.status === status);
  expect(JSON.stringify(found)).toMatch(says ?? /./);
  expect(JSON.stringify(findings)).not.toContain("CANARY");
  rows.push(
    `| ${how} | \`${id}\` | ${status} | ${found?.found.en.split("\n")[0]} | ${found?.found.ja.split("\n")[0]} |\n`,
  );
});

test("a fault of the table is one that can happen: nothing is found where nothing is broken", async () => {
  const findings = await findingsOf(options({ store: new MemoryStore() }), { push: true });
  expect(findings.filter(({ status }) => status === "problem")).toEqual([]);
  expect(new X509Certificate(leaf.cert).subject).toContain("CN=leaf");
  expect(CLIENT_AUTH).not.toBe(SERVER_AUTH);
});
