import { spawnSync } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey, verify, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { subjectName } from "../../src/cli/keygen/subject.js";
import { newAuthority, serverCertificate } from "../support/certificates.js";
import { startServer } from "../support/tls-server.js";
import { home, made, read, SUBJECT } from "./keygen-home.js";

const openssl = spawnSync("openssl", ["version"]).status === 0;

/** A DER value and its parts, read by other code than that which wrote it. */
interface Value {
  readonly tag: number;
  readonly raw: Buffer;
  readonly content: Buffer;
  readonly parts: readonly Value[];
}

function parse(bytes: Buffer): Value {
  const [value] = parseAll(bytes);
  expect(value?.raw.length).toBe(bytes.length);
  return value!;
}

function parseAll(bytes: Buffer): Value[] {
  const values: Value[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at]!;
    const short = bytes[at + 1]!;
    const more = short < 0x80 ? 0 : short & 0x7f;
    const size = more === 0 ? short : bytes.readUIntBE(at + 2, more);
    const from = at + 2 + more;
    const content = bytes.subarray(from, from + size);
    expect(content.length).toBe(size);
    values.push({ tag, raw: bytes.subarray(at, from + size), content, parts: tag & 0x20 ? parseAll(content) : [] });
    at = from + size;
  }
  return values;
}

/** `oid tag text` of each part of a subject, a set of several joined with a plus. */
function written(text: string): string[] {
  return parse(subjectName(text)).parts.map(set =>
    set.parts
      .map(({ parts: [oid, value] }) => `${oid!.content.toString("hex")} ${value!.tag} ${value!.content}`)
      .join(" + "),
  );
}

describe("the subject", () => {
  const CN = "550403 12";
  test.each([
    ["CN=a,O=b,C=JP", ["550406 19 JP", "55040a 12 b", `${CN} a`]],
    [" cn = a b , O=株式会社かもめ ", ["55040a 12 株式会社かもめ", `${CN} a b`]],
    ['CN=\\ a\\, \\+\\"\\\\\\<\\>\\;\\=\\#\\ ', [`${CN}  a, +"\\<>;=# `]],
    ["CN=#\\20".replace("#", "\\#"), [`${CN} # `]],
    ["CN=\\E6\\A0\\AA=\\E5ber".replace("\\E5", "\\C3\\A5"), [`${CN} 株=åber`]],
    ["CN=か\u3099もめ", [`${CN} がもめ`]],
    ["UID=1+CN=a,DC=example", ["0992268993f22c640119 22 example", `${CN} a + 0992268993f22c640101 12 1`]],
    ["2.5.4.3=a,1.3.6.1.4.1.99999.7=b", ["2b06010401868d1f07 12 b", `${CN} a`]],
    ["serialNumber=12-34,emailAddress=a@b.example", ["2a864886f70d010901 22 a@b.example", "550405 19 12-34"]],
    ["CN=a\u{20000}b", [`${CN} a\u{20000}b`]],
  ])("%s", (text, parts) => {
    expect(written(text)).toEqual(parts);
  });
});

describe("a request for a certificate", () => {
  test.each([[[]], [["--rsa", "2048"]]])("is signed by the key that it is for, with %j", async options => {
    await made(
      "keys",
      "--no-signing",
      ...SUBJECT,
      "--dns",
      "partner.example",
      "--dns",
      "xn--u8jxb.example",
      ...options,
    );
    const text = await read("keys/request.csr");
    const [, body = ""] =
      /^-----BEGIN CERTIFICATE REQUEST-----\n([^-]+)-----END CERTIFICATE REQUEST-----\n$/.exec(text) ?? [];
    const [information, algorithm, signature] = parse(Buffer.from(body, "base64")).parts;
    const [version, subject, spki, attributes] = information!.parts;
    expect(version!.raw).toEqual(Buffer.from([2, 1, 0]));
    expect(subject!.raw).toEqual(subjectName(SUBJECT[1]!));
    expect([attributes!.tag, algorithm!.parts.length]).toEqual([0xa0, options.length === 0 ? 1 : 2]);
    const key = createPublicKey({ key: spki!.raw, format: "der", type: "spki" });
    expect(verify("sha256", information!.raw, key, signature!.content.subarray(1))).toBe(true);
    expect(key.equals(createPublicKey(await read("keys/key.pem")))).toBe(true);
  });

  test.skipIf(!openssl)("is what openssl takes it for", async () => {
    const text = await made("keys", "--no-signing", ...SUBJECT, "--dns", "partner.example");
    const asked = [
      "req",
      "-in",
      join(home, "keys/request.csr"),
      "-noout",
      "-verify",
      "-text",
      "-nameopt",
      "utf8,sep_comma_plus",
    ];
    const { stdout, stderr } = spawnSync("openssl", asked, { encoding: "utf8" });
    expect(stdout + stderr).toMatch(/verify OK/);
    for (const line of [
      "Subject: C=JP,O=株式会社かもめ,CN=partner.example",
      "DNS:partner.example",
      "TLS Web Client Authentication",
    ]) {
      expect(stdout).toContain(line);
    }
    expect(stdout).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    const spki = createPublicKey(await read("keys/key.pem")).export({ type: "spki", format: "der" });
    expect(text).toContain(createHash("sha256").update(spki).digest("hex"));
  });
  if (!openssl) console.log("openssl is not installed: it checks no request");
});

describe("a certificate that is signed by itself", () => {
  test.each([[[]], [["--rsa", "3072"]]])("opens a TLS connection, with %j", async options => {
    const text = await made(
      "keys",
      "--no-signing",
      ...SUBJECT,
      "--self-signed",
      "--days",
      "30",
      "--dns",
      "a.example",
      ...options,
    );
    const [cert, key] = [await read("keys/cert.pem"), await read("keys/key.pem")];
    const x509 = new X509Certificate(cert);
    expect(x509.subject).toBe("C=JP\nO=株式会社かもめ\nCN=partner.example");
    expect(x509.subjectAltName).toBe("DNS:a.example");
    expect([x509.ca, x509.keyUsage]).toEqual([false, ["1.3.6.1.5.5.7.3.2"]]);
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(x509.checkPrivateKey(createPrivateKey(key))).toBe(true);
    const days = (Date.parse(x509.validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
    expect(Date.parse(x509.validFrom)).toBeLessThan(Date.now());
    const [toBeSigned] = parse(x509.raw).parts;
    const serial = toBeSigned!.parts[1]!.content;
    expect(serial.length).toBeLessThanOrEqual(20);
    expect(serial[0]).toBeGreaterThan(0);
    expect(serial[0]).toBeLessThan(0x80);
    const digest = createHash("sha256").update(x509.raw).digest();
    for (const form of ["hex", "base64url"] as const) expect(text).toContain(digest.toString(form));

    const authority = newAuthority();
    const listening = { ...serverCertificate(authority), requestCert: true, rejectUnauthorized: true };
    for (const [ca, status] of [
      [cert, 200],
      [authority.certificate, "refused"],
    ] as const) {
      const server = await startServer({ ...listening, ca }, (_, response) => void response.end());
      onTestFinished(() => server.close());
      expect(await get(server.url, { ca: authority.certificate, cert, key })).toBe(status);
      if (status === 200) expect(server.seen[0]?.client).toBe("partner.example");
    }
  });
});

async function get(url: string, options: { ca: string; cert: string; key: string }): Promise<unknown> {
  const sent = request(url, { ...options, agent: false }).end();
  return await once(sent, "response").then(
    ([response]) => response.resume().statusCode,
    () => "refused",
  );
}
