import { afterEach, describe, expect, test, vi } from "vitest";
import { ArgumentError, TransportError } from "../../src/errors.js";
import { type Call, endedEarly } from "../../src/transport/call.js";
import { Calls } from "../../src/transport/calls.js";
import { rejection } from "../support/errors.js";

afterEach(() => {
  vi.useRealTimers();
});

/** Work that ends when the test says so. */
function deferred(): { readonly promise: Promise<string>; readonly resolve: (value: string) => void } {
  let resolve = (_: string) => {};
  const promise = new Promise<string>(done => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Work that ends with its call, as a request does. */
function untilEnded(call: Call): Promise<never> {
  return new Promise((_, reject) => {
    call.signal.addEventListener("abort", () => reject(endedEarly(call, "possible", "https://bank.example")));
  });
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  await new Promise(resolve => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

describe("calls", () => {
  test("have the client's time where they say nothing else", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 0 });
    const calls = new Calls(15_000);
    expect(await calls.run("ready", undefined, async ({ deadline }) => deadline)).toBe(15_000);
    expect(await calls.run("ready", undefined, async ({ deadline }) => deadline, 60_000)).toBe(60_000);
    expect(await calls.run("ready", { timeout: 500 }, async ({ deadline }) => deadline, 60_000)).toBe(500);
  });

  test("hand on what the work returns or throws", async () => {
    const calls = new Calls(15_000);
    expect(await calls.run("ready", undefined, async () => "done")).toBe("done");
    const error = new TypeError("no");
    expect(
      await rejection(
        calls.run("ready", undefined, () => Promise.reject(error)),
        TypeError,
      ),
    ).toBe(error);
    await rejection(
      calls.run("ready", { timeout: -1 }, async () => "done"),
      ArgumentError,
    );
    await calls.close();
  });

  test("end by themselves, by their caller or by their time, while the client is open", async () => {
    const calls = new Calls(15_000);
    const late = await rejection(calls.run("ready", { timeout: 5 }, untilEnded), TransportError);
    expect(late.code).toBe("timeout");
    const aborted = await rejection(
      calls.run("ready", { signal: AbortSignal.abort() }, async call => {
        throw endedEarly(call, "no", "x");
      }),
      TransportError,
    );
    expect(aborted.code).toBe("aborted");
  });
});

describe("closing", () => {
  test("of a client at rest is done at once, and twice is once", async () => {
    const calls = new Calls(15_000);
    expect(calls.closed).toBe(false);
    await calls.close();
    await calls.close();
    await calls.close({ timeout: 1 });
    expect(calls.closed).toBe(true);
  });

  test("waits until every call is over with all that it does, be it done or failed", async () => {
    const calls = new Calls(15_000);
    const [first, second] = [deferred(), deferred()];
    const steps: string[] = [];
    const one = calls.run("ready", undefined, async call => {
      await first.promise;
      steps.push(`goes on, ended: ${call.signal.aborted}`);
      await new Promise(resolve => setImmediate(resolve));
      steps.push("done");
      return "one";
    });
    const two = calls.run("ready", undefined, async () => {
      await second.promise;
      throw new TypeError("two");
    });
    const failed = rejection(two, TypeError);
    const closing = calls.close().then(() => steps.push("closed"));
    expect(await isPending(closing)).toBe(true);
    first.resolve("");
    expect(await one).toBe("one");
    expect(await isPending(closing)).toBe(true);
    second.resolve("");
    await failed;
    await closing;
    expect(steps).toEqual(["goes on, ended: false", "done", "closed"]);
  });

  test("takes no further call: nothing of it begins", async () => {
    const calls = new Calls(15_000);
    const open = deferred();
    const running = calls.run("ready", undefined, () => open.promise);
    const closing = calls.close();
    const work = vi.fn(async () => "done");
    for (let again = 0; again < 2; again++) {
      const error = await rejection(calls.run("ready", undefined, work), TransportError);
      expect(error).toMatchObject({ code: "closed", reached: "no", sideEffect: "none", retryable: false });
      open.resolve("done");
      await closing;
    }
    expect(work).not.toHaveBeenCalled();
    expect(await running).toBe("done");
  });

  test("ends what takes longer than it may wait, and says so", async () => {
    const calls = new Calls(15_000);
    const running = calls.run("ready", undefined, untilEnded);
    const failed = rejection(running, TransportError);
    const began = performance.now();
    await calls.close({ timeout: 30 });
    expect(performance.now() - began).toBeGreaterThan(25);
    expect(await failed).toMatchObject({
      code: "closed",
      reached: "possible",
      sideEffect: "possible",
      retryable: false,
    });
  });

  test("ends it as closed, though the call's own time runs out while it ends", async () => {
    const calls = new Calls(15_000);
    const running = calls.run("ready", { timeout: 40 }, async call => {
      await untilEnded(call).catch(() => {});
      await new Promise(resolve => setTimeout(resolve, 40));
      throw endedEarly(call, "possible", "x");
    });
    const failed = rejection(running, TransportError);
    await calls.close({ timeout: 5 });
    expect((await failed).code).toBe("closed");
  });

  test("waits for work that ends of itself after its call: a token that is rotated is still saved", async () => {
    const calls = new Calls(15_000);
    const saved = deferred();
    const running = calls.run("ready", undefined, async call => {
      await untilEnded(call).catch(() => {});
      return saved.promise;
    });
    const closing = calls.close({ timeout: 1 });
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(await isPending(closing)).toBe(true);
    saved.resolve("saved");
    expect(await running).toBe("saved");
    await closing;
  });

  test("a second time can hurry the first one", async () => {
    const calls = new Calls(15_000);
    const failed = rejection(calls.run("ready", undefined, untilEnded), TransportError);
    const patient = calls.close();
    await calls.close({ timeout: 1 });
    await patient;
    expect((await failed).code).toBe("closed");
  });

  test("leaves no timer behind", async () => {
    vi.useFakeTimers();
    const calls = new Calls(15_000);
    await calls.run("ready", undefined, async () => {});
    await calls.close({ timeout: 60_000 });
    expect(vi.getTimerCount()).toBe(0);
  });
});
