/**
 * Everything that can be broken, one thing at a time, and what the doctor finds. With MINNA_WRITE_DOCTOR_PAGES the pages of
 * docs/ that list it are written anew.
 */
import { readFile, writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { MemoryStore, type Profile } from "../../../src/index.js";
import { PROFILES } from "../../support/partner.js";
import { CERTIFICATES } from "./broken-certificates.js";
import { METADATA } from "./broken-documents.js";
import { HOSTS, MTLS } from "./broken-hosts.js";
import { KEYS, PUSHED } from "./broken-keys.js";
import { OPTIONS, SURROUNDINGS } from "./broken-options.js";
import { STORES } from "./broken-stores.js";
import { findingsOf } from "./patients.js";
import { OFFLINE, Ward } from "./ward.js";

let ward: Ward;
beforeAll(async () => {
  ward = await Ward.open();
});
afterEach(() => ward.mend());
const BROKEN = [
  ...[...OPTIONS, ...CERTIFICATES, ...KEYS].map(row => ({ settings: OFFLINE, ...row })),
  ...[...HOSTS, ...MTLS, ...METADATA, ...STORES, ...PUSHED, ...SURROUNDINGS],
];
const PAGES = { en: "docs/doctor.md", ja: "docs/doctor.ja.md" } as const;
const rows: Record<keyof typeof PAGES, string[]> = { en: [], ja: [] };
afterAll(async () => {
  await ward.close();
  if (process.env["MINNA_WRITE_DOCTOR_PAGES"] === undefined) return;
  for (const language of ["en", "ja"] as const) {
    const page = await readFile(PAGES[language], "utf8");
    const table = `$1${rows[language].join("")}`;
    await writeFile(PAGES[language], page.replace(/(\|---\|---\|---\|---\|\n)(\|.*\n)*/, table));
  }
});

/** Without what is another one at each run. */
function lasting(text = ""): string {
  return text
    .replace(/\d{4}-\d{2}-\d{2}T[\d:]+\+09:00/g, "…")
    .replace(/(localhost:|port |ポート )\d{4,5}/g, "$1…")
    .replace(/\d+( bytes| days? left| 日\))/g, "…$1");
}

test.each(BROKEN)("$how: $id", async ({ how, id, status = "problem", settings, says, patient }) => {
  const findings = await findingsOf(await patient(ward), settings);
  const problems = findings.filter(finding => finding.status === "problem");
  // What is broken comes first; a warning breaks nothing.
  if (status === "problem") expect(problems[0]?.id).toBe(id);
  else expect(findings.map(finding => `${finding.id} ${finding.status}`)).toContain(`${id} ${status}`);
  const found = findings.find(finding => finding.id === id && finding.status === status);
  expect(JSON.stringify(found)).toMatch(says ?? /./);
  expect(JSON.stringify(findings)).not.toContain("CANARY");
  for (const language of ["en", "ja"] as const) {
    const [line] = found?.found[language].split("\n") ?? [];
    rows[language].push(`| ${how} | \`${id}\` | ${status} | ${lasting(line).replaceAll("|", "\\|")} |\n`);
  }
});

test.each(Object.values(PAGES))("%s lists what is tried here", async page => {
  const listed = [...(await readFile(page, "utf8")).matchAll(/^\| ([^|]+) \| `([^`]+)` \| (\w+) \|/gm)];
  expect(listed.map(([, how, id, status]) => ({ how, id, status }))).toEqual(
    BROKEN.map(({ how, id, status = "problem" }) => ({ how, id, status })),
  );
});

test.each<Profile>([...PROFILES])("finds nothing wrong where nothing is: %s", async profile => {
  const sealing = { keys: [{ kid: "k1", key: Buffer.alloc(32, 7) }] };
  const patient = ward.options({ store: new MemoryStore(), sealing }, profile);
  const findings = await findingsOf(patient, { push: true });
  const wrong = findings.filter(({ status, id }) => status !== "ok" && id !== "runtime.node");
  expect(wrong.map(({ id, status }) => `${id} ${status}`)).toEqual(["store.persistent warning"]);
  const ids = ["push.accepted", "mtls.certificate", "clock.offset", "jwks.keys"];
  expect(findings.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
});
