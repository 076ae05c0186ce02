import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MinnaClient, type MinnaClientOptions } from "../../src/index.js";
import { validOptions } from "../support/options.js";

const emit = vi.spyOn(process, "emitWarning");
const said = () =>
  emit.mock.calls.filter(([, options]) => (options as { code?: string }).code === "MINNA_VERSION_ENDS");

beforeEach(() => {
  emit.mockReset();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client whose older configuration was announced to end, in Tokyo on 31 March 2097. */
function moving(): MinnaClient {
  const options = {
    ...validOptions({ profile: "fapi2-message-signing", clientId: "partner-2" }),
    previous: validOptions({ announcedIn: "2096-03" }),
  };
  return new MinnaClient(options as unknown as MinnaClientOptions);
}

test("is warned of 90, 30, 7 and 1 days before, and when it has come, once each, whenever a call is made", async () => {
  const minna = moving();
  for (const [day, warnings] of [
    ["2096-12-20", 0],
    ["2097-01-01", 1],
    ["2097-02-01", 1],
    ["2097-03-05", 2],
    ["2097-03-25", 3],
    ["2097-03-26", 3],
    ["2097-03-31", 4],
    ["2097-04-01", 5],
    ["2097-05-01", 5],
  ] as const) {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(`${day}T00:00:00+09:00`) });
    await minna.links.migration();
    await minna.links.migration();
    expect([day, said().length]).toEqual([day, warnings]);
  }
  const [message, { type, detail }] = said()[0] as unknown as [string, { type: string; detail: string }];
  expect(message).toBe(
    'By the bank\'s policy, fapi1-advanced of the client "partner-1" ends on 2097-03-31, within 90 days.',
  );
  expect(type).toBe("MinnaBaasWarning");
  expect(detail).toContain("links.migration()");
  expect(String(said()[3]?.[0])).toContain("ends on 2097-03-31, within a day.");
  expect(String(said()[4]?.[0])).toContain("ended on 2097-03-31.");
});

test("is warned of with the first call also where nothing was said in time", async () => {
  const minna = moving();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2097-03-28T09:00:00+09:00") });
  await minna.links.migration();
  expect(said().map(([message]) => message)).toEqual([expect.stringContaining("within 4 days.")]);
});
