import { context, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instrumentMinna, traceInteractionId } from "../../src/otel/index.js";
import { startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";
import { Telemetry } from "./telemetry.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let telemetry: Telemetry;
beforeAll(() => {
  telemetry = new Telemetry();
});
afterAll(() => telemetry.close());

it("begins as the trace does and ends as the span does", () => {
  const spanContext = { traceId: "4bf92f3577b34da6f3ce929d0e0e4736", spanId: "00f067aa0ba902b7", traceFlags: 1 };
  const active = trace.setSpan(context.active(), trace.wrapSpanContext(spanContext));
  expect(context.with(active, traceInteractionId)).toBe("4bf92f35-77b3-4da6-b3ce-67aa0ba902b7");
});

it("is a UUID of version 4, whatever the ids are", () => {
  for (const digit of "0123456789abcdef") {
    const spanContext = {
      traceId: digit.repeat(31).padEnd(32, "1"),
      spanId: digit.repeat(15).padEnd(16, "1"),
      traceFlags: 0,
    };
    const active = trace.setSpan(context.active(), trace.wrapSpanContext(spanContext));
    expect(context.with(active, traceInteractionId)).toMatch(UUID);
  }
});

it("is another one each time where no span is active, or one of no trace", () => {
  const invalid = trace.wrapSpanContext({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 });
  const ids = [
    traceInteractionId(),
    traceInteractionId(),
    context.with(trace.setSpan(context.active(), invalid), traceInteractionId),
  ];
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(UUID);
});

it("is what the bank is told, and names the call's own span", async () => {
  const bank = await startSandbox();
  const minna = connect(bank, "fapi2-security", { interactionId: traceInteractionId });
  const { id } = await link(bank, minna);
  const stop = instrumentMinna(telemetry);
  const since = bank.events.length;
  const { traceId } = await telemetry.within(async () => {
    await minna.link(id).accounts.balance("acc-hanako-ordinary");
    await minna.link(id).accounts.balance("acc-hanako-ordinary");
  });
  stop();
  await minna.close();
  await bank.close();
  const told = bank.events.slice(since).map(event => event.interactionId ?? "");
  const calls = telemetry.named("minna-baas accounts.balance");
  // Two calls within one span of the application are told apart.
  expect(told.map(one => one.slice(-12))).toEqual(calls.map(span => span.spanContext().spanId.slice(-12)));
  expect(new Set(told).size).toBe(2);
  for (const one of told) expect(one.slice(0, 13)).toBe(`${traceId.slice(0, 8)}-${traceId.slice(8, 12)}`);
  expect(calls.map(span => span.attributes["minna_baas.interaction_id"])).toEqual(told);
});
