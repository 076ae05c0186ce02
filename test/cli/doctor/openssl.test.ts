/** The commands that are printed do what they say; and a server that is OpenSSL's own, not Node's. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examineMaterial } from "../../../src/cli/doctor/certificate.js";
import { compare, judge } from "../../../src/cli/doctor/client-certificate.js";
import { checkLoadedCertificate } from "../../../src/config/certificate.js";
import { clientCertificate, newAuthority, serverCertificate } from "../../support/certificates.js";
import { make } from "./certificates.js";
import { NEW_PFX, OLD_PFX, PKCS7 } from "./fixtures.js";
import { Folder } from "./patients.js";

const OPENSSL = process.env["OPENSSL"] ?? "openssl";
const version = spawnSync(OPENSSL, ["version"], { encoding: "utf8" }).stdout ?? "";
const has = version.startsWith("OpenSSL 3");
if (!has) console.log("OpenSSL: skipped, openssl 3 is not installed");

describe.skipIf(!has)("with OpenSSL", () => {
  let folder: Folder;
  beforeAll(async () => {
    folder = await Folder.make();
  });
  afterAll(() => folder.remove());

  const made = make({ name: "converted" });
  const der = made.privateKey.export({ type: "pkcs8", format: "der" });

  async function convert(part: "cert" | "key", name: string, bytes: Buffer): Promise<void> {
    const path = await folder.write(name, bytes);
    const names = { cert: path, key: path, ca: path };
    const { findings } = examineMaterial({ [part]: bytes, ca: [], names, paths: names });
    const [wrong] = findings.filter(({ status }) => status === "problem");
    const command = wrong !== undefined && "command" in wrong ? (wrong.command ?? "") : "";
    // The passphrase is asked for at the terminal, which there is none of here.
    const silent = command.replaceAll("openssl pkcs12", "openssl pkcs12 -passin pass:fixture");
    expect(silent).toContain("openssl");
    execFileSync("sh", ["-c", silent], { stdio: "pipe" });
  }

  const read = (name: string) => readFile(`${folder.path}/${name}`, "utf8");

  test.each([
    ["old.pfx", OLD_PFX],
    ["new.pfx", NEW_PFX],
  ])("%s becomes what the client takes", async (name, bytes) => {
    await convert("cert", name, bytes);
    const base = name.replace(".pfx", "");
    const loaded = checkLoadedCertificate({ cert: await read(`${base}.cert.pem`), key: await read(`${base}.key.pem`) });
    expect(new X509Certificate(loaded.cert).subject).toContain("CN=fixture");
  });

  test("DER becomes what the client takes", async () => {
    await convert("cert", "own.cer", made.x509.raw);
    await convert("key", "own.der", der);
    const loaded = checkLoadedCertificate({ cert: await read("own.cert.pem"), key: await read("own.key.pem") });
    expect(new X509Certificate(loaded.cert).subject).toContain("CN=converted");
  });

  test("PKCS#7 becomes certificates", async () => {
    await convert("cert", "bundle.p7b", PKCS7);
    expect(new X509Certificate(await read("bundle.cert.pem")).subject).toContain("CN=fixture");
  });

  test.each(["-tls1_2", "-tls1_3"])("a server that refuses with an alert: %s", async protocol => {
    const [bank, partners] = [newAuthority(), newAuthority()];
    const { cert, key } = serverCertificate(bank);
    const paths = {
      cert: await folder.write("server.pem", cert),
      key: await folder.write("server.key", key),
      known: await folder.write("known.pem", partners.certificate),
    };
    const port = await freePort();
    const args = ["s_server", "-accept", String(port), "-cert", paths.cert, "-key", paths.key, "-CAfile", paths.known];
    const server = spawn(OPENSSL, [...args, "-Verify", "1", "-verify_return_error", "-www", protocol], {
      stdio: "pipe",
    });
    try {
      await listening(server.stdout);
      const target = { host: "localhost", port };
      const tryWith = async (authority: typeof bank) => {
        const certificate = checkLoadedCertificate({ ...clientCertificate(authority), ca: bank.certificate });
        return judge(target, await compare(target, "/", certificate, 5_000), new X509Certificate(certificate.cert));
      };
      expect(await tryWith(partners)).toMatchObject({ id: "mtls.certificate", status: "ok" });
      const refused = await tryWith(newAuthority());
      expect(refused).toMatchObject({ id: "mtls.certificate", status: "problem" });
      expect(refused.found.en).toMatch(/ALERT/);
    } finally {
      const exited = once(server, "exit");
      server.kill();
      await exited;
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function listening(output: Readable): Promise<void> {
  for await (const chunk of output.iterator({ destroyOnReturn: false })) if (String(chunk).includes("ACCEPT")) return;
}
