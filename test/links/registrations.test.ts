import { describe, expect, test, vi } from "vitest";
import type { Configuration } from "../../src/config/configuration.js";
import { configure } from "../../src/config/configurations.js";
import type { Profile } from "../../src/config/profile.js";
import { DebitOutcomeUnknownError, LinkError, type MinnaError } from "../../src/errors.js";
import type { Access } from "../../src/links/access.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { readLink, writeLink } from "../../src/links/record.js";
import { type Registration, Registrations } from "../../src/links/registrations.js";
import { Calls } from "../../src/transport/calls.js";
import { INTERACTION_ID } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { ISSUER, validOptions } from "../support/options.js";
import { contextTo, LINK_ID, linkRecord } from "../support/stub-rooms.js";

const NEW = validOptions({ profile: "fapi2-security", clientId: "partner-2" });
const OLD = validOptions({ profile: "fapi1-advanced", clientId: "partner-1" });
const CUSTOMERS = Array.from({ length: 10_000 }, (_, index) => `u-${index}`);

/** Which links are at hand. */
class Hand {
  readonly links = new Set<string>();
  knows(id: string): boolean {
    return this.links.has(id);
  }
  forget(id: string): void {
    this.links.delete(id);
  }
}

interface Client {
  readonly registrations: Registrations;
  readonly all: readonly Registration[];
  readonly hands: readonly Hand[];
  readonly store: MemoryStore;
}

function client(previous: readonly object[] = [OLD], canary?: number): Client {
  const store = new MemoryStore();
  const moving = previous.length === 0 ? {} : { previous };
  const { all: configurations } = configure({ ...NEW, ...moving });
  const hands = configurations.map(() => new Hand());
  const all = configurations.map((configuration: Configuration, index): Registration => {
    const { server, resources } = contextTo(() => {
      throw new Error("The bank is not asked.");
    }, configuration);
    const access = hands[index] as unknown as Access;
    return { configuration, server, resources, access, door: {} as Registration["door"] };
  });
  const registrations = new Registrations(all as [Registration, ...Registration[]], store, new Calls(1_000), canary);
  return { registrations, all, hands, store };
}

function elsewhere(): LinkError {
  return new LinkError("link_elsewhere", LINK_ID, "The link was made with another client.");
}

describe("a customer's new links", () => {
  test.each([
    [1, 10_000, 10_000],
    [0, 0, 0],
    // Five standard deviations to each side: of a fair split this fails once in a million.
    [0.1, 850, 1_150],
    [0.5, 4_750, 5_250],
  ])("are made with the new registration for a share of %d", (share, least, most) => {
    const { registrations, all } = client([OLD], share);
    const moved = CUSTOMERS.filter(customer => registrations.forCustomer(customer) === all[0]).length;
    expect(moved).toBeGreaterThanOrEqual(least);
    expect(moved).toBeLessThanOrEqual(most);
  });

  test("are on the same side at every attempt, in every process", () => {
    const [one, two] = [client([OLD], 0.1), client([OLD], 0.1)];
    const sides = ({ registrations, all }: Client) =>
      CUSTOMERS.slice(0, 1000).map(customer => all.indexOf(registrations.forCustomer(customer)));
    expect(sides(one)).toEqual(sides(two));
    // Known for good: another release must not move customers back.
    const known = ["u-1", "u-2", "u-3", "u-4", "u-5", "山田", "a@b.example", "00000000-0000-0000-0000-000000000000"];
    const half = client([OLD], 0.5);
    expect(known.map(customer => half.all.indexOf(half.registrations.forCustomer(customer)))).toEqual([
      1, 0, 1, 1, 1, 0, 1, 0,
    ]);
  });

  test("stay with the new registration as the share grows", () => {
    const few = client([OLD], 0.1);
    const many = client([OLD], 0.4);
    const moved = (one: Client) => CUSTOMERS.filter(id => one.registrations.forCustomer(id) === one.all[0]);
    expect(moved(many)).toEqual(expect.arrayContaining(moved(few)));
    expect(moved(many).length).toBeGreaterThan(moved(few).length);
  });

  test("are of the first of two older registrations, where they do not move yet", () => {
    const { registrations, all } = client([OLD, { ...OLD, clientId: "partner-0" }], 0);
    expect(registrations.forCustomer("u-1")).toBe(all[1]);
  });

  test("are of the only one there is", () => {
    const { registrations, all } = client([]);
    expect(registrations.forCustomer("u-1")).toBe(all[0]);
  });
});

describe("the registration of what was made", () => {
  const { registrations, all } = client([OLD, { ...OLD, profile: "fapi2-message-signing" }]);

  test.each<[string, Profile, number]>([
    ["partner-2", "fapi2-security", 0],
    ["partner-2", "fapi1-advanced", 0],
    ["partner-2", "fapi2-message-signing", 0],
    ["partner-1", "fapi1-advanced", 1],
    ["partner-1", "fapi2-security", 1],
    ["partner-1", "fapi2-message-signing", 2],
  ])("is that of the client %s that serves %s", (clientId, profile, index) => {
    expect(registrations.of({ issuer: ISSUER, clientId, profile })).toBe(all[index]);
  });

  test.each([
    { issuer: ISSUER, clientId: "partner-9" },
    { issuer: `${ISSUER}/`, clientId: "partner-1" },
  ])("is none for another client or issuer: %j", made => {
    expect(registrations.of({ ...made, profile: "fapi1-advanced" })).toBeUndefined();
  });
});

