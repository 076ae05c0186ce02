import { afterEach, expect, it, vi } from "vitest";
import { readErrorPages } from "../../src/cli/error-pages.js";
import { runExplain } from "../../src/cli/explain.js";
import { UsageError } from "../../src/cli/usage.js";
import { rejection } from "../support/errors.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** What the command prints. */
async function explained(...args: string[]): Promise<string> {
  let printed = "";
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((...given: readonly unknown[]) => {
    printed += String(given[0]);
    (given.at(-1) as () => void)();
    return true;
  });
  try {
    await runExplain([...args, ...(args.includes("--lang") ? [] : ["--lang", "en"])]);
  } finally {
    spy.mockRestore();
  }
  return printed;
}

it.each(["en", "ja"] as const)("without a code, all are listed, each with what it means (%s)", async lang => {
  const printed = await explained("--lang", lang);
  for (const { code } of readErrorPages(lang).pages) {
    const line = printed.split("\n").find(one => one.startsWith(`  ${code} `));
    expect(line?.replace(code, "").trim().length, code).toBeGreaterThan(5);
  }
  expect(printed).not.toMatch(/\*\*|`|\]\(/);
});

it.each(["en", "ja"] as const)("every code prints its own section, as a terminal shows it (%s)", async lang => {
  for (const { code, of } of readErrorPages(lang).pages) {
    const printed = await explained(code, "--lang", lang);
    expect(printed.split("\n", 1)).toEqual([`${code} (${of})`]);
    expect(printed).not.toMatch(/\*\*|\]\(#|^\|/m);
    expect(printed.split("\n").length).toBeGreaterThan(3);
  }
});

it("lines of English fit a terminal; what is to be copied is not broken", async () => {
  const printed = await explained("connection_lost");
  const [copied, ...more] = printed.split("\n").filter(line => line.length > 100);
  expect(copied).toMatch(/^ {4}node -p 'crypto\..*\)'$/);
  expect(more).toEqual([]);
});

it.each([
  ["other side closed", "connection_lost"],
  ["TransportError: The connection ended (UND_ERR_SOCKET)", "connection_lost"],
  ["Client network socket disconnected before secure TLS connection was established", "connection_failed"],
  ["connect ECONNREFUSED 127.0.0.1:9443", "connection_failed"],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "client_certificate_refused"],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "client_certificate_refused"],
  ["error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca", "client_certificate_refused"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "client_certificate_refused"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "tls_failed"],
  ["ERR_SSL_SOMETHING_NEW", "tls_failed"],
  ["ssl3_read_bytes:sslv3 alert handshake failure", "tls_failed"],
  ["self-signed certificate in certificate chain", "tls_failed"],
  ["CERT_HAS_EXPIRED", "tls_failed"],
  ["LinkError: grant_revoked", "grant_revoked"],
])("%s leads to %s", async (said, code) => {
  const printed = await explained(...said.split(" "));
  expect(printed).toContain(`This leads to: ${code}\n`);
  expect(printed).toContain(`\n${code} (`);
});

it("a check of a ValidationError is explained by its row, and a class by its sections", async () => {
  const check = await explained("at_hash");
  expect(check).toContain("  at_hash: ID Token and access token do not belong together\n  → Tell the bank");
  expect(check).toContain("validation_failed (ValidationError)");
  expect(check).not.toContain("azp");
  const printed = await explained("signingerror");
  expect(printed).toContain("signing_failed (SigningError)");
  expect(printed).toContain("signing_timeout (SigningError)");
});

it.each([
  ["conection_lost", "did you mean connection_lost?"],
  ["throtled", "did you mean throttled?"],
  ["expired", "grant_expired"],
  ["xyzzy", "without a code, explain lists them all"],
])("%s is no code: %s", async (wrong, said) => {
  const error = await rejection(explained(wrong), UsageError);
  expect(error.message).toContain(said);
});

it("an option that there is not is a mistake", async () => {
  await rejection(explained("--what"), UsageError);
  await rejection(explained("timeout", "--lang", "fr"), UsageError);
});
