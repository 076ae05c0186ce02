/** Processes over one store whose clocks differ by minutes from the bank's, and from each other's. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryStore, type MinnaClient, type MinnaClientOptions } from "../../src/index.js";
import type { Store } from "../../src/links/store.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Clocks } from "../support/clocks.js";
import { connect, endpointsSince } from "../support/partner.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const LIFE = 60 * SECOND;
/** After four fifths of its life a token is due, by the clock of the process that got it. */
const DUE = LIFE * 0.8;

/** A partner's process with a clock of its own: all that it does is by that clock. */
class Process {
  readonly name: string;
  readonly minna: MinnaClient;
  readonly #error: number;

  constructor(name: string, error: number, more: Partial<MinnaClientOptions>) {
    this.name = name;
    this.#error = error;
    this.minna = this.does(() => connect(bank, "fapi2-security", more));
  }

  does<T>(work: (minna: MinnaClient) => T): T {
    return clocks.off(this.#error, () => work(this.minna));
  }

  accounts(id: string): Promise<unknown[]> {
    return this.does(async minna => [...(await minna.link(id).accounts.list())]);
  }

  charge(id: string, reference: string): Promise<string> {
    const order = { reference, amount: 300, description: "ﾎﾝ" };
    return this.does(async minna => (await minna.link(id).debits.create(order)).status);
  }
}

const clocks = new Clocks();
let bank: Sandbox;
let store: Store;
let open: Process[];

beforeAll(() => {
  vi.stubGlobal("Date", clocks.Date);
});
afterAll(() => {
  vi.unstubAllGlobals();
});
beforeEach(() => {
  store = clocks.database(new MemoryStore());
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map(({ minna }) => minna.close()));
  await bank.close();
});

async function startBank(rotateRefreshTokens: boolean): Promise<void> {
  bank = await startSandbox({ accessTokenSeconds: LIFE / SECOND, rotateRefreshTokens });
}

function start(name: string, error: number, more: Partial<MinnaClientOptions> = {}): Process {
  const process = new Process(name, error, { store, ...more });
  open.push(process);
  return process;
}

/** Links at one process, with the callback at another one. */
async function linkOver(begins: Process, completes: Process): Promise<string> {
  const { authorizationUrl, transaction } = await begins.does(minna =>
    minna.links.begin({ customerId: "u-42", scopes: ["balance", "debit"] }),
  );
  const callback = await bank.approve(authorizationUrl);
  return (await completes.does(minna => minna.links.complete(callback, { transaction }))).id;
}

/** Rounds that go on for longer than the clocks are apart: what one process takes for good was over long ago. */
function rounds(step: number): number[] {
  return Array.from({ length: Math.ceil((11 * MINUTE) / step) }, (_, round) => round);
}

const tokenRequests = (since: number) => endpointsSince(bank, since).filter(endpoint => endpoint === "token").length;
const reused = () => bank.events.filter(({ detail }) => detail["refresh"] === "reused").length;
/** But for those whose token was over by the bank's clock, and with which it did nothing. */
const debitsSent = (since: number) =>
  bank.events
    .slice(since)
    .filter(({ method, path, status }) => method === "POST" && path.endsWith("/direct-debits") && status !== 401)
    .length;
const moneyMoved = (reference: string) =>
  bank.ledger.entries.filter(entry => entry.partnerTransactionId === reference).length;

const ROTATIONS = [
  ["with rotated refresh tokens", true],
  ["with refresh tokens that stay", false],
] as const;

