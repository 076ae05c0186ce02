import { describe, expect, test } from "vitest";
import { TransportError } from "../../src/errors.js";
import { SingleFlight } from "../../src/transport/single-flight.js";
import { aCall, endedCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";

/** Work that ends when it is told to, and counts how often it was started. */
function work<T>(): {
  start: () => Promise<T>;
  starts: () => number;
  finish: (value: T) => void;
  fail: (e: Error) => void;
} {
  let starts = 0;
  let finish: (value: T) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const start = () => {
    starts++;
    return new Promise<T>((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
  };
  return { start, starts: () => starts, finish: value => finish(value), fail: error => fail(error) };
}

describe("work for many callers", () => {
  test("is started once, and all of them get what it brought", async () => {
    const flight = new SingleFlight<number>("work");
    const { start, starts, finish } = work<number>();
    const callers = Array.from({ length: 100 }, () => flight.join("a", aCall(), start));
    finish(7);
    expect(await Promise.all(callers)).toEqual(Array.from({ length: 100 }, () => 7));
    expect(starts()).toBe(1);
  });

  test("is started once for each key", async () => {
    const flight = new SingleFlight<string>("work");
    const results = ["a", "b"].map(key => flight.join(key, aCall(), async () => key));
    expect(await Promise.all(results)).toEqual(["a", "b"]);
  });

  test("fails for all of them when it fails", async () => {
    const flight = new SingleFlight<number>("work");
    const { start, fail } = work<number>();
    const callers = [flight.join("a", aCall(), start), flight.join("a", aCall(), start)];
    const failed = Promise.allSettled(callers);
    fail(new Error("out of order"));
    for (const caller of await failed) {
      expect(caller).toMatchObject({ status: "rejected", reason: { message: "out of order" } });
    }
  });

  test("is started anew for whoever comes after it ended, well or not", async () => {
    const flight = new SingleFlight<number>("work");
    await flight.join("a", aCall(), () => Promise.reject(new Error("no"))).catch(() => {});
    expect(await flight.join("a", aCall(), async () => 1)).toBe(1);
    expect(await flight.join("a", aCall(), async () => 2)).toBe(2);
  });

  test("goes on for the others when one of them leaves", async () => {
    const flight = new SingleFlight<number>("work");
    const { start, starts, finish } = work<number>();
    const controller = new AbortController();
    const leaver = flight.join("a", aCall(controller.signal), start);
    const stayer = flight.join("a", aCall(), start);
    controller.abort("aborted");
    expect((await rejection(leaver, TransportError)).code).toBe("aborted");
    finish(7);
    expect(await stayer).toBe(7);
    expect(starts()).toBe(1);
  });

  test("that everybody has left fails in silence", async () => {
    const flight = new SingleFlight<number>("work");
    const { start, fail } = work<number>();
    const controller = new AbortController();
    const leaver = flight.join("a", aCall(controller.signal), start);
    controller.abort("timeout");
    expect((await rejection(leaver, TransportError)).code).toBe("timeout");
    fail(new Error("nobody hears this"));
    await flight.settled();
  });

  test("is not started for a caller who has ended the call already", async () => {
    const flight = new SingleFlight<number>("work");
    let starts = 0;
    const error = await rejection(
      flight.join("a", endedCall(), async () => ++starts),
      TransportError,
    );
    expect(error).toMatchObject({ code: "aborted", reached: "no", sideEffect: "none" });
    expect(starts).toBe(0);
  });

  test("can be waited for without joining it", async () => {
    const flight = new SingleFlight<number>("work");
    const { start, finish } = work<number>();
    const caller = flight.join("a", aCall(), start);
    let settled = false;
    const waiting = flight.settled().then(() => {
      settled = true;
    });
    await Promise.resolve();
    expect(settled).toBe(false);
    finish(7);
    await waiting;
    expect(await caller).toBe(7);
  });
});
