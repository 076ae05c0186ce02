import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  ArgumentError,
  DebitOutcomeUnknownError,
  LinkError,
  MemoryStore,
  type MinnaClient,
  MinnaError,
  type Store,
  TransportError,
} from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { certificateChannel, debitChannel, trace } from "../../src/transport/channels.js";
import { Door } from "../../src/transport/door.js";
import { Generations } from "../../src/transport/generation.js";
import { aCall } from "../support/calls.js";
import { certificateOptions, clientCertificate, newAuthority, serverCertificate } from "../support/certificates.js";
import { rejection } from "../support/errors.js";
import { Listener } from "../support/listen.js";
import { connect, link } from "../support/partner.js";
import { startServer } from "../support/tls-server.js";

vi.mock("../../src/transport/channels.js", async original => {
  const real = await original<typeof import("../../src/transport/channels.js")>();
  return { ...real, trace: vi.fn(real.trace) };
});

const ACCOUNT = "acc-hanako-ordinary";
let bank: Sandbox;
let minna: MinnaClient;
let linkId: string;
let listener: Listener | undefined;
beforeAll(async () => {
  bank = await startSandbox();
  minna = connect(bank, "fapi2-security");
  linkId = (await link(bank, minna)).id;
});
afterAll(async () => {
  await minna.close();
  await bank.close();
});
beforeEach(() => {
  vi.mocked(trace).mockClear();
});
afterEach(() => {
  listener?.stop();
});

const listen = (...names: ConstructorParameters<typeof Listener>[0] & object) => {
  listener = new Listener(names.length === 0 ? undefined : names);
  return listener;
};
let number = 0;
const order = () => ({ reference: `order-${++number}`, amount: 500, description: "ﾎﾝ" });

describe("where nobody listens", () => {
  it("nothing is traced, made or published", async () => {
    const published = [debitChannel, certificateChannel].map(channel => vi.spyOn(channel, "publish"));
    const other = connect(bank, "fapi2-security");
    const { id } = await link(bank, other);
    await other.link(id).accounts.balance(ACCOUNT);
    await other.link(id).debits.create(order());
    await other.close();
    expect(trace).not.toHaveBeenCalled();
    for (const publish of published) expect(publish).not.toHaveBeenCalled();
    // The same with a listener, so that it is known what was looked for.
    listen();
    await minna.link(linkId).debits.create(order());
    expect(trace).toHaveBeenCalled();
    expect(published[0]).toHaveBeenCalled();
    for (const publish of published) publish.mockRestore();
  });

  it("on the channel of calls, a listener of another one costs a call nothing", async () => {
    listen("certificate");
    await minna.link(linkId).accounts.balance(ACCOUNT);
    expect(trace).not.toHaveBeenCalled();
  });
});

