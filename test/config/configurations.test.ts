import { describe, expect, test } from "vitest";
import { configure } from "../../src/config/configurations.js";
import { problemsOf } from "../support/errors.js";
import { CLIENT_ID, ISSUER, validOptions } from "../support/options.js";

const OLD = validOptions({ profile: "fapi1-advanced" });

function current(overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return validOptions({ profile: "fapi2-security", ...overrides });
}

function wrong(overrides: Readonly<Record<string, unknown>>): string[] {
  return problemsOf(() => configure(current(overrides))).map(({ option }) => option);
}

/** The profiles that each configuration serves. */
function served(...all: Record<string, unknown>[]): (readonly string[])[] {
  const [first, ...previous] = all;
  return configure({ ...first, ...(previous.length === 0 ? {} : { previous }) }).all.map(({ profiles }) => profiles);
}

describe("a client with what older links were made with", () => {
  test("has one configuration alone where nothing moves", () => {
    const { all, canary } = configure(current());
    expect(all).toHaveLength(1);
    expect(canary).toBe(1);
    expect(Object.isFrozen(all[0])).toBe(true);
  });

  test("has the current one first, then the previous ones as they are listed, each checked and frozen", () => {
    const older = validOptions({ profile: "fapi1-advanced", clientId: "partner-0", timeout: 5_000 });
    const { all } = configure(current({ previous: [OLD, older] }));
    expect(all.map(({ profile, clientId }) => `${profile} ${clientId}`)).toEqual([
      `fapi2-security ${CLIENT_ID}`,
      `fapi1-advanced ${CLIENT_ID}`,
      "fapi1-advanced partner-0",
    ]);
    expect(all.map(({ timeout }) => timeout)).toEqual([15_000, 15_000, 5_000]);
    for (const one of all) expect(Object.isFrozen(one)).toBe(true);
  });

  test("may have one previous configuration without a list", () => {
    const { all } = configure(current({ previous: OLD }));
    expect(all.map(({ profile }) => profile)).toEqual(["fapi2-security", "fapi1-advanced"]);
  });

  test.each<[string, unknown, string[]]>([
    ["one", { ...OLD, issuer: "http://a", timeout: 0 }, ["previous.issuer", "previous.timeout"]],
    ["one in a list", [{ ...OLD, api: {} }], ["previous[0].api.baseUrl"]],
    ["the second", [OLD, { ...OLD, clientId: "" }], ["previous[1].clientId"]],
    [
      "its certificate",
      { ...OLD, certificate: { cert: "x" } },
      ["previous.certificate.cert", "previous.certificate.key"],
    ],
    ["its signing", { ...OLD, signing: undefined }, ["previous.signing"]],
    ["its contract", { ...OLD, contract: { paths: { debit: 7 } } }, ["previous.contract.paths.debit"]],
    ["its announcement", { ...OLD, announcedIn: "soon" }, ["previous.announcedIn"]],
    ["no object", "fapi1-advanced", ["previous"]],
    ["null", null, ["previous"]],
    ["nothing in a list", [OLD, undefined], ["previous[1]"]],
    ["none in a list", [], ["previous"]],
    ["a store of its own", { ...OLD, store: {} }, ["previous.store"]],
    ["a canary of its own", { ...OLD, canary: 1 }, ["previous.canary"]],
    ["interaction ids of its own", { ...OLD, interactionId: () => "" }, ["previous.interactionId"]],
    ["a previous one of its own", { ...OLD, previous: OLD }, ["previous.previous"]],
  ])("is told where the previous configuration is wrong: %s", (_, previous, expected) => {
    expect(wrong({ previous })).toEqual(expected);
  });

  test("is told of everything at once", () => {
    const options = { timeout: 0, previous: { ...OLD, timeout: 0 }, canary: 2, sealing: {}, store: {} };
    expect(wrong(options).sort()).toEqual(["canary", "previous.timeout", "sealing.keys", "store", "timeout"]);
  });

  test("can't have the same client twice with the same profile: nobody knew whose a link is", () => {
    expect(wrong({ previous: current() })).toEqual(["previous"]);
    expect(wrong({ previous: [OLD, { ...OLD, api: { baseUrl: "https://other.example" } }] })).toEqual(["previous"]);
    for (const other of [
      { issuer: "https://b.bank.example" },
      { clientId: "partner-0" },
      { profile: "fapi1-advanced" },
    ])
      expect(configure(current({ previous: { ...current(), ...other } })).all).toHaveLength(2);
  });
});

