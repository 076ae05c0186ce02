import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { context, createContextKey, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DebitOutcomeUnknownError, LinkError, MemoryStore, type MinnaClient, type Store } from "../../src/index.js";
import { instrumentMinna } from "../../src/otel/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { rejection } from "../support/errors.js";
import { connect, link } from "../support/partner.js";
import { Telemetry } from "./telemetry.js";

const ACCOUNT = "acc-hanako-ordinary";
const BALANCE = "GET /v1/accounts/{accountId}/balance";

let bank: Sandbox;
let minna: MinnaClient;
let linkId: string;
let telemetry: Telemetry;
let stop: () => void;
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
  telemetry = new Telemetry();
  stop = instrumentMinna(telemetry);
});
afterEach(async () => {
  bank.faults.off();
  stop();
  await telemetry.close();
});

let number = 0;
const order = () => ({ reference: `order-${++number}`, amount: 500, description: "ﾎﾝ" });

describe("a call", () => {
  it("is a span under the application's own, with its requests under it", async () => {
    const { spanId, traceId, result } = await telemetry.within(() => minna.link(linkId).accounts.balance(ACCOUNT));
    const call = telemetry.one("minna-baas accounts.balance");
    const request = telemetry.one(BALANCE);
    expect([call.kind, request.kind]).toEqual([SpanKind.INTERNAL, SpanKind.CLIENT]);
    expect([call.parentSpanContext?.spanId, call.spanContext().traceId]).toEqual([spanId, traceId]);
    expect(request.parentSpanContext?.spanId).toBe(call.spanContext().spanId);
    expect(call.attributes).toEqual({
      "minna_baas.call": "accounts.balance",
      "minna_baas.link.id": linkId,
      "minna_baas.profile": "fapi2-security",
      "minna_baas.interaction_id": result.interactionId,
    });
    const { hostname, port, origin } = new URL(bank.apiBaseUrl);
    expect(request.attributes).toEqual({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.address": hostname,
      "server.port": Number(port),
      "url.full": `${origin}/v1/accounts/REDACTED/balance`,
      "url.template": "/v1/accounts/{accountId}/balance",
      "minna_baas.profile": "fapi2-security",
      "minna_baas.interaction_id": result.interactionId,
      "minna_baas.certificate.thumbprint": expect.any(String),
    });
    expect([call.status.code, request.status.code]).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  });

  it("that fails has the code of its error", async () => {
    const error = await rejection(minna.link("lnk_none").accounts.list(), LinkError);
    const { status, attributes } = telemetry.one("minna-baas accounts.list");
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: error.message });
    expect(attributes["error.type"]).toBe("link_unknown");
    expect(await telemetry.points("minna_baas.call.duration")).toEqual([
      { attributes: { "minna_baas.call": "accounts.list", "error.type": "link_unknown" }, value: 1 },
    ]);
  });

  it("without a tracer, or a context manager, is made all the same", async () => {
    stop();
    await telemetry.close();
    stop = instrumentMinna();
    expect((await minna.link(linkId).accounts.balance(ACCOUNT)).currencyCode).toBe("JPY");
  });

  it("calls under way at once have their own requests each", async () => {
    await Promise.all(Array.from({ length: 8 }, () => minna.link(linkId).accounts.balance(ACCOUNT)));
    const calls = telemetry.named("minna-baas accounts.balance");
    const parents = telemetry.named(BALANCE).map(span => span.parentSpanContext?.spanId);
    expect(new Set(parents)).toEqual(new Set(calls.map(span => span.spanContext().spanId)));
    expect(parents).toHaveLength(8);
  });

  it("is no span any more once it is stopped, and a stopped one leaves nothing behind", async () => {
    stop();
    await minna.link(linkId).accounts.balance(ACCOUNT);
    expect(telemetry.spans).toEqual([]);
    expect(await telemetry.points("minna_baas.call.duration")).toEqual([]);
  });
});