describe("a call for a link", () => {
  const made = { issuer: ISSUER, clientId: "partner-1", profile: "fapi1-advanced" } as const;
  const moved = { issuer: ISSUER, clientId: "partner-2", profile: "fapi2-security" } as const;

  /** Somebody else renews the link. */
  async function move({ store }: Client, to: typeof made | typeof moved = moved): Promise<void> {
    const { record, version } = await readLink(store, LINK_ID);
    await writeLink(store, { ...record, ...to }, version);
  }

  async function linked(previous?: readonly object[]): Promise<Client> {
    const one = client(previous);
    await writeLink(one.store, linkRecord(made), 0);
    return one;
  }

  test("goes to the only registration, and reads nothing to find it", async () => {
    const { registrations, all, store } = client([]);
    const get = vi.spyOn(store, "get");
    const options = { interactionId: INTERACTION_ID };
    const seen = await registrations.run("accounts.list", LINK_ID, options, async (call, one) => [
      call.interactionId,
      one,
    ]);
    expect(seen).toEqual([INTERACTION_ID, all[0]]);
    expect(get).not.toHaveBeenCalled();
    await rejection(
      registrations.run("accounts.list", LINK_ID, options, () => Promise.reject(elsewhere())),
      LinkError,
    );
    expect(get).not.toHaveBeenCalled();
  });

  test("goes to the registration that the link was made with", async () => {
    const one = await linked();
    expect(
      await one.registrations.run("accounts.list", LINK_ID, undefined, async (_, registration) => registration),
    ).toBe(one.all[1]);
    await move(one);
    expect(
      await one.registrations.run("accounts.list", LINK_ID, undefined, async (_, registration) => registration),
    ).toBe(one.all[0]);
  });

  test("of nobody's link goes to the first registration, which says so", async () => {
    const { registrations, all, store } = client();
    await writeLink(store, linkRecord({ clientId: "partner-9" }), 0);
    expect(await registrations.run("accounts.list", LINK_ID, undefined, async (_, registration) => registration)).toBe(
      all[0],
    );
  });

  test("for a link that is not there is left to the first registration, whose rooms say so as they always do", async () => {
    const { registrations } = client();
    const work = vi.fn(async () => "said");
    expect(await registrations.run("accounts.list", LINK_ID, undefined, work)).toBe("said");
    expect(work).toHaveBeenCalledExactlyOnceWith(expect.anything(), registrations.all[0]);
  });

  test.each<[string, () => MinnaError]>([
    ["says so", elsewhere],
    [
      "says so as the reason of an unknown outcome",
      () => new DebitOutcomeUnknownError("order-1", { cause: elsewhere() }),
    ],
  ])("follows a link that moved in another process, once it %s", async (_, said) => {
    const one = await linked();
    const { registrations, all, hands } = one;
    hands[1]?.links.add(LINK_ID);
    const tried: Registration[] = [];
    const result = await registrations.run("accounts.list", LINK_ID, undefined, async (call, registration) => {
      tried.push(registration);
      if (tried.length > 1) return call.interactionId;
      await move(one);
      throw said();
    });
    expect(tried).toEqual([all[1], all[0]]);
    expect(tried[1]).toBe(all[0]);
    expect(result).toMatch(/^[\da-f-]{36}$/);
    // It is not at hand any more where it is not.
    expect(hands[1]?.links.size).toBe(0);
  });

  test("follows it once, and no further", async () => {
    const one = await linked();
    const work = vi.fn(async () => {
      if (work.mock.calls.length === 1) await move(one);
      throw elsewhere();
    });
    expect((await rejection(one.registrations.run("accounts.list", LINK_ID, undefined, work), LinkError)).code).toBe(
      "link_elsewhere",
    );
    expect(work).toHaveBeenCalledTimes(2);
  });

  test("is not made again where the link has not moved", async () => {
    const { registrations } = await linked();
    const work = vi.fn(async () => {
      throw elsewhere();
    });
    await rejection(registrations.run("accounts.list", LINK_ID, undefined, work), LinkError);
    expect(work).toHaveBeenCalledTimes(1);
  });

  test.each<[string, Error]>([
    ["another reason", new LinkError("link_released", LINK_ID, "The link was released.")],
    ["an outcome unknown for another reason", new DebitOutcomeUnknownError("order-1")],
  ])("is not made again for %s", async (_, error) => {
    const one = await linked();
    const work = vi.fn(async () => {
      await move(one);
      throw error;
    });
    expect(await rejection(one.registrations.run("accounts.list", LINK_ID, undefined, work), Error)).toBe(error);
    expect(work).toHaveBeenCalledTimes(1);
  });

  test("is one call, with one deadline and one interaction id, also where the link is followed", async () => {
    const one = await linked();
    const calls: unknown[] = [];
    await one.registrations.run("accounts.list", LINK_ID, undefined, async call => {
      calls.push(call);
      if (calls.length > 1) return;
      await move(one);
      throw elsewhere();
    });
    expect(calls[1]).toBe(calls[0]);
  });
});
