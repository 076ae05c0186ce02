/**
 * Runs the shop: `npm run shop`. Without MINNA_ISSUER it starts a bank of its own; otherwise it goes to the one that the
 * environment names: `node --env-file=.minna-bank/fapi2-security.env .build/examples/shop/main.js`.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { MinnaClient, type MinnaClientOptions, optionsFromEnvironment } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";
import { detailsOf, type Log } from "./checkout.js";
import { CUSTOMERS } from "./sessions.js";
import { openShop } from "./shop.js";

/** Milliseconds. A person is watching: in production a minute is often enough, and the job may be a process of its own. */
const SETTLE_EVERY = 5_000;
/** Milliseconds for what is under way at the end; less than the platform leaves before it kills the process. */
const LAST_CALLS = 20_000;

const { PORT, MINNA_ISSUER } = process.env;
const redirectUri = `http://localhost:${PORT ?? 3000}/bank/callback`;
const bank = MINNA_ISSUER === undefined ? await startSandbox({ redirectUris: [redirectUri] }) : undefined;
const options: MinnaClientOptions = bank ? { ...bank.client("fapi2-security"), redirectUri } : optionsFromEnvironment();
const { origin, port } = new URL(options.redirectUri);
// A store that outlives the process, and sealing keys, are what is missing here for production.
const minna = new MinnaClient(options);

const log: Log = (event, details) => console.log(JSON.stringify({ at: new Date().toISOString(), event, ...details }));
const { app, checkout } = openShop({ minna, origin, log });
// Behind a proxy the port is another one than the customers'.
await app.listen({ port: Number(PORT ?? (port || 3000)), host: "localhost" });

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());

console.log(`みほん書店  ${origin}`);
console.log("  ブラウザで開き、お客さまを選んで「口座を連携する」を押してください。");
console.log("  Open it in a browser, choose a customer, and link an account.");
console.log(`  店のお客さま / customers of the shop: ${CUSTOMERS.map(({ name }) => name).join("、")}`);
if (bank !== undefined) {
  console.log(`\nみんなの銀行 サンドボックス  ${bank.issuer}`);
  console.log("  ブラウザの証明書の警告は、この端末の中だけの銀行なので進んでかまいません。");
  console.log("  The browser warns of the certificate: this bank is on your machine only, so go on.");
  console.log("  銀行のお客さま / customers of the bank (ID, password):");
  for (const { id, password, note } of bank.customers)
    console.log(`    ${id.padEnd(8)} ${password.padEnd(16)} ${note}`);
}
console.log("\nCtrl+C で終了します。 / Stop with Ctrl+C.");

async function settle(): Promise<void> {
  while (!ending.signal.aborted) {
    // An error of the store, or of the code: the next round may go better, and the shop goes on.
    await checkout.settle().catch(error => log("settling failed", detailsOf(error)));
    await sleep(SETTLE_EVERY, undefined, { signal: ending.signal }).catch(() => {});
  }
}

const settling = settle();
if (!ending.signal.aborted) await once(ending.signal, "abort");
// No new customers; those who are waiting get their answers; then the bank is left.
await app.close();
await minna.close({ timeout: LAST_CALLS });
await settling;
await bank?.close();