describe("a request", () => {
  it("that the bank refuses is an error by its status, in spans and metrics", async () => {
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await minna.link(linkId).accounts.balance(ACCOUNT);
    const [refused, accepted] = telemetry.named(BALANCE);
    expect(refused?.status.code).toBe(SpanStatusCode.ERROR);
    expect(refused?.attributes).toMatchObject({ "http.response.status_code": 401, "error.type": "401" });
    expect(accepted?.attributes).not.toHaveProperty("error.type");
    const points = await telemetry.points("http.client.request.duration");
    expect(points).toContainEqual({
      attributes: {
        "http.request.method": "GET",
        "http.response.status_code": 401,
        "error.type": "401",
        "server.address": "localhost",
        "server.port": Number(new URL(bank.apiBaseUrl).port),
        "url.template": "/v1/accounts/{accountId}/balance",
        "minna_baas.profile": "fapi2-security",
      },
      value: 1,
    });
  });

  it("whose answer is lost is an error by its code", async () => {
    bank.faults.on("debit-commit-then-drop", { times: 1 });
    await minna.link(linkId).debits.create(order());
    const { status, attributes } = telemetry.one("POST /v1/direct-debits");
    expect(status.code).toBe(SpanStatusCode.ERROR);
    expect(attributes["error.type"]).toBe("connection_lost");
    expect(telemetry.one("minna-baas debits.create").status.code).toBe(SpanStatusCode.UNSET);
  });

  it.each([
    [false, true],
    [true, undefined],
  ])("is kept from other instrumentation, unless that is asked for: %s", async (otherInstrumentation, suppressed) => {
    stop();
    stop = instrumentMinna({ ...providers(), otherInstrumentation });
    // A connection keeps the context that it was made in: one of before would not do.
    const other = connect(bank, "fapi2-security");
    const { id } = await link(bank, other);
    const seen: unknown[] = [];
    const spans: unknown[] = [];
    const key = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");
    // What an instrumentation of undici listens to.
    const look = () => {
      seen.push(context.active().getValue(key));
      const span = telemetry.tracerProvider.getTracer("of undici").startSpan("GET");
      spans.push(span.isRecording());
      span.end();
    };
    subscribe("undici:request:create", look);
    // More than there are connections: some wait for one, and leave when another call gives it back.
    await Promise.all(Array.from({ length: 100 }, () => other.link(id).accounts.balance(ACCOUNT)));
    unsubscribe("undici:request:create", look);
    expect(seen).toEqual(Array(100).fill(suppressed));
    expect(spans).toEqual(Array(100).fill(otherInstrumentation));
    expect(telemetry.named(BALANCE)).toHaveLength(100);
    await other.close();
  });

  it("carries no trace to the bank", async () => {
    const sent: string[] = [];
    const look = (message: unknown) => sent.push(String((message as { headers: unknown }).headers));
    subscribe("undici:client:sendHeaders", look);
    await telemetry.within(() => minna.link(linkId).accounts.balance(ACCOUNT));
    unsubscribe("undici:client:sendHeaders", look);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toContain("x-fapi-interaction-id");
    expect(sent[0]).not.toMatch(/traceparent|tracestate|baggage/i);
  });

  const providers = () => ({
    tracerProvider: telemetry.tracerProvider,
    meterProvider: telemetry.meterProvider,
  });
});

describe("a refresh", () => {
  it("is a span under the call that needed it, and is counted by its outcome", async () => {
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await minna.link(linkId).accounts.balance(ACCOUNT);
    const refresh = telemetry.one("minna-baas refresh");
    const call = telemetry.one("minna-baas accounts.balance");
    expect(refresh.parentSpanContext?.spanId).toBe(call.spanContext().spanId);
    expect(refresh.attributes).toEqual({
      "minna_baas.link.id": linkId,
      "minna_baas.profile": "fapi2-security",
      "minna_baas.refresh.outcome": "issued",
    });
    const token = telemetry.spans.find(span => String(span.attributes["url.template"]).endsWith("/token"));
    expect(token?.parentSpanContext?.spanId).toBe(refresh.spanContext().spanId);
    expect(await telemetry.points("minna_baas.refreshes")).toEqual([
      { attributes: { "minna_baas.refresh.outcome": "issued", "minna_baas.profile": "fapi2-security" }, value: 1 },
    ]);
  });
});

