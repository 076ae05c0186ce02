import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PGlite } from "@electric-sql/pglite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Problems } from "../../src/config/problems.js";
import { checkSealing } from "../../src/config/sealing.js";
import { writeLink } from "../../src/links/record.js";
import { SealedStore } from "../../src/links/sealed-store.js";
import { postgresStore } from "../../src/stores/postgres.js";
import { validOptions } from "../support/options.js";
import { linkRecord } from "../support/stub-rooms.js";

const COMMAND = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const MODULE = fileURLToPath(new URL("sealed-client.mjs", import.meta.url));
const key = (kid: string) => ({ kid, key: randomBytes(32).toString("base64url") });
const [NEW, OLD, LOST] = [key("2026"), key("2025"), key("2024")] as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "minna-baas-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(sealedUnder: typeof NEW, ...ids: string[]): Promise<void> {
  const database = new PGlite(folder);
  const store = new SealedStore(postgresStore(database), checkSealing({ keys: [sealedUnder] }, new Problems()));
  for (const id of ids) await writeLink(store, linkRecord({ id }), 0);
  await database.close();
}

async function seals(): Promise<unknown[]> {
  const database = new PGlite(folder);
  const { rows } = await database.query<{ seal: string }>(
    "SELECT labels->>'seal' AS seal FROM minna_baas_entries ORDER BY key",
  );
  await database.close();
  return rows.map(({ seal }) => seal);
}

async function reseal(...args: string[]) {
  const env = {
    ...process.env,
    MINNA_TEST_FOLDER: folder,
    MINNA_TEST_OPTIONS: JSON.stringify(validOptions({ profile: "fapi2-security", signing: undefined })),
    MINNA_TEST_SEALING: JSON.stringify({ keys: [NEW, OLD] }),
  };
  return promisify(execFile)(process.execPath, [COMMAND, "reseal", ...args], { env, timeout: 30_000 }).then(
    ({ stdout }) => ({ code: 0, shown: stdout }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, shown: stderr }),
  );
}

test("seals what is left under another key, and ends though the module would not", async () => {
  await put(OLD, "lnk_1", "lnk_2");
  await put(NEW, "lnk_3");
  expect(await reseal(MODULE)).toEqual({
    code: 0,
    shown: "Nothing is left under another key: 2 entries were sealed.\n",
  });
  expect(await seals()).toEqual(["2026", "2026", "2026"]);
});

test("names the key that is missing, once all others are done", async () => {
  await put(LOST, "lnk_1");
  await put(OLD, "lnk_2");
  const { code, shown } = await reseal(MODULE);
  expect(code).toBe(1);
  expect(shown).toContain('"2024"');
  expect(await seals()).toEqual(["2024", "2026"]);
});

test.each<string[][]>([[[]], [["a.mjs", "b.mjs"]], [["--nonsense"]]])("ends with 2 for %j", async args => {
  expect(await reseal(...args)).toMatchObject({ code: 2 });
});
