import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { inspect } from "node:util";
import pg from "pg";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.js";
import { GuardedStore } from "../../src/links/guarded-store.js";
import { type PostgresClient, postgresStore } from "../../src/stores/postgres.js";
import { rejection } from "../support/errors.js";
import { Database, url } from "./postgres-database.js";

/** The way to the database, which can be cut: a port that passes everything on. */
class Way {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer(socket => {
    const onward = connect(Number(this.#target.port || 5432), this.#target.hostname);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => {}).on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  readonly #target: URL;
  #port = 0;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  async open(): Promise<string> {
    await once(this.#server.listen(this.#port, "127.0.0.1"), "listening");
    this.#port = (this.#server.address() as { port: number }).port;
    const address = new URL(this.#target);
    address.host = `127.0.0.1:${this.#port}`;
    return address.href;
  }

  async cut(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await closed;
  }
}

describe.skipIf(url === undefined)("a PostgreSQL that is away", () => {
  const database = new Database();
  afterAll(() => database.drop());
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function far(): Promise<{ way: Way; store: GuardedStore }> {
    const way = new Way(database.url);
    const pool = new pg.Pool({ connectionString: await way.open(), max: 2, password: "CANARY" });
    pool.on("error", () => {});
    closing.push(
      () => pool.end(),
      () => way.cut(),
    );
    return { way, store: new GuardedStore(postgresStore(pool, { schema: database.schema }), 10_000) };
  }

  test("is a StoreError to every call, and works again when it is back", async () => {
    const { way, store } = await far();
    const version = await store.put("a", "CANARY", { version: 0 });
    await way.cut();
    for (const call of [
      () => store.get("a"),
      () => store.put("a", "CANARY", { version: version! }),
      () => store.take("a"),
      () => store.find({ label: "customer", value: "CANARY", limit: 1 }),
      () => store.lock("a", "CANARY", 1),
      () => store.unlock("a", "CANARY"),
    ]) {
      const error = await rejection(call(), StoreError);
      expect(error).toMatchObject({ code: "store_failed", retryable: true });
      expect(inspect(error, { depth: 10 })).not.toContain("CANARY");
    }
    await way.open();
    expect(await store.take("a")).toMatchObject({ value: "CANARY" });
  });

  test("is asked anew by a store that began without it", async () => {
    const { way, store } = await far();
    await way.cut();
    const calls = await Promise.allSettled([store.get("a"), store.get("b")]);
    expect(calls.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await way.open();
    expect(await store.get("a")).toBeUndefined();
  });
});

describe("a client that fails", () => {
  const failing = (error: unknown, times = Number.POSITIVE_INFINITY) => {
    let calls = 0;
    const client: PostgresClient = {
      query: async text => {
        if (text.includes("current_setting('fsync')")) return { rows: [{ version: 99, flushes: true }] };
        if (++calls <= times) throw error;
        return { rows: [{ key: "a", value: "1", version: "5" }] };
      },
    };
    return { store: postgresStore(client), calls: () => calls };
  };

  test.each<[string, unknown]>([
    [
      "PostgreSQL: 23514",
      Object.assign(new Error("CANARY"), { code: "23514", detail: "Failing row contains (CANARY)" }),
    ],
    ["PostgreSQL: ECONNREFUSED", Object.assign(new Error("connect CANARY"), { code: "ECONNREFUSED" })],
    ["no answer", new Error("password authentication failed for CANARY")],
    ["no answer", Object.assign(new Error("CANARY"), { code: "canary" })],
    ["no answer", "CANARY"],
  ])("says no more than %s", async (reason, thrown) => {
    const { store, calls } = failing(thrown);
    const error = await rejection(store.get("a"), StoreError);
    expect(error.message).toContain(reason);
    expect(inspect(error, { depth: 10 })).not.toContain("CANARY");
    expect(calls()).toBe(1);
  });

  test.each(["40001", "40P01"])("because of a collision (%s) is asked again, and not for ever", async code => {
    const collision = Object.assign(new Error("collision"), { code });
    expect(await failing(collision, 3).store.put("a", "1", { version: 0 })).toBe(5);
    const { store, calls } = failing(collision);
    expect((await rejection(store.take("a"), StoreError)).message).toContain(code);
    expect(calls()).toBe(12);
  });
});