describe.each(ROTATIONS)("without OpenID Connect, %s", (_, rotates) => {
  const plain = { contract: { scopes: { openid: null } } };
  let ahead: Process;
  let right: Process;
  let behind: Process;
  let processes: Process[];
  beforeEach(async () => {
    await startBank(rotates);
    ahead = start("ahead", 5 * MINUTE, plain);
    right = start("right", 0, plain);
    behind = start("behind", -5 * MINUTE, plain);
    processes = [ahead, right, behind];
  });

  it("each process goes by its own clock, and the bank by another one", async () => {
    const now = Date.now();
    const differences = [];
    for (const one of processes) {
      const id = await linkOver(one, one);
      const { createdAt } = await one.does(minna => minna.links.get(id));
      differences.push(`${Math.round((Date.parse(createdAt) - now) / MINUTE)} min`);
    }
    expect(differences).toEqual(["5 min", "0 min", "-5 min"]);
    for (const { at } of bank.events) expect(Math.abs(Date.parse(at) - now)).toBeLessThan(MINUTE);
  });

  it("a link is begun by one and completed by another", async () => {
    for (const begins of processes) {
      for (const completes of processes) {
        const id = await linkOver(begins, completes);
        expect(await right.accounts(id), `${begins.name}, ${completes.name}`).toHaveLength(2);
      }
    }
  });

  it.each<[string, number]>([
    ["more often than its tokens end", 20 * SECOND],
    ["less often than its tokens end", 70 * SECOND],
  ])("a link that all use in turn, %s, stays alive", async (_often, step) => {
    const id = await linkOver(ahead, behind);
    const asked = new Map(processes.map(one => [one, 0]));
    for (const round of rounds(step)) {
      // Each is the first at times: then what it gets is what the others find.
      const order = [...processes.slice(round % 3), ...processes.slice(0, round % 3)];
      for (const one of order) {
        const since = bank.events.length;
        expect(await one.accounts(id), `${one.name}, round ${round}`).toHaveLength(2);
        asked.set(one, (asked.get(one) ?? 0) + tokenRequests(since));
      }
      clocks.pass(step);
    }
    // What a process gets itself is good by its own clock until it is due. Until then it asks for nothing; another one's token
    // may seem to be over, but is looked at only then. A token that the bank has ended is replaced once.
    const lives = Math.ceil(rounds(step).length * Math.min(1, step / DUE));
    for (const [{ name }, times] of asked) expect(times, name).toBeLessThanOrEqual(lives);
    expect(reused()).toBe(0);
  });

  it("a link that all use at once stays alive, and each asks for one token at most in its life", async () => {
    const id = await linkOver(ahead, behind);
    for (const round of rounds(LIFE)) {
      const since = bank.events.length;
      const lists = await Promise.all(processes.flatMap(one => Array.from({ length: 5 }, () => one.accounts(id))));
      expect(
        lists.map(list => list.length),
        `round ${round}`,
      ).toEqual(Array(15).fill(2));
      expect(tokenRequests(since)).toBeLessThanOrEqual(processes.length);
      clocks.pass(LIFE);
    }
    expect(reused()).toBe(0);
  });

  it("an order that all charge at once is sent once, and all are told of it", async () => {
    const id = await linkOver(right, right);
    for (const round of rounds(2 * MINUTE)) {
      const since = bank.events.length;
      const reference = `order-${round}`;
      const statuses = await Promise.all(processes.map(one => one.charge(id, reference)));
      expect(statuses).toEqual(["succeeded", "succeeded", "succeeded"]);
      expect([moneyMoved(reference), debitsSent(since)]).toEqual([1, 1]);
      clocks.pass(2 * MINUTE);
    }
  });

  it.each([0, 1, 2])(
    "a debit whose answer process %i lost is settled by any other, and moves money once",
    async first => {
      const id = await linkOver(right, right);
      const [loser, ...others] = [...processes.slice(first), ...processes.slice(0, first)];
      for (const [number, other] of others.entries()) {
        const reference = `order-${number}`;
        bank.faults.on("debit-commit-then-drop", { times: 1 });
        bank.faults.on("api-503-maintenance");
        await expect(loser?.charge(id, reference)).rejects.toMatchObject({ code: "debit_outcome_unknown" });
        bank.faults.off();
        clocks.pass(70 * SECOND);
        const found = await other.does(async ({ debits }) => {
          const all = [];
          for await (const { reference: one, outcome } of debits.recover()) all.push([one, outcome]);
          return all;
        });
        expect(found).toEqual([[reference, "settled"]]);
        expect(moneyMoved(reference)).toBe(1);
      }
    },
  );
});

describe.each(ROTATIONS)("with ID Tokens, %s", (_, rotates) => {
  beforeEach(() => startBank(rotates));

  it("one whose clock is too far behind to believe them can't refresh, and the link is not lost for the others", async () => {
    const right = start("right", 0);
    const behind = start("behind", -5 * MINUTE);
    const id = await linkOver(right, right);
    for (let life = 0; life < 3; life++) {
      expect(await right.accounts(id)).toHaveLength(2);
      // By its clock the others' token is good; the bank's word for it is what counts.
      expect(await behind.accounts(id)).toHaveLength(2);
      clocks.pass(LIFE + SECOND);
      const since = bank.events.length;
      for (let attempt = 1; attempt <= 3; attempt++) {
        await expect(behind.accounts(id)).rejects.toMatchObject({ name: "ValidationError", check: "iat" });
        expect(tokenRequests(since)).toBe(attempt);
      }
    }
    expect(await right.accounts(id)).toHaveLength(2);
    expect(await right.charge(id, "order-1")).toBe("succeeded");
    expect(await behind.charge(id, "order-2")).toBe("succeeded");
    expect([moneyMoved("order-1"), moneyMoved("order-2"), reused()]).toEqual([1, 1, 0]);
  });

  it("one whose clock is hours ahead can't, either; one that is minutes ahead can", async () => {
    const right = start("right", 0);
    const minutes = start("minutes ahead", 5 * MINUTE);
    const hours = start("hours ahead", 120 * MINUTE);
    const id = await linkOver(right, right);
    for (let life = 0; life < 3; life++) {
      await expect(hours.accounts(id)).rejects.toMatchObject({ name: "ValidationError", check: "exp" });
      expect(await minutes.accounts(id)).toHaveLength(2);
      expect(await right.accounts(id)).toHaveLength(2);
      clocks.pass(LIFE + SECOND);
    }
    expect(reused()).toBe(0);
  });

  it("one that can't believe them completes no link, and says so", async () => {
    const [right, behind] = [start("right", 0), start("behind", -5 * MINUTE)];
    await expect(linkOver(right, behind)).rejects.toMatchObject({ name: "ValidationError", check: "iat" });
    expect(await right.accounts(await linkOver(behind, right))).toHaveLength(2);
  });
});

it("a signed response that is over by the clock of one process stays good for another", async () => {
  await startBank(true);
  const signed = { ...bank.client("fapi2-message-signing"), contract: { scopes: { openid: null } } };
  const [right, ahead] = [start("right", 0, signed), start("ahead", 5 * MINUTE, signed)];
  const { authorizationUrl, transaction } = await right.does(minna =>
    minna.links.begin({ customerId: "u-42", scopes: ["balance"] }),
  );
  const callback = await bank.approve(authorizationUrl);
  const completed = (one: Process) => one.does(minna => minna.links.complete(callback, { transaction }));
  await expect(completed(ahead)).rejects.toMatchObject({ name: "ValidationError", check: "exp" });
  const { id } = await completed(right);
  expect(await ahead.accounts(id)).toHaveLength(2);
});
