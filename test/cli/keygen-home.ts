/** The command `minna-baas keygen`, run in a folder that is there for one test. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeEach, expect } from "vitest";

export const COMMAND: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
export const SUBJECT: readonly string[] = ["--subject", "CN=partner.example,O=株式会社かもめ,C=JP"];

/** The folder of the test that runs. */
export let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "minna-keygen-"));
  return () => rm(home, { recursive: true, force: true });
});

/** Runs the command in the home of this test. */
export async function keygen(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return await promisify(execFile)(process.execPath, [COMMAND, "keygen", ...args, "--lang", "en"], { cwd: home }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

export async function made(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await keygen(...args);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

export function read(...path: string[]): Promise<string> {
  return readFile(join(home, ...path), "utf8");
}
