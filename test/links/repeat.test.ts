import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TransportError, ValidationError } from "../../src/errors.js";
import { repeatSafely } from "../../src/links/repeat.js";
import type { Answer } from "../../src/transport/door.js";
import { aCall, endedCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { answer } from "../support/stub-rooms.js";

vi.mock("node:timers/promises", () => ({ setTimeout: vi.fn(async () => undefined) }));

let sent = 0;

beforeEach(() => {
  sent = 0;
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 });
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.mocked(sleep).mockReset();
  vi.mocked(sleep).mockImplementation(async wait => {
    vi.setSystemTime(Date.now() + Number(wait));
    return undefined as never;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Sends what answers so, one after the other; the last one for ever. */
function answering(...outcomes: (Answer | Error)[]): () => Promise<Answer> {
  return async () => {
    const outcome = outcomes[Math.min(sent++, outcomes.length - 1)]!;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
}

function lost(retryable: boolean): TransportError {
  const details = { reached: "possible", endpoint: "x", retryable } as const;
  return new TransportError("connection_failed", "The connection is gone.", details);
}

const pauses = () => vi.mocked(sleep).mock.calls.map(([wait]) => wait);
const GOOD = answer(200, "{}");

describe("a safe request", () => {
  test.each([408, 425, 429, 500, 502, 503, 504])("is repeated after %i, ever later", async status => {
    expect(await repeatSafely("x", aCall(), answering(answer(status, ""), answer(status, ""), GOOD))).toBe(GOOD);
    expect(sent).toBe(3);
    expect(pauses()).toEqual([100, 200]);
  });

  test.each([200, 204, 301, 400, 401, 403, 404, 409, 422, 501, 505])("is not repeated after %i", async status => {
    expect((await repeatSafely("x", aCall(), answering(answer(status, "")))).status).toBe(status);
    expect(sent).toBe(1);
  });

  test("is repeated when there was no connection", async () => {
    expect(await repeatSafely("x", aCall(), answering(lost(true), GOOD))).toBe(GOOD);
    expect(pauses()).toEqual([100]);
  });

  test.each<[string, Error]>([
    ["a failure that stays", lost(false)],
    [
      "a connection that was lost twice",
      new TransportError("connection_lost", "The connection is gone.", {
        reached: "possible",
        endpoint: "x",
        retryable: true,
      }),
    ],
    ["an answer that can't be trusted", new ValidationError("redirect", "It is a redirect.", { retryable: true })],
  ])("is not repeated after %s", async (_, error) => {
    await expect(repeatSafely("x", aCall(), answering(error))).rejects.toBe(error);
    expect(sent).toBe(1);
  });

  test("is sent three times at most, and ends as it ended last", async () => {
    const last = answer(503, "last");
    expect(await repeatSafely("x", aCall(), answering(answer(503, ""), answer(503, ""), last))).toBe(last);
    const error = lost(true);
    sent = 0;
    await expect(repeatSafely("x", aCall(), answering(error))).rejects.toBe(error);
    expect(sent).toBe(3);
  });

  test("waits as long as the bank asks, if that is longer", async () => {
    const busy = (seconds: string) => answer(429, "", { "retry-after": seconds });
    await repeatSafely("x", aCall(), answering(busy("2"), busy("0"), GOOD));
    expect(pauses()).toEqual([2000, 200]);
  });

  test("does not wait for what comes after the deadline: maintenance is told at once", async () => {
    const call = aCall(undefined, 5_000);
    const closed = answer(503, "", { "retry-after": "120" });
    expect(await repeatSafely("x", call, answering(closed))).toBe(closed);
    expect(sent).toBe(1);
    sent = 0;
    const justNot = aCall(undefined, 2_000);
    await repeatSafely("x", justNot, answering(answer(503, "", { "retry-after": "2" })));
    expect(sent).toBe(1);
    sent = 0;
    const justSo = aCall(undefined, 2_001);
    expect(await repeatSafely("x", justSo, answering(answer(503, "", { "retry-after": "2" }), GOOD))).toBe(GOOD);
  });

  test("spreads its attempts", async () => {
    vi.mocked(Math.random).mockReturnValueOnce(0).mockReturnValueOnce(1);
    await repeatSafely("x", aCall(), answering(answer(500, "")));
    expect(pauses()).toEqual([50, 300]);
  });

  test("ends with its call while it waits", async () => {
    const call = endedCall();
    vi.mocked(sleep).mockRejectedValue(new Error("aborted"));
    const error = await rejection(repeatSafely("an endpoint", call, answering(answer(500, ""))), TransportError);
    expect(error).toMatchObject({ endpoint: "an endpoint", reached: "possible", sideEffect: "none" });
    expect(vi.mocked(sleep).mock.calls[0]?.[2]).toEqual({ signal: call.signal });
  });
});
