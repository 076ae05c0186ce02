import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { afterEach, describe, expect, test, vi } from "vitest";
import { checkLoadedCertificate } from "../../src/config/certificate.js";
import { configure } from "../../src/config/configurations.js";
import { ConfigurationError } from "../../src/errors.js";
import { clientCertificate, newAuthority } from "../support/certificates.js";
import { problemsOf, rejection } from "../support/errors.js";
import { validOptions } from "../support/options.js";

const authority = newAuthority();
const { cert, key } = clientCertificate(authority);
const encrypted = createPrivateKey(key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "pass" })
  .toString();

afterEach(() => {
  vi.useRealTimers();
});

function problems(value: unknown): string[] {
  return problemsOf(() => checkLoadedCertificate(value)).map(({ option, found }) => `${option}: ${found}`);
}

describe("a certificate", () => {
  test("has the thumbprint of its DER form, and an end", () => {
    const checked = checkLoadedCertificate({ cert, key });
    const { raw, validTo } = new X509Certificate(cert);
    expect(checked.thumbprint).toBe(createHash("sha256").update(raw).digest("base64url"));
    expect(checked.notAfter).toBe(Date.parse(validTo));
    expect(Object.isFrozen(checked) && Object.isFrozen(checked.ca)).toBe(true);
  });

  test("may come as bytes", () => {
    const bytes = { cert: Buffer.from(cert), key: Buffer.from(key), ca: Buffer.from(authority.certificate) };
    const checked = checkLoadedCertificate(bytes);
    expect(checked.cert).toBe(cert);
    expect(checked.ca).toEqual([authority.certificate]);
  });

  test("may come with its intermediate ones, the leaf first", () => {
    const chain = `subject=CN partner-1\n${cert}\n${authority.certificate}`;
    const checked = checkLoadedCertificate({ cert: chain, key });
    expect(checked.thumbprint).toBe(checkLoadedCertificate({ cert, key }).thumbprint);
    expect(checked.cert).toBe(chain);
  });

  test("that comes after its intermediate ones does not match its key", () => {
    expect(problems({ cert: `${authority.certificate}${cert}`, key })).toEqual([
      "certificate.key: the key of another certificate",
    ]);
  });

  test("that has expired is refused, with the day", () => {
    const old = clientCertificate(authority, -30, 10);
    const [problem] = problems(old);
    expect(problem).toMatch(/^certificate\.cert: one that expired on \d{4}-\d{2}-\d{2}$/);
  });

  test("that is not valid yet is refused, with the day", () => {
    const [problem] = problems(clientCertificate(authority, 2));
    expect(problem).toMatch(/^certificate\.cert: one that is valid from \d{4}-\d{2}-\d{2}$/);
  });

  test("is valid until its last second", () => {
    const end = Date.parse(new X509Certificate(cert).validTo);
    vi.useFakeTimers({ toFake: ["Date"], now: end - 1 });
    checkLoadedCertificate({ cert, key });
    vi.setSystemTime(end);
    expect(problems({ cert, key })).toHaveLength(1);
  });

  test.each<[string, unknown, string[]]>([
    ["is nothing", undefined, ["certificate: nothing"]],
    ["is empty", {}, ["certificate.cert: nothing", "certificate.key: nothing"]],
    ["is a number", { cert: 7, key }, ["certificate.cert: a number"]],
    ["is no PEM", { cert: "cert.pem", key }, ["certificate.cert: text that is not"]],
    ["is broken PEM", { cert: cert.replace(/[A-Z]{3}/g, "AAA"), key }, ["certificate.cert: text that is not"]],
    ["is a key", { cert: key, key }, ["certificate.cert: text that is not"]],
    ["has no key", { cert }, ["certificate.key: nothing"]],
    ["has a key that is none", { cert, key: "key.pem" }, ["certificate.key: text that is not"]],
    ["has a certificate as its key", { cert, key: cert }, ["certificate.key: text that is not"]],
    ["has more", { cert, key, pfx: "x" }, ["certificate.pfx: an unknown option"]],
    ["has a passphrase that is none", { cert, key: encrypted, passphrase: 7 }, ["certificate.passphrase: a number"]],
  ])("that %s is refused", (_, value, expected) => {
    expect(problems(value)).toEqual(expected);
  });
});

describe("the key of a certificate", () => {
  test("of another certificate is refused", () => {
    expect(problems({ cert, key: clientCertificate(authority).key })).toEqual([
      "certificate.key: the key of another certificate",
    ]);
  });

  test("of another type is refused", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    expect(problems({ cert, key: pem })).toEqual(["certificate.key: the key of another certificate"]);
  });

  test("of RSA with 1024 bits is refused", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    expect(problems({ cert, key: pem })).toContain("certificate.key: one of 1024 bits");
  });

  test("that is encrypted is opened with the passphrase", () => {
    expect(checkLoadedCertificate({ cert, key: encrypted, passphrase: "pass" }).key.type).toBe("private");
  });

  test("that is encrypted is refused without the passphrase, and with another one", () => {
    expect(problems({ cert, key: encrypted })).toEqual([
      "certificate.key: an encrypted key without certificate.passphrase",
    ]);
    expect(problems({ cert, key: encrypted, passphrase: "wrong" })).toEqual([
      "certificate.key: an encrypted key that the passphrase does not open",
    ]);
  });
});

describe("the authorities", () => {
  test("may be one text, or several", () => {
    const other = newAuthority().certificate;
    expect(checkLoadedCertificate({ cert, key, ca: authority.certificate }).ca).toHaveLength(1);
    expect(checkLoadedCertificate({ cert, key, ca: [authority.certificate, Buffer.from(other)] }).ca).toHaveLength(2);
    expect(checkLoadedCertificate({ cert, key }).ca).toEqual([]);
  });

  test.each<[unknown, string]>([
    ["ca.pem", "text that is not"],
    [["ca.pem"], "text that is not"],
    [7, "a number"],
    [null, "null"],
    [key, "text that is not"],
  ])("that are %j are refused", (ca, found) => {
    expect(problems({ cert, key, ca })).toEqual([`certificate.ca: ${found}`]);
  });
});

describe("a function that loads the certificate", () => {
  test("is not called before the certificate is needed", async () => {
    let calls = 0;
    const certificate = () => {
      calls++;
      return { cert, key };
    };
    const [settings] = configure(validOptions({ certificate })).all;
    expect(calls).toBe(0);
    expect((await settings.certificate.loader!.load(undefined, false)).thumbprint).toBe(
      checkLoadedCertificate({ cert, key }).thumbprint,
    );
    expect(calls).toBe(1);
  });

  test("may take its time", async () => {
    const [settings] = configure(validOptions({ certificate: async () => ({ cert, key }) })).all;
    expect((await settings.certificate.loader!.load(undefined, false)).cert).toBe(cert);
  });

  test("that brings something wrong is a ConfigurationError when it does", async () => {
    const [settings] = configure(validOptions({ certificate: () => ({ cert }) })).all;
    const error = await rejection(settings.certificate.loader!.load(undefined, false), ConfigurationError);
    expect(error.problems.map(({ option }) => option)).toEqual(["certificate.key"]);
  });
});