describe("a call", () => {
  it("is told by its name, its link and its interaction id, and what it returned is not", async () => {
    const { heard } = listen("call");
    const { interactionId } = await minna.link(linkId).accounts.balance(ACCOUNT);
    expect(heard.map(({ event }) => event)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(heard.at(-1)?.message).toEqual({ name: "accounts.balance", linkId, interactionId, result: undefined });
    // The same object from start to end: what a subscriber keeps for it is found again.
    expect(new Set(heard.map(({ message }) => message)).size).toBe(1);
  });

  it("has no interaction id yet at its start, and has it at the end of what it does at once", async () => {
    const seen: unknown[] = [];
    const own = new Listener(["call"], ({ message }) =>
      seen.push((message as { interactionId?: string }).interactionId),
    );
    const interactionId = "11111111-2222-4333-8444-555555555555";
    await minna.link(linkId).accounts.list({ interactionId });
    own.stop();
    expect(seen).toEqual([undefined, interactionId, interactionId, interactionId]);
  });

  it("that fails is told with its own error, which the caller gets", async () => {
    const told = listen("call");
    const error = await rejection(minna.link("lnk_none").accounts.list(), LinkError);
    const [message] = told.of("call");
    expect(message?.error).toBe(error);
    expect(told.heard.map(({ event }) => event)).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"]);
    // All that is known of it is there already.
    expect((message?.error as MinnaError | undefined)?.toSupportBundle()).toEqual(error.toSupportBundle());
  });

  it("that never began is told, too: with wrong arguments, or of a closed client", async () => {
    const told = listen("call");
    await rejection(minna.ready({ timeout: -1 }), ArgumentError);
    const closed = connect(bank, "fapi2-security");
    await closed.close();
    await rejection(closed.ready(), TransportError);
    expect(told.of("call").map(({ name, error, interactionId }) => [name, error?.name, interactionId])).toEqual([
      ["ready", "ArgumentError", undefined],
      ["ready", "TransportError", undefined],
    ]);
  });

  it("has the name of the method that was called", async () => {
    const told = listen("call");
    const other = connect(bank, "fapi2-security");
    const { id } = await link(bank, other);
    const { accounts, debits, grant, identity } = other.link(id);
    await other.ready();
    await other.publicJwks();
    await accounts.list();
    for await (const _ of accounts.transactions(ACCOUNT)) break;
    for await (const _ of accounts.deposits(ACCOUNT)) break;
    await identity.get();
    await identity.userInfo();
    const wanted = order();
    const { debitId } = await debits.create(wanted);
    await debits.get(debitId);
    await debits.find(wanted.reference);
    await debits.settled(debitId);
    for await (const _ of other.debits.recover()) break;
    await grant.status();
    await grant.extend({ until: "2030-03-31" });
    await grant.introspect();
    await rejection(other.rotateKeys(), MinnaError);
    await other.links.end(id);
    const begun = await link(bank, other);
    await other.link(begun.id).grant.revoke();
    await rejection(other.rotateCertificate(), MinnaError);
    await other.close();
    const names = told.of("call").map(({ name, linkId: of }) => (of === undefined ? name : `${name} of a link`));
    expect(names).toEqual([
      "links.begin",
      "links.complete",
      "ready",
      "publicJwks",
      "accounts.list of a link",
      "accounts.transactions of a link",
      "accounts.deposits of a link",
      "identity.get of a link",
      "identity.userInfo of a link",
      "debits.create of a link",
      "debits.get of a link",
      "debits.find of a link",
      "debits.settled of a link",
      "debits.recover",
      "grant.status of a link",
      "grant.extend of a link",
      "grant.introspect of a link",
      "rotateKeys",
      "links.end of a link",
      "links.begin",
      "links.complete",
      "grant.revoke of a link",
      "rotateCertificate",
    ]);
  });
});

describe("a request", () => {
  it("is told without its query and without ids", async () => {
    const told = listen("request");
    const { interactionId } = await minna.link(linkId).accounts.balance(ACCOUNT);
    const { origin, hostname, port } = new URL(bank.apiBaseUrl);
    expect(told.of("request")).toEqual([
      {
        method: "GET",
        endpoint: expect.stringMatching(/^https:.*\/accounts\/\{accountId\}\/balance$/),
        address: hostname,
        port: Number(port),
        profile: "fapi2-security",
        interactionId,
        thumbprint: expect.stringMatching(/^[\w-]{43}$/),
        resends: 0,
        status: 200,
        result: undefined,
      },
    ]);
    expect(told.of("request")[0]?.endpoint.startsWith(origin)).toBe(true);
    for await (const _ of minna.link(linkId).accounts.transactions(ACCOUNT, { from: "2026-04-01" })) break;
    expect(JSON.stringify(told.of("request"))).not.toMatch(/\?|2026-04-01|acc-/);
  });

  it("that shows no certificate names none", async () => {
    const told = listen("request");
    const other = connect(bank, "fapi2-security");
    await other.ready();
    await other.close();
    expect(told.of("request").map(message => Object.keys(message))).toEqual([
      ["method", "endpoint", "address", "port", "profile", "interactionId", "resends", "status", "result"],
    ]);
  });

  it("whose answer is lost is told with its error, and the one that finds out as another", async () => {
    const told = listen("request", "call");
    bank.faults.on("debit-commit-then-drop", { times: 1 });
    await minna.link(linkId).debits.create(order());
    const [post, inquiry] = told.of("request");
    expect([post?.method, post?.resends, post?.error]).toEqual(["POST", 0, expect.any(TransportError)]);
    expect(post?.error).toMatchObject({ code: "connection_lost" });
    expect([inquiry?.method, inquiry?.resends, inquiry?.status]).toEqual(["GET", 0, 200]);
    expect(told.of("call").map(({ error }) => error)).toEqual([undefined]);
  });
});

describe("a request that is sent again", () => {
  const authority = newAuthority();
  const certificate = { ...clientCertificate(authority), ca: authority.certificate };

  it("is told again, with how often it was sent before", async () => {
    let lost = 0;
    const server = await startServer(serverCertificate(authority), ({ request }, response) => {
      if (lost++ === 0) request.socket.destroy();
      else response.end("ok");
    });
    const generations = new Generations(certificateOptions(certificate));
    const told = listen("request");
    const url = new URL(`${server.url}/rows?from=CANARY`);
    await new Door(generations).send({ method: "GET", url, headers: {}, presents: "nothing" }, aCall());
    await generations.close();
    await server.close();
    const known = { method: "GET", endpoint: `${server.url}/rows`, address: "localhost", port: server.port };
    expect(told.of("request")).toEqual([
      { ...known, resends: 0, error: expect.objectContaining({ code: "connection_lost" }) },
      { ...known, resends: 1, status: 200, result: undefined },
    ]);
  });
});

describe("a refresh", () => {
  it("is told with its outcome", async () => {
    const told = listen("refresh");
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await minna.link(linkId).accounts.balance(ACCOUNT);
    expect(told.of("refresh")).toEqual([{ linkId, profile: "fapi2-security", outcome: "issued", result: undefined }]);
  });

  it("of somebody else's is told as found, and a failed one with its error", async () => {
    const store = new MemoryStore();
    const [one, two] = [connect(bank, "fapi2-security", { store }), connect(bank, "fapi2-security", { store })];
    const { id } = await link(bank, one);
    await two.link(id).accounts.list();
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await one.link(id).accounts.list();
    const told = listen("refresh");
    // The second one has the old token, and the first has refreshed it.
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await two.link(id).accounts.list();
    expect(told.of("refresh").map(({ outcome }) => outcome)).toEqual(["found"]);
    bank.faults.on("api-token-rejected-once", { times: 1 });
    bank.faults.on("token-response-html", { times: 1 });
    await rejection(two.link(id).accounts.list(), MinnaError);
    expect(told.of("refresh").map(({ outcome, error }) => [outcome, (error as MinnaError | undefined)?.code])).toEqual([
      ["found", undefined],
      [undefined, "validation_failed"],
    ]);
    await Promise.all([one.close(), two.close()]);
  });
});

describe("a debit", () => {
  it("is told with every state that the journal has of it", async () => {
    const told = listen("debit");
    const { reference } = await made();
    const known = { reference, linkId, recovered: false };
    expect(told.of("debit")).toEqual([
      { ...known, to: "sent" },
      { ...known, from: "sent", to: "known", status: "succeeded" },
    ]);

    async function made() {
      const wanted = order();
      await minna.link(linkId).debits.create(wanted);
      return wanted;
    }
  });

  it("that was left open is told as recovered", async () => {
    const told = listen("debit");
    const wanted = order();
    bank.faults.on("debit-drop-before-commit", { times: 3 });
    await rejection(minna.link(linkId).debits.create(wanted), DebitOutcomeUnknownError);
    const open = told.of("debit").at(-1);
    expect(open).toMatchObject({ reference: wanted.reference, to: "unknown", recovered: false });
    expect(open).not.toHaveProperty("status");
    for await (const _ of minna.debits.recover());
    expect(told.of("debit").at(-1)).toMatchObject({
      reference: wanted.reference,
      to: "known",
      status: "succeeded",
      recovered: true,
    });
  });
});

describe("a call of the store", () => {
  it("is told by its method and the kind of its entry, and by nothing else", async () => {
    const told = listen("store");
    await minna.link(linkId).debits.create(order());
    expect(told.of("store")[0]).toEqual({ method: "put", kind: "debit", outcome: "done", result: undefined });
    const said = told.of("store").map(({ method, kind, outcome }) => `${method} ${kind} ${outcome}`);
    expect(new Set(said)).toEqual(new Set(["put debit done"]));
    expect(JSON.stringify(told.of("store"))).not.toMatch(/order-|lnk_/);
  });

  it("is told with what it was looked for by", async () => {
    const told = listen("store");
    for await (const _ of minna.links.list());
    for await (const _ of minna.links.list({ customerId: "nobody" }));
    for await (const _ of minna.debits.pending());
    const said = told.of("store").map(({ method, kind, outcome }) => `${method} ${kind} ${outcome}`);
    expect(said).toContain("find link done");
    expect(said).toContain("find link nothing");
    expect(said).toContain("find debit nothing");
    expect(JSON.stringify(told.of("store"))).not.toContain("nobody");
  });

  it("that fails is told with our error, and not with the database's", async () => {
    const store: Store = new Proxy(new MemoryStore(), {
      get: (target, name) =>
        name === "get" ? () => Promise.reject(new Error("postgres://user:CANARY@db")) : Reflect.get(target, name),
    });
    const other = connect(bank, "fapi2-security", { store });
    const told = listen("store");
    await rejection(other.link("lnk_1").accounts.list(), MinnaError);
    await other.close();
    expect(told.of("store")).toEqual([
      { method: "get", kind: "link", error: expect.objectContaining({ code: "store_failed" }) },
    ]);
  });
});

describe("a certificate", () => {
  const authority = newAuthority();
  const first = clientCertificate(authority, -2, 300);
  const second = clientCertificate(authority, -1, 20);

  it("is told when it is first used, replaced, about to expire, refused and retired", async () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const told = listen("certificate");
    let loaded: unknown = first;
    const generations = new Generations(certificateOptions(async () => loaded));
    const { thumbprint: one } = await generations.current(aCall());
    loaded = second;
    const { thumbprint: two, notAfter } = await generations.rotate(undefined, aCall());
    await generations.current(aCall());
    // Older than the one in use.
    loaded = first;
    vi.setSystemTime(Date.now() + 3_600_000);
    await generations.current(aCall());
    await vi.waitFor(() => expect(told.of("certificate")).toHaveLength(4));
    await generations.close();
    vi.useRealTimers();
    vi.restoreAllMocks();
    expect(told.of("certificate")).toEqual([
      { event: "in_use", thumbprint: one, notAfter: expect.stringMatching(/\+09:00$/) },
      { event: "rotated", thumbprint: two, notAfter, replaces: one },
      { event: "expires", thumbprint: two, notAfter, daysLeft: 19 },
      {
        event: "rejected",
        thumbprint: two,
        notAfter,
        error: expect.objectContaining({ code: "configuration_invalid" }),
      },
      { event: "retired", thumbprint: two, notAfter },
      { event: "retired", thumbprint: one, notAfter: expect.any(String) },
    ]);
  });
});