describe("a debit", () => {
  it("is told by events of its call's span", async () => {
    const wanted = order();
    await minna.link(linkId).debits.create(wanted);
    const { events, attributes } = telemetry.one("minna-baas debits.create");
    const common = {
      "minna_baas.debit.reference": wanted.reference,
      "minna_baas.debit.recovered": false,
      "minna_baas.link.id": linkId,
    };
    expect(events.map(event => [event.name, event.attributes])).toEqual([
      ["minna_baas.debit", { ...common, "minna_baas.debit.to": "sent" }],
      [
        "minna_baas.debit",
        {
          ...common,
          "minna_baas.debit.from": "sent",
          "minna_baas.debit.to": "known",
          "minna_baas.debit.status": "succeeded",
        },
      ],
    ]);
    expect(attributes).toMatchObject({
      "minna_baas.debit.reference": wanted.reference,
      "minna_baas.debit.status": "succeeded",
    });
  });

  it("in doubt is counted, and so is its recovery; no reference and no link is in a metric", async () => {
    const wanted = order();
    bank.faults.on("debit-drop-before-commit", { times: 3 });
    await rejection(minna.link(linkId).debits.create(wanted), DebitOutcomeUnknownError);
    expect(telemetry.one("minna-baas debits.create").attributes["error.type"]).toBe("debit_outcome_unknown");
    expect(await telemetry.points("minna_baas.debit.unknown")).toEqual([
      { attributes: { "minna_baas.call": "debits.create" }, value: 1 },
    ]);
    for await (const _ of minna.debits.recover());
    expect(await telemetry.points("minna_baas.debit.transitions")).toContainEqual({
      attributes: {
        "minna_baas.debit.from": "sent",
        "minna_baas.debit.to": "known",
        "minna_baas.debit.status": "succeeded",
        "minna_baas.debit.recovered": true,
      },
      value: 1,
    });
    const metrics = await telemetry.all().then(text => JSON.parse(text)[1]);
    expect(JSON.stringify(metrics)).not.toMatch(/order-\d|lnk_/);
  });
});

describe("the store", () => {
  it("is measured, and has spans only where they are asked for", async () => {
    await minna.link(linkId).debits.create(order());
    expect(telemetry.spans.filter(span => span.name.includes("store"))).toEqual([]);
    const points = await telemetry.points("minna_baas.store.duration");
    expect(points).toContainEqual({
      attributes: { "minna_baas.store.method": "put", "minna_baas.store.kind": "debit" },
      value: 2,
    });
  });

  it("has spans, under which the database's own are", async () => {
    stop();
    const { tracerProvider, meterProvider } = telemetry;
    stop = instrumentMinna({ tracerProvider, meterProvider, storeSpans: true });
    const tracer = tracerProvider.getTracer("of a database");
    const store: Store = new Proxy(new MemoryStore(), {
      get: (target, name) => (name === "get" ? read : Reflect.get(target, name).bind(target)),
    });
    const read = async () => {
      tracer.startSpan("SELECT").end();
      return undefined;
    };
    const other = connect(bank, "fapi2-security", { store });
    await rejection(other.link("lnk_1").accounts.list(), LinkError);
    await other.close();
    const get = telemetry.one("minna-baas store get link");
    expect(get.attributes).toEqual({
      "minna_baas.store.method": "get",
      "minna_baas.store.kind": "link",
      "minna_baas.store.outcome": "nothing",
    });
    expect(telemetry.one("SELECT").parentSpanContext?.spanId).toBe(get.spanContext().spanId);
    const call = telemetry.one("minna-baas accounts.list");
    expect(get.parentSpanContext?.spanId).toBe(call.spanContext().spanId);
  });
});

describe("the certificate", () => {
  beforeEach(() => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("is told by the days that the one in use has left, and nothing of one that was replaced", async () => {
    const DAY = 24 * 60 * 60 * 1000;
    const issue = (days: number, age: number) => ({
      ...bank.issueCertificate({
        commonName: "partner-fapi2-security",
        notBefore: new Date(Date.now() - age * DAY),
        notAfter: new Date(Date.now() + days * DAY),
      }),
      ca: bank.ca,
    });
    const other = connect(bank, "fapi2-security", { certificate: issue(40, 2) });
    await other.ready();
    const days = async () =>
      (await telemetry.points("minna_baas.certificate.time_to_expiry")).map(({ value }) => Math.round(value));
    expect(await days()).toEqual([40]);
    await other.rotateCertificate(issue(300, 1));
    expect(await days()).toEqual([300]);
    const second = connect(bank, "fapi2-security", { certificate: issue(20, 1) });
    await second.ready();
    expect(await days()).toEqual([20]);
    await second.close();
    expect(await days()).toEqual([300]);
    await other.close();
  });
});

describe("what fails in OpenTelemetry", () => {
  it("becomes no uncaught exception, and the call goes on", async () => {
    const uncaught = vi.fn();
    process.on("uncaughtException", uncaught);
    stop();
    const { meterProvider } = telemetry;
    const tracerProvider = {
      getTracer: () => ({
        startSpan: () => {
          throw new Error("the exporter is broken");
        },
        startActiveSpan: () => {
          throw new Error("the exporter is broken");
        },
      }),
    };
    stop = instrumentMinna({ tracerProvider, meterProvider });
    expect((await minna.link(linkId).accounts.balance(ACCOUNT)).currencyCode).toBe("JPY");
    await new Promise(resolve => setImmediate(resolve));
    process.off("uncaughtException", uncaught);
    expect(uncaught).not.toHaveBeenCalled();
  });
});
