/**
 * The host of the issuer, where metadata, keys and the customers' pages are.
 *
 * @module
 */
import { type Check, check } from "./check.js";
import { targetOf } from "./connection.js";
import { isSound } from "./finding.js";
import { examineHost, reach } from "./host.js";

export const issuerHost: Check = check({
  id: "host",
  title: { en: "Issuer's host", ja: "issuer のホスト" },
  needs: ["issuer", "trusted"],
  network: true,
  run: async ({ issuer, trusted }, { timeout }) => {
    const target = targetOf(issuer);
    const findings = [await examineHost(target, await reach(target, trusted, timeout), trusted, timeout)];
    return { findings, facts: isSound(findings) ? { issuerHost: true } : {} };
  },
});
