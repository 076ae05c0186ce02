import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeEach, expect, test } from "vitest";
import { Problems } from "../../src/config/problems.js";
import { checkSealing } from "../../src/config/sealing.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { writeLink } from "../../src/links/record.js";
import { SealedStore } from "../../src/links/sealed-store.js";
import { validOptions } from "../support/options.js";
import { linkRecord } from "../support/stub-rooms.js";

const COMMAND = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const MODULE = fileURLToPath(new URL("sealed-client.mjs", import.meta.url));
const key = (kid: string) => ({ kid, key: randomBytes(32).toString("base64url") });
const [NEW, OLD, LOST] = [key("2026"), key("2025"), key("2024")] as const;

let entries: unknown[];
beforeEach(() => {
  entries = [];
});

async function put(sealedUnder: typeof NEW, ...ids: string[]): Promise<void> {
  const memory = new MemoryStore();
  const { put } = memory;
  memory.put = (name, value, options) => {
    entries.push([name, value, options.labels]);
    return put.call(memory, name, value, options);
  };
  const store = new SealedStore(memory, checkSealing({ keys: [sealedUnder] }, new Problems()));
  for (const id of ids) await writeLink(store, linkRecord({ id }), 0);
}

async function reseal(...args: string[]) {
  const env = {
    ...process.env,
    LC_ALL: "en_US.UTF-8",
    MINNA_TEST_ENTRIES: JSON.stringify(entries),
    MINNA_TEST_OPTIONS: JSON.stringify(validOptions({ profile: "fapi2-security", signing: undefined })),
    MINNA_TEST_SEALING: JSON.stringify({ keys: [NEW, OLD] }),
  };
  return promisify(execFile)(process.execPath, [COMMAND, "reseal", ...args], { env, timeout: 15_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, shown: stdout + stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, shown: stdout + stderr }),
  );
}

test("seals what is left under another key, and ends though the module would not", async () => {
  await put(OLD, "lnk_1", "lnk_2");
  await put(NEW, "lnk_3");
  const { code, shown } = await reseal(MODULE);
  expect(shown).toBe(
    'Nothing is left under another key: 2 entries were sealed.\nwritten: {"link:lnk_1":"2026","link:lnk_2":"2026"}',
  );
  expect(code).toBe(0);
});

test("names the key that is missing, once all others are done", async () => {
  await put(LOST, "lnk_1");
  await put(OLD, "lnk_2");
  const { code, shown } = await reseal(MODULE);
  expect(shown).toMatch(/sealed under "2024".*written: \{"link:lnk_2":"2026"\}$/s);
  expect(code).toBe(1);
});

test.each<string[][]>([[[]], [["a.mjs", "b.mjs"]], [["--nonsense"]]])("ends with 2 for %j", async args => {
  expect(await reseal(...args)).toMatchObject({ code: 2 });
});
