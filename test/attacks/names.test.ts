/** The attacks by name. Each of them is a fault of the sandbox, and the title of a test beside this one. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { FAULT_NAMES } from "../../src/sandbox/index.js";

const ATTACKS = `
  discovery-issuer-mismatch discovery-issuer-trailing-slash metadata-alias-missing metadata-offers-rs256-and-none
  par-request-uri-foreign par-request-uri-expired par-error par-status-200
  response-iss-missing response-iss-wrong response-state-missing response-state-wrong response-state-of-another-browser
  response-replayed response-duplicated-parameter response-plain-when-jarm-expected response-jarm-when-plain-expected
  error-outside-jarm error-inside-jarm response-without-code-or-error
  jarm-iss-missing jarm-iss-wrong jarm-aud-missing jarm-aud-wrong jarm-exp-missing jarm-expired jarm-alg-none
  jarm-alg-rs256-published-key jarm-signature-bad jarm-key-unknown jarm-encrypted-rsa15
  jarm-plain-when-encryption-registered jarm-too-large
  id-token-iss-missing id-token-iss-wrong id-token-aud-missing id-token-aud-wrong id-token-aud-second-untrusted
  id-token-aud-array-valid id-token-nonce-missing id-token-nonce-wrong id-token-alg-none id-token-alg-rs256
  id-token-signature-bad id-token-expired id-token-exp-missing id-token-at-hash-wrong id-token-at-hash-absent
  id-token-encrypted id-token-encrypted-rsa15 id-token-sub-changed-on-refresh
  token-type-dpop token-type-case token-no-expires-in token-no-scope token-scope-narrowed token-response-html
  token-response-huge token-endpoint-redirect token-bound-to-another-certificate
  jwks-foreign-host-gets-no-client-certificate jwks-duplicate-kid jwks-rotated
  server-certificate-untrusted server-certificate-wrong-name tls-1.1-only
  refresh-rotated-response-lost refresh-race refresh-invalid-grant-after-race grant-revoked-at-bank grant-expired
`
  .trim()
  .split(/\s+/);

const here = new URL(".", import.meta.url);
const sources = readdirSync(here)
  .filter(file => file.endsWith(".test.ts") && file !== "names.test.ts")
  .map(file => readFileSync(new URL(file, here), "utf8"));
const TITLE = /\bit\(\s*"([^"]+)"/g;
const TABLE = /\bit\.each(?:<[^(]*>)?\(\[([^()]*)\](?: as const)?\)\(\s*"([^"]*%s[^"]*)"/g;
const titles = sources.flatMap(source => [
  ...[...source.matchAll(TITLE)].map(([, title = ""]) => title),
  ...[...source.matchAll(TABLE)].flatMap(([, rows = "", title = ""]) =>
    [...rows.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => title.replace("%s", name)),
  ),
]);

it.each(ATTACKS)("%s is a fault of the sandbox, and a test by that name", name => {
  expect(FAULT_NAMES).toContain(name);
  const word = new RegExp(`(?<![\\w-])${name.replaceAll(".", "\\.")}(?![\\w-])`);
  expect(titles.filter(title => word.test(title))).not.toEqual([]);
});

it("there are as many as the list of obligations has", () => {
  expect(new Set(ATTACKS).size).toBe(71);
});