describe("the share of customers who move", () => {
  test.each([0, 0.1, 1])("may be %d", canary => {
    expect(configure(current({ previous: OLD, canary })).canary).toBe(canary);
  });

  test.each([-0.1, 1.01, Number.NaN, Number.POSITIVE_INFINITY, "0.5", null, true])("is not %j", canary => {
    expect(wrong({ previous: OLD, canary })).toEqual(["canary"]);
  });

  test("is everybody, where it is not said", () => {
    expect(configure(current({ previous: OLD })).canary).toBe(1);
  });

  test.each([0, 0.5, 1])("needs something to move from: %d", canary => {
    expect(wrong({ canary })).toEqual(["canary"]);
  });
});

describe("the profiles of the links that a configuration serves", () => {
  const of = (profile: string, more: Readonly<Record<string, unknown>> = {}) => validOptions({ profile, ...more });

  test("are all, where it is alone: a changed profile is one line", () => {
    expect(served(of("fapi2-security"))).toEqual([["fapi1-advanced", "fapi2-security", "fapi2-message-signing"]]);
  });

  test("are its own, and for the newest those that no other one of its client has", () => {
    expect(served(of("fapi2-security"), of("fapi1-advanced"))).toEqual([
      ["fapi2-security", "fapi2-message-signing"],
      ["fapi1-advanced"],
    ]);
    expect(served(of("fapi2-message-signing"), of("fapi2-security"), of("fapi1-advanced"))).toEqual([
      ["fapi2-message-signing"],
      ["fapi2-security"],
      ["fapi1-advanced"],
    ]);
  });

  test("are all for each of two clients", () => {
    const all = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];
    const other = { issuer: "https://b.bank.example" };
    expect(served(of("fapi2-security"), of("fapi2-security", other))).toEqual([all, all]);
    expect(served(of("fapi2-security"), of("fapi1-advanced", { clientId: "partner-0" }))).toEqual([all, all]);
    expect(served(of("fapi2-security"), of("fapi2-security", other), of("fapi1-advanced", other))).toEqual([
      all,
      ["fapi2-security", "fapi2-message-signing"],
      ["fapi1-advanced"],
    ]);
  });

  test("leave no link without one, and none with two", () => {
    const others = [of("fapi1-advanced"), of("fapi2-message-signing"), of("fapi1-advanced", { clientId: "partner-0" })];
    const { all } = configure({ ...of("fapi2-security"), previous: others });
    for (const clientId of [CLIENT_ID, "partner-0"]) {
      for (const profile of ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const) {
        const own = all.filter(
          one => one.issuer === ISSUER && one.clientId === clientId && one.profiles.includes(profile),
        );
        expect(own).toHaveLength(1);
      }
    }
  });
});

describe("the end of a version", () => {
  test.each([
    ["2026-03", "2027-03-31"],
    ["2026-04", "2027-04-30"],
    ["2026-12", "2027-12-31"],
    ["2026-02", "2027-02-28"],
    ["2027-02", "2028-02-29"],
    ["2028-02", "2029-02-28"],
  ])("announced in %s is the last day of the same month a year later: %s", (announcedIn, endsOn) => {
    expect(configure(current({ announcedIn })).all[0].endsOn).toBe(endsOn);
  });

  test("is not known where nothing was announced", () => {
    expect(configure(current()).all[0].endsOn).toBeUndefined();
  });

  test.each([
    "2026",
    "2026-3",
    "2026-13",
    "2026-00",
    "2026-03-01",
    "26-03",
    "2026-03\n",
    " 2026-03",
    "",
    202603,
    null,
    new Date(),
  ])("is not announced in %j", announcedIn => {
    expect(wrong({ announcedIn })).toEqual(["announcedIn"]);
  });
});

describe("what makes interaction ids", () => {
  test("is a function, which is not called before there is a call; by default there is none", () => {
    const interactionId = () => {
      throw new Error("called");
    };
    expect(configure(current({ interactionId })).interactionId).toBe(interactionId);
    expect(configure(current()).interactionId).toBeUndefined();
  });

  test.each(["11111111-2222-4333-8444-555555555555", null, {}, true])("is not %j", interactionId => {
    expect(wrong({ interactionId })).toEqual(["interactionId"]);
  });
});
