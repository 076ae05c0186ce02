/** What is loaded, and when: of the dependencies only what is used, and undici not before there is a client. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startSandbox } from "../../src/sandbox/index.js";

const DIST = new URL("../../dist/", import.meta.url);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "minna-loaded-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The packages whose files a script has run: V8 writes them down. */
async function loadedBy(script: string): Promise<string[]> {
  const env = { ...process.env, NODE_V8_COVERAGE: folder };
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env });
  const packages = new Set<string>();
  for (const file of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { result: { url: string }[] };
    for (const { url } of result) {
      const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
      if (name !== undefined) packages.add(name);
    }
  }
  return [...packages].sort();
}

const index = JSON.stringify(new URL("index.js", DIST).href);

it("the package loads what it verifies and asks with, and no more", async () => {
  expect(await loadedBy(`await import(${index})`)).toEqual(["jose", "oauth4webapi", "openid-client"]);
});

it.each(["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const)(
  "a link of %s loads undici besides",
  async profile => {
    const bank = await startSandbox();
    try {
      const script = `
      const { MinnaClient } = await import(${index});
      const minna = new MinnaClient(${JSON.stringify(bank.client(profile))});
      await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
      await minna.close();
    `;
      expect(await loadedBy(script)).toEqual(["jose", "oauth4webapi", "openid-client", "undici"]);
    } finally {
      await bank.close();
    }
  },
);
