import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { writeConnection } from "../../src/cli/sandbox/connection-files.js";
import { startSandbox } from "../../src/sandbox/index.js";
import { Folder } from "../../src/sandbox/keeping/folder.js";

/** A folder that looks like a sandbox's, that everybody may write into, with a way out of it. */
async function trap(file: string): Promise<{ readonly path: string; readonly precious: string }> {
  const parent = await mkdtemp(join(tmpdir(), "minna-baas-"));
  onTestFinished(() => rm(parent, { recursive: true }));
  const [path, precious] = [join(parent, "bank"), join(parent, "precious")];
  await mkdir(path);
  await chmod(path, 0o777);
  await writeFile(join(path, ".minna-baas-sandbox"), "");
  await writeFile(precious, "precious");
  await symlink(precious, join(path, file));
  return { path, precious };
}

it("closes a folder of its own that has been open to others, and writes through no link in it", async () => {
  const { path, precious } = await trap("sandbox-keys.json.new");
  const folder = await Folder.open(path);
  folder.replace("sandbox-keys.json", "keys");
  folder.close();
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await readFile(precious, "utf8")).toBe("precious");
  expect(await readFile(join(path, "sandbox-keys.json"), "utf8")).toBe("keys");
});

it("writes what an app needs through no link either", async () => {
  const { path, precious } = await trap("ca.pem.new");
  await using sandbox = await startSandbox();
  await writeConnection(path, { sandbox, profiles: [], redirectUri: "https://x.example", decryption: new Map() });
  expect(await readFile(precious, "utf8")).toBe("precious");
  expect(await readFile(join(path, "ca.pem"), "utf8")).toBe(sandbox.ca);
});
