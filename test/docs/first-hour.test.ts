import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type Sandbox, type SandboxProfile, startSandbox } from "../../src/sandbox/index.js";
import { readPages, root } from "./markdown.js";

const README = (await readPages()).find(({ path }) => path === "README.md");
const [app] = README?.blocks.filter(({ language }) => language === "js") ?? [];

let bank: Sandbox;
let callback: string;
let folder: string;

beforeAll(async () => {
  // The app listens where its redirect URI is.
  const placeholder = createServer().listen(0, "localhost");
  await once(placeholder, "listening");
  callback = `http://localhost:${(placeholder.address() as AddressInfo).port}/bank/callback`;
  placeholder.close();
  await once(placeholder, "close");
  bank = await startSandbox({ redirectUris: [callback] });
  // Within the package, so that "minna-baas" is found: what `npm run build` has built.
  await mkdir(join(root, ".build"), { recursive: true });
  folder = await mkdtemp(join(root, ".build/first-hour-"));
  await writeFile(join(folder, "app.js"), app?.code ?? "");
});

afterAll(async () => {
  await bank.close();
  await rm(folder, { recursive: true, force: true });
});

/** The settings of a profile, as a file for `node --env-file`. */
async function writeEnvironment(profile: SandboxProfile): Promise<string> {
  const { certificate, ...client } = bank.client(profile);
  const file = async (name: string, text: string) => {
    const path = join(folder, `${profile}.${name}`);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const variables = {
    MINNA_PROFILE: profile,
    MINNA_ISSUER: client.issuer,
    MINNA_CLIENT_ID: client.clientId,
    MINNA_REDIRECT_URI: callback,
    MINNA_API_BASE_URL: client.api.baseUrl,
    MINNA_CERT_FILE: await file("cert.pem", certificate.cert),
    MINNA_KEY_FILE: await file("key.pem", certificate.key),
    MINNA_CA_FILE: await file("ca.pem", certificate.ca),
    ...("signing" in client
      ? { MINNA_SIGNING_FILE: await file("signing.jwk.json", JSON.stringify(client.signing.key)) }
      : {}),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  return file("env", lines.join(""));
}

/** Starts the app as the README says; resolves with the URL that it says to open. */
async function startApp(environment: string): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [`--env-file=${environment}`, "app.js"], { cwd: folder });
  onTestFinished(async () => {
    const ended = once(child, "exit");
    if (child.kill()) await ended;
  });
  let said = "";
  return new Promise((opened, failed) => {
    child.stderr?.on("data", chunk => {
      said += chunk;
    });
    child.stdout?.on("data", chunk => {
      const [, url] = /^open (\S+)$/m.exec(String(chunk)) ?? [];
      if (url !== undefined) opened(url);
    });
    child.once("exit", code => failed(new Error(`app.js ended with ${code}: ${said}`)));
  });
}

const profiles: readonly SandboxProfile[] = ["fapi2-security", "fapi1-advanced", "fapi2-message-signing"];

it.each(profiles)("the app of the README's first hour links and charges, with %s", async profile => {
  const page = await startApp(await writeEnvironment(profile));
  const begun = await fetch(page, { redirect: "manual" });
  expect(begun.status).toBe(302);
  const cookie = /^bank=[^;]+/.exec(begun.headers.get("set-cookie") ?? "")?.[0] ?? "";
  const back = await bank.approve(begun.headers.get("location") ?? "", { customer: "hanako" });

  // Another browser's callback first: it must not end this one's attempt.
  const stolen = await fetch(back);
  expect([stolen.status, await stolen.text()]).toEqual([502, expect.stringContaining("validation_failed: ")]);

  const balance = bank.ledger.balance("acc-hanako-ordinary");
  const done = await fetch(back, { headers: { cookie: `theme=dark; ${cookie}` } });
  expect([done.status, await done.text()]).toEqual([200, expect.stringMatching(/^debit of 1980 yen: succeeded \n$/)]);
  expect(bank.ledger.balance("acc-hanako-ordinary")).toBe(balance - 1980);
});

it("the app shows a debit that the bank declined, which is no error", async () => {
  const page = await startApp(await writeEnvironment("fapi2-security"));
  const begun = await fetch(page, { redirect: "manual" });
  const cookie = /^bank=[^;]+/.exec(begun.headers.get("set-cookie") ?? "")?.[0] ?? "";
  const back = await bank.approve(begun.headers.get("location") ?? "", { customer: "taro" });
  const done = await fetch(back, { headers: { cookie } });
  expect([done.status, await done.text()]).toEqual([200, expect.stringMatching(/: failed insufficient_funds\n$/)]);
});

it("the app has no page but these", async () => {
  const page = await startApp(await writeEnvironment("fapi2-security"));
  expect((await fetch(new URL("/", page))).status).toBe(404);
});
