// What an operator sees: a page for Prometheus with latency, refreshes, debits in doubt and the days that the certificate has
// left, and the trace of one call. It needs @opentelemetry/api, sdk-metrics, sdk-trace-base, context-async-hooks and
// exporter-prometheus. With @opentelemetry/sdk-node in place of the first part, only `instrumentMinna()` is left to write.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { DebitOutcomeUnknownError, MinnaClient } from "minna-baas";
import { instrumentMinna, traceInteractionId } from "minna-baas/otel";
import { startSandbox } from "minna-baas/sandbox";

// The application's own part: where spans and metrics go. Here the page is on the loopback interface, on any free port.
const exporter = new PrometheusExporter({ preventServerStart: true });
const meterProvider = new MeterProvider({ readers: [exporter] });
const spans = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
metrics.setGlobalMeterProvider(meterProvider);
trace.setGlobalTracerProvider(tracerProvider);
const page = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
await new Promise<void>(resolve => page.listen(0, "127.0.0.1", resolve));

// After that, and before the first call.
const stop = instrumentMinna();

const bank = await startSandbox();
const minna = new MinnaClient({ ...bank.client("fapi2-security"), interactionId: traceInteractionId });

// How many debits are open now, as the store has it: ask when the page is asked for, in one of the processes.
metrics
  .getMeter("shop")
  .createObservableGauge("shop.debits.open", { description: "Debits whose end is not known yet." })
  .addCallback(async result => {
    const open = { unknown: 0, processing: 0 };
    for await (const { state } of minna.debits.pending()) open[state]++;
    for (const [state, count] of Object.entries(open)) result.observe(count, { state });
  });

const { authorizationUrl, transaction } = await minna.links.begin({
  customerId: "u-42",
  scopes: ["balance", "debit"],
});
const { id } = await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
const link = minna.link(id);
const [account] = await link.accounts.list();
assert(account);

// An ordinary day: some balances, a token that has ended, some debits, and one whose answers are all lost.
for (let asked = 0; asked < 20; asked++) await link.accounts.balance(account.accountId);
spans.reset();
bank.faults.on("api-token-rejected-once", { times: 1 });
const { interactionId } = await link.accounts.balance(account.accountId);
print("One call, and what it did", treeOf(spans.getFinishedSpans()));
for (const reference of ["order-1001", "order-1002"]) {
  await link.debits.create({ reference, amount: 1980, description: "ﾎﾝ" });
}
bank.faults.on("debit-drop-before-commit", { times: 3 });
const lost = { reference: "order-1003", amount: 500, description: "ﾎﾝ" };
await assert.rejects(link.debits.create(lost), DebitOutcomeUnknownError);
const before = await scrape();
print(
  "The page, while a debit is in doubt",
  linesOf(before, [
    /^minna_baas_call_duration_(sum|count)\{minna_baas_call="accounts\.balance"/,
    /^http_client_request_duration_count\{.*balance"/,
    /^minna_baas_refreshes_total\{/,
    /^minna_baas_debit_unknown_total\{/,
    /^shop_debits_open\{/,
    /^minna_baas_certificate_time_to_expiry[ {]/,
  ]),
);

for await (const { reference, outcome } of minna.debits.recover()) process.stdout.write(`${reference}: ${outcome}\n`);
const after = await scrape();
print(
  "And after minna.debits.recover()",
  linesOf(after, [/^minna_baas_debit_transitions_total\{/, /^shop_debits_open\{/]),
);

assert.match(before, /^minna_baas_debit_unknown_total\{minna_baas_call="debits\.create".*\} 1$/m);
assert.match(before, /^shop_debits_open\{state="unknown".*\} 1$/m);
assert.match(after, /^shop_debits_open\{state="unknown".*\} 0$/m);
// The bank's log has the call under the same id as the trace.
assert(bank.events.some(event => event.interactionId === interactionId));

stop();
await minna.close();
await bank.close();
await meterProvider.shutdown();
await tracerProvider.shutdown();
page.close();

async function scrape(): Promise<string> {
  const { port } = page.address() as AddressInfo;
  return (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: "close" } })).text();
}

/** The lines that are of interest, without the name of what made them. */
function linesOf(text: string, wanted: readonly RegExp[]): string[] {
  const lines = wanted.flatMap(pattern => text.split("\n").filter(line => pattern.test(line)));
  return lines.map(line => line.replace(/,?otel_scope_\w+="[^"]*"/g, "").replace("{}", ""));
}

/** Spans as a tree, each with what became of it. */
function treeOf(all: readonly ReadableSpan[], parent?: string, indent = ""): string[] {
  return all
    .filter(span => span.parentSpanContext?.spanId === parent)
    .flatMap(span => {
      const { name, attributes } = span;
      const { spanId } = span.spanContext();
      const became = attributes["http.response.status_code"] ?? attributes["minna_baas.refresh.outcome"] ?? "";
      return [`${indent}${name} ${became}`.trimEnd(), ...treeOf(all, spanId, `${indent}  `)];
    });
}

function print(title: string, lines: readonly string[]): void {
  process.stdout.write(`\n${title}\n${lines.map(line => `  ${line}\n`).join("")}`);
}
