import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/errors.js";
import { type Call, type CallOptions, withCall } from "../../src/transport/call.js";
import { rejection } from "../support/errors.js";

async function callWith(options?: CallOptions): Promise<Call> {
  return withCall(options, 15_000, async call => call);
}

describe("a call", () => {
  test("has the deadline of the client, or its own", async () => {
    const before = Date.now();
    expect((await callWith()).deadline).toBeGreaterThanOrEqual(before + 15_000);
    expect((await callWith({ timeout: 1_000 })).deadline).toBeLessThan(before + 15_000);
  });

  test("ends when its deadline passes", async () => {
    const reason = await withCall({ timeout: 10 }, 15_000, async ({ signal }) => {
      await new Promise(resolve => signal.addEventListener("abort", resolve, { once: true }));
      return signal.reason as unknown;
    });
    expect(reason).toBe("timeout");
  });

  test("ends with the caller's signal, also with one that had fired before", async () => {
    const controller = new AbortController();
    const ended = await withCall({ signal: controller.signal }, 15_000, async ({ signal }) => {
      controller.abort();
      return signal.aborted;
    });
    expect(ended).toBe(true);
    expect((await callWith({ signal: AbortSignal.abort() })).signal.aborted).toBe(true);
  });

  test("lets go of the caller's signal, also when its work fails", async () => {
    const { signal } = new AbortController();
    await callWith({ signal });
    await withCall({ signal }, 15_000, () => Promise.reject(new Error("no"))).catch(() => {});
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test.each([0, -1, 1.5, Number.NaN, 600_001, Number.POSITIVE_INFINITY, "100"])(
    "refuses the timeout %s",
    async timeout => {
      const error = await rejection(callWith({ timeout: timeout as number }), ArgumentError);
      expect(error.argument).toBe("timeout");
    },
  );
});

describe("the interaction id", () => {
  test("is a new UUID for each call", async () => {
    const [first, second] = [await callWith(), await callWith()];
    expect(first.interactionId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(second.interactionId).not.toBe(first.interactionId);
  });

  test("is the caller's, in either case", async () => {
    const interactionId = "C770AEF3-6784-41F7-8E0E-FF5F97BDDB3A";
    expect((await callWith({ interactionId })).interactionId).toBe(interactionId);
  });

  test.each(["", "order-1", "c770aef3-6784-41f7-8e0e-ff5f97bddb3a\r\nx-evil: 1", 7])("%j is refused", async value => {
    const error = await rejection(callWith({ interactionId: value as string }), ArgumentError);
    expect(error.argument).toBe("interactionId");
  });
});

describe("the customer", () => {
  test("is not there if nothing is said of them", async () => {
    expect(await callWith()).toMatchObject({ customerIp: undefined, customerAuthenticatedAt: undefined });
  });

  test.each(["192.0.2.7", "2001:db8::7"])("is there with their address %s", async ip => {
    expect(await callWith({ customerPresent: { ip } })).toMatchObject({
      customerIp: ip,
      customerAuthenticatedAt: undefined,
    });
  });

  test("has logged in at a time that the bank gets as an HTTP date", async () => {
    const call = await callWith({
      customerPresent: { ip: "192.0.2.7", authenticatedAt: "2026-04-01T09:30:00+09:00" },
    });
    expect(call.customerAuthenticatedAt).toBe("Wed, 01 Apr 2026 00:30:00 GMT");
  });

  test.each(["", "bank.example", "192.0.2.256", "192.0.2.7, 192.0.2.8"])("has no address such as %j", async ip => {
    const error = await rejection(callWith({ customerPresent: { ip } }), ArgumentError);
    expect(error.argument).toBe("customerPresent.ip");
  });

  test.each(["2026-04-01", "2026-04-01T09:30:00", "yesterday", "2026-13-01T09:30:00Z", "2026-02-30T09:30:00+09:00"])(
    "has not logged in at %s: it is no moment",
    async authenticatedAt => {
      const present = { ip: "192.0.2.7", authenticatedAt };
      const error = await rejection(callWith({ customerPresent: present }), ArgumentError);
      expect(error.argument).toBe("customerPresent.authenticatedAt");
    },
  );
});