describe("a subscriber that throws", () => {
  it("ends no call; Node reports it as an uncaught exception of the process", async () => {
    const script = `
      import { channel, subscribe } from "node:diagnostics_channel";
      import { MinnaClient } from "minna-baas";
      import { startSandbox } from "minna-baas/sandbox";
      const bank = await startSandbox();
      const minna = new MinnaClient(bank.client("fapi2-security"));
      const reported = new Set();
      process.on("uncaughtException", error => reported.add(error.message));
      for (const event of ["start", "end", "asyncStart", "asyncEnd"]) {
        subscribe("tracing:minna-baas:call:" + event, () => { throw new Error(event); });
      }
      const { keys } = await minna.publicJwks();
      await new Promise(resolve => setImmediate(resolve));
      console.log(JSON.stringify([keys, [...reported]]));
      await minna.close();
      await bank.close();`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(JSON.parse(stdout)).toEqual([[], ["start", "end", "asyncStart", "asyncEnd"]]);
  });
});

describe("the client's own interaction ids", () => {
  it("go to the bank, unless a call has its own", async () => {
    const made = "0af76519-16cd-43dd-8448-00f067aa0ba9";
    const interactionId = vi.fn(() => made);
    const other = connect(bank, "fapi2-security", { interactionId });
    const handle = other.link((await link(bank, other)).id);
    const own = "11111111-2222-4333-8444-555555555555";
    const since = bank.events.length;
    const [account] = await handle.accounts.list();
    expect(account?.interactionId).toBe(made);
    expect(bank.events.slice(since).map(event => event.interactionId)).toEqual([made]);
    interactionId.mockClear();
    expect((await handle.accounts.list({ interactionId: own })).map(one => one.interactionId)).toEqual([own, own]);
    expect(interactionId).not.toHaveBeenCalled();
    await other.close();
  });

  it.each<[string, () => unknown, string]>([
    ["returns none", () => undefined, "returned something else"],
    ["returns another text", () => "order-1", "returned something else"],
    ["returns a promise", async () => "11111111-2222-4333-8444-555555555555", "returned something else"],
    [
      "throws",
      () => {
        throw new RangeError("CANARY");
      },
      "failed with RangeError",
    ],
  ])("where the function %s, nothing is sent and no debit is in doubt", async (_, interactionId, why) => {
    const store = new MemoryStore();
    const first = connect(bank, "fapi2-security", { store });
    const { id } = await link(bank, first);
    const other = connect(bank, "fapi2-security", { store, interactionId: interactionId as () => string });
    const since = bank.events.length;
    const error = await rejection(other.link(id).debits.create(order()), ArgumentError);
    expect(error.argument).toBe("interactionId");
    expect(error.message).toBe(
      `interactionId, the option of the client, must return a UUID, and ${why}. The call was not made.`,
    );
    expect(bank.events.length).toBe(since);
    for await (const open of other.debits.pending()) expect(open).toBeUndefined();
    await Promise.all([first.close(), other.close()]);
  });
});
