import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ConfigurationError, MemoryStore, MinnaClient, type MinnaClientOptions } from "../src/index.js";
import { type Sandbox, startSandbox } from "../src/sandbox/index.js";
import { connect, PROFILES } from "./support/partner.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("the options of a profile", () => {
  it("do not compile without what the profile needs, and say so at run time too", () => {
    const { signing: _, ...unsigned } = bank.client("fapi1-advanced");
    // @ts-expect-error -- the signed profiles need `signing`
    expect(() => new MinnaClient(unsigned)).toThrow(ConfigurationError);
    // @ts-expect-error -- only FAPI 1.0 has request objects by value
    const wrong: MinnaClientOptions = { ...bank.client("fapi2-security"), requestDelivery: "by-value" };
    expect(() => new MinnaClient(wrong)).toThrow(/requestDelivery: expected no such option in this profile/);
  });

  it("need one line to move from FAPI 1.0 to FAPI 2.0", () => {
    const before = bank.client("fapi1-advanced");
    for (const profile of PROFILES) {
      const minna = new MinnaClient({ ...before, profile } as MinnaClientOptions);
      expect(minna).toBeInstanceOf(MinnaClient);
    }
  });

  it("name everything that is wrong at once", () => {
    const { certificate } = bank.client("fapi2-security");
    const options = {
      profile: "fapi3",
      issuer: "http://auth.bank.example",
      clientId: "",
      redirectUri: "not a url",
      certificate: { ...certificate, key: bank.issueCertificate().key },
      api: { baseUrl: "https://user:secret@api.bank.example" },
      retries: 3,
    };
    const error = catchError(() => new MinnaClient(options as unknown as MinnaClientOptions));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems.map(problem => problem.option).sort()).toEqual(
      ["api.baseUrl", "certificate.key", "clientId", "issuer", "profile", "redirectUri", "retries"].sort(),
    );
    expect(String(error)).not.toContain("secret");
  });
});

