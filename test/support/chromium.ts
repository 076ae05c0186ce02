import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";
import { describe, onTestFinished, type SuiteAPI } from "vitest";

/** Chromium's own calls home would only be refused, many at a time. */
const QUIET = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-sync",
];

const executablePath = process.env["MINNA_TEST_CHROMIUM"];

/** A suite that needs a real browser: skipped, with a line that says so, where none is named. */
export function describeInBrowser(name: string): SuiteAPI | SuiteAPI["skip"] {
  if (executablePath !== undefined) return describe;
  console.log(`${name} is not tested: MINNA_TEST_CHROMIUM, the path of Chromium, is not set.`);
  return describe.skip;
}

/** A phone of an ordinary size. */
export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};

/** A browser with a profile of its own, which trusts every certificate, until the test has finished. */
export async function openBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const profile = await mkdtemp(join(tmpdir(), "minna-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executablePath ?? "",
    // Its own sandbox does not work for root, who runs CI.
    chromiumSandbox: process.getuid?.() !== 0,
    args: QUIET,
    ignoreHTTPSErrors: true,
    locale: "ja-JP",
    timezoneId: "Asia/Tokyo",
    ...options,
  });
  onTestFinished(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  return context;
}
