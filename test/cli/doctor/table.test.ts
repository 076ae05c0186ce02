/**
 * Everything that can be broken, one thing at a time, and what the doctor finds. MINNA_TEST_DOCTOR_TABLE names a file to
 * write it to, for people.
 */
import { writeFile } from "node:fs/promises";
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
const rows: string[] = [];
afterAll(async () => {
  await ward.close();
  const file = process.env["MINNA_TEST_DOCTOR_TABLE"];
  const head = "| Broken | Finding | Status | English | 日本語 |\n|---|---|---|---|---|\n";
  if (file !== undefined) await writeFile(file, `${head}${rows.join("")}`);
});

test.each([
  ...[...OPTIONS, ...CERTIFICATES, ...KEYS].map(row => ({ settings: OFFLINE, ...row })),
  ...[...HOSTS, ...MTLS, ...METADATA, ...STORES, ...PUSHED, ...SURROUNDINGS],
])("$how: $id", async ({ how, id, status = "problem", settings, says, patient }) => {
  const findings = await findingsOf(await patient(ward), settings);
  const problems = findings.filter(finding => finding.status === "problem");
  // What is broken comes first; a warning breaks nothing.
  if (status === "problem") expect(problems[0]?.id).toBe(id);
  else expect(findings.map(finding => `${finding.id} ${finding.status}`)).toContain(`${id} ${status}`);
  const found = findings.find(finding => finding.id === id && finding.status === status);
  expect(JSON.stringify(found)).toMatch(says ?? /./);
  expect(JSON.stringify(findings)).not.toContain("CANARY");
  const [en, ja] = [found?.found.en.split("\n")[0], found?.found.ja.split("\n")[0]];
  rows.push(`| ${how} | \`${id}\` | ${status} | ${en} | ${ja} |\n`);
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