describe("a client", () => {
  it("does no I/O when it is made, and discovers once for all who wait", async () => {
    const since = bank.events.length;
    const minna = connect(bank, "fapi2-security");
    await new Promise(resolve => setImmediate(resolve));
    expect(bank.events.slice(since)).toEqual([]);
    await Promise.all([minna.ready(), minna.ready(), minna.links.begin({ customerId: "u-42", scopes: ["balance"] })]);
    expect(bank.events.slice(since).filter(event => event.endpoint === "discovery")).toHaveLength(1);
    await minna.close();
  });

  it("can be warmed: the bank's keys are there before the first customer comes", async () => {
    const minna = connect(bank, "fapi2-security");
    const since = bank.events.length;
    await minna.ready({ warm: 2 });
    expect(bank.events.slice(since).map(({ endpoint }) => endpoint)).toEqual(["discovery", "jwks"]);
    await expect(minna.ready({ warm: 65 })).rejects.toMatchObject({ code: "argument_invalid", argument: "warm" });
    await expect(minna.ready({ warm: 0.5 })).rejects.toMatchObject({ argument: "warm" });
    await minna.close();
  });

  it("discovers again as what it knows ages, and goes on with it through an outage", async () => {
    const passing = await startSandbox();
    const minna = connect(passing, "fapi2-security");
    await minna.ready();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61 * 60 * 1000 });
    try {
      await minna.ready();
      expect(passing.events.filter(event => event.endpoint === "discovery")).toHaveLength(2);
      vi.setSystemTime(Date.now() + 61 * 60 * 1000);
      await passing.close();
      await minna.ready();
    } finally {
      vi.useRealTimers();
    }
    await minna.close();
  });

  describe("warns once in a process", () => {
    const MEMORY = [
      "Links and debits are kept in memory: what is in doubt when the process dies stays so.",
      {
        type: "MinnaBaasWarning",
        code: "MINNA_MEMORY_STORE",
        detail: "Give MinnaClient a store that outlives the process.",
      },
    ];
    const INQUIRY = [
      "The bank can't be asked for a debit by its reference: one whose answer is lost for a day stays unknown.",
      {
        type: "MinnaBaasWarning",
        code: "MINNA_NO_INQUIRY",
        detail: "Call debits.recover() well within 23 hours, while the bank remembers the idempotency key of a debit.",
      },
    ];
    const store = new MemoryStore();
    const silent: Partial<MinnaClientOptions> = { contract: { inquiry: "none" }, store };

    /** What a process warns of that makes these clients. */
    async function warnings(environment: string, ...clients: Partial<MinnaClientOptions>[]): Promise<unknown[][]> {
      const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      vi.stubEnv("NODE_ENV", environment);
      vi.resetModules();
      const fresh = await import("../src/index.js");
      for (const more of clients) {
        new fresh.MinnaClient({ ...bank.client("fapi2-security"), ...more } as MinnaClientOptions);
      }
      return warn.mock.calls;
    }

    it.each<[string, string, Partial<MinnaClientOptions>[], unknown[]]>([
      ["that links and debits are kept in memory", "production", [{}, {}], [MEMORY]],
      ["not of that where there is a store", "production", [{ store }], []],
      ["not of that while it is being developed", "development", [{}], []],
      ["that debits can't be asked for by their references", "development", [silent, silent], [INQUIRY]],
      ["not of that where they can", "development", [{ store, contract: { inquiry: "by-reference" } }], []],
      ["of each", "production", [{ contract: { inquiry: "none" } }, silent], [MEMORY, INQUIRY]],
    ])("%s", async (_, environment, clients, expected) => {
      expect(await warnings(environment, ...clients)).toEqual(expected);
    });
  });

  it.each<[string, (minna: MinnaClient) => Promise<unknown>, string]>([
    ["begin() without a customer", minna => minna.links.begin({ scopes: ["balance"] } as never), "customerId"],
    ["begin() without arguments", minna => minna.links.begin(undefined as never), "customerId"],
    ["begin() without scopes", minna => minna.links.begin({ customerId: "u", scopes: [] }), "scopes"],
    [
      "begin() with an unknown scope",
      minna => minna.links.begin({ customerId: "u", scopes: ["money" as never] }),
      "scopes",
    ],
    [
      "a debit of a fraction",
      minna => minna.link("l").debits.create({ reference: "r", amount: 0.5, description: "d" }),
      "amount",
    ],
    [
      "a debit of nothing",
      minna => minna.link("l").debits.create({ reference: "r", amount: 0, description: "d" }),
      "amount",
    ],
    [
      "a debit without a reference",
      minna => minna.link("l").debits.create({ reference: "", amount: 1, description: "d" }),
      "reference",
    ],
    ["a debit without arguments", minna => minna.link("l").debits.create(undefined as never), "reference"],
    ["an extension to no date", minna => minna.link("l").grant.extend({ until: "2027-02-30" }), "until"],
    ["an interaction id that is none", minna => minna.ready({ interactionId: "1" }), "interactionId"],
    ["a timeout of nothing", minna => minna.ready({ timeout: 0 }), "timeout"],
    [
      "a customer without an address",
      minna => minna.ready({ customerPresent: { ip: "localhost" } }),
      "customerPresent.ip",
    ],
  ])("refuses %s by the argument's name, before any call", async (_, call, argument) => {
    const minna = connect(bank, "fapi2-security");
    const since = bank.events.length;
    await expect(call(minna)).rejects.toMatchObject({ name: "ArgumentError", code: "argument_invalid", argument });
    expect(bank.events.slice(since)).toEqual([]);
    await minna.close();
  });
});

describe("importing the package", () => {
  it("leaves the host application's fetch alone and starts nothing", async () => {
    const index = new URL("../dist/index.js", import.meta.url).href;
    const script = `
      const before = globalThis.fetch;
      await import(${JSON.stringify(index)});
      await import(${JSON.stringify(new URL("transport/pool.js", index).href)});
      const { Agent } = await import("undici");
      const kept = [1, 2].every(n => !(globalThis[Symbol.for("undici.globalDispatcher." + n)] instanceof Agent));
      console.log(before === globalThis.fetch, kept);
      console.log(await (await fetch("data:,hello")).text());
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(stdout).toBe("true true\nhello\n");
  });
});

function catchError(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
