import { afterEach, describe, expect, test, vi } from "vitest";
import { configure } from "../../src/config/configurations.js";
import { StoreError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { countLinks, type MigrationReport } from "../../src/links/migration.js";
import { type LinkRecord, writeLink } from "../../src/links/record.js";
import { type Registration, Registrations } from "../../src/links/registrations.js";
import { Calls } from "../../src/transport/calls.js";
import { rejection } from "../support/errors.js";
import { CLIENT_ID, ISSUER, validOptions } from "../support/options.js";
import { linkRecord } from "../support/stub-rooms.js";

const NEW = { profile: "fapi2-security" };
const OLD = validOptions({ profile: "fapi1-advanced", announcedIn: "2026-03" });
const OTHER = validOptions({ profile: "fapi1-advanced", clientId: "partner-0" });

afterEach(() => {
  vi.useRealTimers();
});

const store = (): MemoryStore => new MemoryStore();

function registrations(kept: MemoryStore, ...previous: object[]): Registrations {
  const options = validOptions(previous.length === 0 ? NEW : { ...NEW, previous });
  const all = configure(options).all.map(configuration => ({ configuration }) as Registration);
  return new Registrations(all as [Registration, ...Registration[]], kept, new Calls(1_000));
}

async function report(kept: MemoryStore, ...previous: object[]): Promise<MigrationReport> {
  return countLinks(registrations(kept, ...previous), kept);
}

async function link(kept: MemoryStore, count: number, overrides: Partial<LinkRecord>): Promise<void> {
  const name = JSON.stringify(overrides);
  for (let index = 0; index < count; index++)
    await writeLink(kept, linkRecord({ ...overrides, id: `${name}${index}` }), 0);
}

describe("the links of a client that moves", () => {
  test("are counted for each configuration, in the order of the options", async () => {
    const kept = store();
    await link(kept, 3, { profile: "fapi2-security" });
    // Without a configuration of its own: the newest one of the client serves it.
    await link(kept, 2, { profile: "fapi2-message-signing" });
    await link(kept, 250, { profile: "fapi1-advanced" });
    await link(kept, 4, { profile: "fapi1-advanced", clientId: "partner-0" });
    await link(kept, 1, { clientId: "partner-9" });
    await link(kept, 1, { issuer: "https://other.example" });
    await link(kept, 7, { profile: "fapi1-advanced", status: "released" });
    await link(kept, 7, { profile: "fapi1-advanced", formerOf: "lnk_x", formerSince: Date.now() });
    const told = await report(kept, OTHER, OLD);
    expect(told).toMatchObject({
      current: { profile: "fapi2-security", issuer: ISSUER, clientId: CLIENT_ID, links: 5, kept: 0 },
      previous: [
        { profile: "fapi1-advanced", issuer: ISSUER, clientId: "partner-0", links: 4, kept: 0 },
        { profile: "fapi1-advanced", issuer: ISSUER, clientId: CLIENT_ID, links: 250, kept: 7 },
      ],
      elsewhere: 2,
    });
    for (const part of [told, told.current, told.previous, told.previous[0]]) expect(Object.isFrozen(part)).toBe(true);
  });

  test("may be none, and may not move", async () => {
    expect(await report(store())).toEqual({
      current: { profile: "fapi2-security", issuer: ISSUER, clientId: CLIENT_ID, links: 0, kept: 0 },
      previous: [],
      elsewhere: 0,
    });
  });

  test.each([
    ["2026-03-31T15:00:00Z", 364],
    ["2027-03-30T14:59:59Z", 1],
    ["2027-03-30T15:00:00Z", 0],
    ["2027-03-31T14:59:59Z", 0],
    ["2027-03-31T15:00:00Z", 0],
    ["2030-01-01T00:00:00Z", 0],
  ])("hold until the last day of the version in Japan: at %s whole days are left: %i", async (now, daysLeft) => {
    const kept = store();
    const moving = registrations(kept, OLD);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(now) });
    const { current, previous } = await countLinks(moving, kept);
    expect(previous[0]).toMatchObject({ endsOn: "2027-03-31", daysLeft });
    expect(current).not.toHaveProperty("endsOn");
    expect(current).not.toHaveProperty("daysLeft");
  });

  test("are not counted at all where one of them can't be read: a report says all or nothing", async () => {
    const kept = store();
    await link(kept, 1, {});
    await kept.put("link:garbled", "{", { version: 0, labels: { link: "active" } });
    await rejection(report(kept, OLD), StoreError);
  });
});
