/** Processes that share a store, a bank that fails by chance, certificates that change, and an audit in the end. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LinkError, MinnaClient, type MinnaClientOptions } from "minna-baas";
import { type FaultName, type Sandbox, startSandbox } from "minna-baas/sandbox";
import { Audit } from "./audit.js";
import { Crew } from "./crew.js";
import { generator } from "./random.js";
import { clear, openStore, type StoreAddress } from "./stores.js";

export interface SoakOptions {
  readonly address: Omit<StoreAddress, "space">;
  readonly links: number;
  readonly seconds: number;
  readonly processes: number;
  readonly seed: number;
  /** Whether the bank rotates refresh tokens, and how many seconds a used one may be tried again. */
  readonly rotation: boolean;
  readonly grace: number;
  /** Seconds by which the clock of a process may be wrong. */
  readonly skew: number;
}

export interface SoakReport {
  readonly figures: Readonly<Record<string, number>>;
  readonly failures: ReadonlyMap<string, number>;
  /** What should not have been; empty where every guarantee held. */
  readonly broken: readonly string[];
}

const ODDS: Readonly<Partial<Record<FaultName, number>>> = {
  "debit-drop-before-commit": 0.02,
  "debit-commit-then-drop": 0.03,
  "debit-504-before-commit": 0.02,
  "debit-commit-then-504": 0.02,
  "debit-504-then-succeeded": 0.02,
  "debit-answer-unreadable": 0.01,
  "api-503-maintenance": 0.005,
  "api-429": 0.005,
  "api-token-rejected-once": 0.01,
};
const AT_ONCE = 16;
/** Seconds: an access token's life, and what passes between two deaths at most. */
const TOKEN_LIFE = 5;
const DEATH_EVERY = 5;
/** Milliseconds for a call, and until everything that was left open must be settled. */
const TIMEOUT = 8_000;
const SETTLED_WITHIN = 60_000;

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const random = generator(options.seed);
  const address = { ...options.address, space: `soak_${randomBytes(6).toString("hex")}` };
  const folder = mkdtempSync(join(tmpdir(), "minna-soak-"));
  const audit = new Audit();
  let crew: Crew | undefined;
  await using bank = await startSandbox({
    accessTokenSeconds: TOKEN_LIFE,
    rotateRefreshTokens: options.rotation,
    refreshTokenRetrySeconds: options.grace,
    keepEvents: 0,
    onEvent: event => {
      audit.watch(event);
      crew?.watch(event);
    },
  });
  // This bank tells debits apart by their keys alone: nothing but the journal keeps it from making a second one.
  bank.faults.on("debit-references-not-compared");
  const files = new CertificateFiles(bank, folder);
  const client = { ...bank.client("fapi2-security"), certificate: files.option, timeout: TIMEOUT };
  const { store, close } = await openStore(address);
  try {
    const minna = new MinnaClient({ ...client, store } as MinnaClientOptions);
    const grants = await linkAll(bank, minna, options.links);
    await minna.close();

    bank.faults.byChance(options.seed, ODDS);
    const accountId = bank.customers[0]?.accounts[0]?.accountId ?? "";
    const work = { options: client, address, links: [...grants.keys()], accountId };
    crew = new Crew(options, work, audit, random);
    const until = Date.now() + options.seconds * 1000;
    const rotating = rotateUntil(files, until, options.seconds);
    // A short run must see deaths of both kinds.
    const deathEvery = Math.min(DEATH_EVERY, options.seconds / 4);
    while (Date.now() < until) {
      await sleep(Math.min((0.4 + 0.6 * random()) * deathEvery * 1000, until - Date.now()));
      if (Date.now() < until) crew.kill();
    }
    await rotating;
    bank.faults.off();
    bank.faults.on("debit-references-not-compared");
    await crew.stop();
    const fresh = new MinnaClient({ ...client, store } as MinnaClientOptions);
    const report = await settle(bank, fresh, audit, grants, accountId, options.grace);
    await fresh.close();
    const { all, retried, reused } = audit.refreshes;
    const tokens = { refreshes: all, "used again, allowed": retried, "used again, refused": reused };
    const first = { links: options.links, killed: crew.killed, certificates: files.written, balances: audit.balances };
    return { ...report, figures: { ...first, ...tokens, ...report.figures } };
  } finally {
    await close();
    await clear(address);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Recovers with a client that was never there before, looks at every link, and compares with the bank. */
async function settle(
  bank: Sandbox,
  minna: MinnaClient,
  audit: Audit,
  grants: ReadonlyMap<string, string>,
  accountId: string,
  grace: number,
): Promise<SoakReport> {
  const broken: string[] = [...audit.unexpected];
  // First the links: a debit of one that is lost can't be looked up before the customer has come back.
  await inParallel([...grants.keys()], async id => {
    await minna
      .link(id)
      .accounts.balance(accountId)
      .catch(error => {
        if (error instanceof LinkError && error.code === "reauthorization_required")
          audit.lose(id, { interactionId: error.interactionId ?? "", why: `${error.message} (in the end)` });
        else broken.push(`link ${id}: ${error}`);
      });
  });
  const unexcused = [...audit.lost.keys()].filter(id => !audit.excused(grants.get(id) ?? "", grace));
  const unexplained = unexcused.filter(id => !audit.misled(id));
  broken.push(
    ...unexplained.map(id => `link ${id} was lost, and no answer had died with a process: ${audit.story(id)}`),
  );
  await inParallel([...audit.lost.keys()], async id => {
    await begin(bank, minna, id);
    await minna.link(id).accounts.balance(accountId);
  });
  const began = Date.now();
  let open = Number.POSITIVE_INFINITY;
  for (;;) {
    for await (const { reference, debit, outcome } of minna.debits.recover()) {
      audit.recoveries++;
      audit.learn(reference, debit ?? (outcome === "not_made" ? "not made" : "unknown"));
    }
    open = (await pending(minna)).length;
    if (open === 0 || Date.now() - began > SETTLED_WITHIN) break;
    await sleep(500);
  }
  if (open > 0) broken.push(`${open} debits are still pending`);
  await inParallel([...audit.untold], async ({ reference, linkId }) => {
    audit.learn(reference, (await minna.link(linkId).debits.find(reference)) ?? "not made");
  });
  const { twice, wrong } = audit.contradictions(bank.ledger.entries);
  broken.push(...audit.reuses);
  broken.push(...twice.map(reference => `${reference} was debited more than once`), ...wrong);
  return {
    figures: {
      debits: audit.references,
      succeeded: audit.succeeded,
      recovered: audit.recoveries,
      "used again, unforced": audit.reuses.length,
      "links lost, explained": audit.lost.size - unexcused.length,
      "links called lost by a fault": unexcused.length - unexplained.length,
      "links lost, unexplained": unexplained.length,
      "debited twice": twice.length,
      "beliefs against the ledger": wrong.length,
      "still pending": open,
      "settled after ms": Date.now() - began,
    },
    failures: audit.failures,
    broken,
  };
}

async function linkAll(bank: Sandbox, minna: MinnaClient, count: number): Promise<ReadonlyMap<string, string>> {
  const grants = new Map<string, string>();
  await inParallel(
    Array.from({ length: count }, () => undefined),
    async () => {
      const { id, grantId = "" } = await begin(bank, minna);
      grants.set(id, grantId);
    },
  );
  return grants;
}

async function begin(bank: Sandbox, minna: MinnaClient, link?: string) {
  const wish = { customerId: "u-42", scopes: ["balance", "debit"] as const };
  const { authorizationUrl, transaction } = await minna.links.begin(link === undefined ? wish : { ...wish, link });
  return minna.links.complete(await bank.approve(authorizationUrl), { transaction });
}

async function pending(minna: MinnaClient): Promise<string[]> {
  const references: string[] = [];
  for await (const { reference } of minna.debits.pending()) references.push(reference);
  return references;
}

/** The client certificate, in files that are replaced during the run. */
class CertificateFiles {
  written = 0;
  readonly option: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
  readonly #bank: Sandbox;

  constructor(bank: Sandbox, folder: string) {
    this.#bank = bank;
    this.option = {
      certFile: join(folder, "cert.pem"),
      keyFile: join(folder, "key.pem"),
      caFile: join(folder, "ca.pem"),
    };
    replace(this.option.caFile, bank.ca);
    this.renew();
  }

  renew(): void {
    const { clientId } = this.#bank.client("fapi2-security");
    const { cert, key } = this.#bank.issueCertificate({ commonName: clientId });
    replace(this.option.certFile, cert);
    replace(this.option.keyFile, key);
    this.written++;
  }
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Four more certificates in the time there is. */
async function rotateUntil(files: CertificateFiles, until: number, seconds: number): Promise<void> {
  for (;;) {
    await sleep((seconds * 1000) / 5);
    if (Date.now() >= until - 1000) return;
    files.renew();
  }
}

async function inParallel<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = list.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const one of left) await work(one);
    }),
  );
}
