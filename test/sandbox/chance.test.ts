import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FAULT_NAMES, type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner } from "./partner.js";

const ODDS = { "api-429": 0.3, "api-echo-missing": 0.5, "debit-409": 0.5 } as const;

describe("faults by chance", () => {
  let sandbox: Sandbox;
  let partner: Partner;
  let token: string;
  beforeAll(async () => {
    sandbox = await startSandbox();
    partner = new Partner(sandbox, "fapi2-security");
    token = (await partner.link()).access_token;
  });
  afterEach(() => sandbox.faults.off());
  afterAll(async () => {
    await partner.close();
    await sandbox.close();
  });

  const struck = () => FAULT_NAMES.map(name => sandbox.faults.struck(name)).reduce((sum, count) => sum + count, 0);
  /** What became of some requests, as a line of text. */
  const walk = async (requests = 24) => {
    const replies: string[] = [];
    for (let index = 0; index < requests; index++) {
      const { status, headers } =
        index % 3 === 0 ? await partner.debit(token, { amount: 1 }) : await partner.call("/accounts", { token });
      replies.push(`${status}${headers["x-fapi-interaction-id"] === undefined ? "-" : "+"}`);
    }
    return replies.join(" ");
  };

  it("strike alike for the same seed, and otherwise for another one", async () => {
    sandbox.faults.byChance(1, ODDS);
    const first = await walk();
    for (const outcome of ["200+", "200-", "409", "429"]) expect(first).toContain(outcome);
    sandbox.faults.byChance(1, ODDS);
    expect(await walk()).toBe(first);
    sandbox.faults.byChance(2, ODDS);
    expect(await walk()).not.toBe(first);
  });

  it("do not depend on the order in which their odds are written", async () => {
    sandbox.faults.byChance(3, ODDS);
    const first = await walk();
    sandbox.faults.byChance(3, Object.fromEntries(Object.entries(ODDS).reverse()));
    expect(await walk()).toBe(first);
  });

  it("strike about as often as their odds say, and are counted", async () => {
    const before = sandbox.faults.struck("api-429");
    sandbox.faults.byChance(4, { "api-429": 0.25 });
    const met = (await walk(120)).split(" ").filter(reply => reply.startsWith("429")).length;
    expect(sandbox.faults.struck("api-429") - before).toBe(met);
    expect(met).toBeGreaterThan(15);
    expect(met).toBeLessThan(50);
  });

  it("strike always for 1, and never for 0", async () => {
    sandbox.faults.byChance(5, { "api-429": 0, "api-echo-missing": 1 });
    expect(new Set((await walk(6)).split(" "))).toEqual(new Set(["201-", "200-"]));
  });

  it("come beside those that are switched on, which are met as before", async () => {
    sandbox.faults.byChance(6, { "api-echo-missing": 0.5 });
    const alone = (await walk(9)).replace(/\d/g, "");
    sandbox.faults.byChance(6, { "api-echo-missing": 0.5 });
    sandbox.faults.on("api-429");
    expect((await walk(9)).replace(/\d/g, "")).toBe(alone);
    // A limited fault that is drawn and on strikes once, and is used up.
    sandbox.faults.byChance(6, { "api-429": 1 });
    sandbox.faults.on("api-429", { times: 1 });
    const before = sandbox.faults.struck("api-429");
    await walk(2);
    expect(sandbox.faults.struck("api-429") - before).toBe(2);
  });

  it("end with off(), one by one or all of them", async () => {
    sandbox.faults.byChance(7, { "api-429": 1, "api-echo-missing": 1 });
    sandbox.faults.off("api-429");
    expect(await walk(3)).toBe("201- 200- 200-");
    sandbox.faults.off();
    const before = struck();
    expect(await walk(3)).toBe("201+ 200+ 200+");
    expect(struck()).toBe(before);
  });

  it.each<[number, Record<string, unknown>]>([
    [1, { "no-such-fault": 0.5 }],
    [1, { "api-429": -0.1 }],
    [1, { "api-429": 1.1 }],
    [1, { "api-429": Number.NaN }],
    [1, { "api-429": "0.5" }],
    [1, { "api-429": undefined }],
    [1.5, { "api-429": 0.5 }],
    [Number.NaN, {}],
  ])("need a seed, names and odds that are right: %o %o", async (seed, odds) => {
    sandbox.faults.byChance(8, { "api-echo-missing": 1 });
    const wrong = odds as Partial<Record<FaultName, number>>;
    expect(() => sandbox.faults.byChance(seed, wrong)).toThrow(RangeError);
    expect(await walk(1)).toBe("201-"); // what was before goes on
  });
});
