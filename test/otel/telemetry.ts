/** The SDK of OpenTelemetry, with exporters that keep what they get. */
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** One value of a metric: its attributes, and the value, or how many values there were. */
export interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
}

/** What was exported. */
export class Telemetry {
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #reader = new PeriodicExportingMetricReader({
    exporter: this.#metrics,
    exportIntervalMillis: 3_600_000,
    exportTimeoutMillis: 10_000,
  });
  readonly tracerProvider: BasicTracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.#spans)],
  });
  readonly meterProvider: MeterProvider = new MeterProvider({ readers: [this.#reader] });

  /** With a context manager, as every application that traces has one. */
  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  }

  /** The spans that have ended, those that ended first in front. */
  get spans(): ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  named(name: string): ReadableSpan[] {
    return this.spans.filter(span => span.name === name);
  }

  /** The one span with this name. */
  one(name: string): ReadableSpan {
    const [span, ...others] = this.named(name);
    if (span === undefined || others.length > 0) {
      throw new Error(`not one span ${name}, but: ${this.spans.map(other => other.name).join(", ")}`);
    }
    return span;
  }

  /** Does the work within a span of the application's own, and returns its id. */
  async within<T>(work: () => Promise<T>): Promise<{ readonly spanId: string; readonly traceId: string; result: T }> {
    const span = this.tracerProvider.getTracer("an application").startSpan("request of a customer");
    const result = await context.with(trace.setSpan(context.active(), span), work);
    span.end();
    return { ...span.spanContext(), result };
  }

  /** The values of a metric now. */
  async points(name: string): Promise<Point[]> {
    await this.meterProvider.forceFlush();
    const metrics =
      this.#metrics
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(scope => scope.metrics) ?? [];
    const found = metrics.find(metric => metric.descriptor.name === name);
    return (found?.dataPoints ?? []).map(({ attributes, value }) => ({
      attributes,
      value: typeof value === "number" ? value : value.count,
    }));
  }

  /** Everything that was exported, as text; of the values of metrics, which are numbers, what they are of. */
  async all(): Promise<string> {
    await this.meterProvider.forceFlush();
    const spans = this.spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
    const metrics = this.#metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(one => one.metrics));
    const points = metrics.map(({ descriptor, dataPoints }) => [descriptor, dataPoints.map(point => point.attributes)]);
    return JSON.stringify([spans, points]);
  }

  /** Forgets the spans. */
  reset(): void {
    this.#spans.reset();
  }

  async close(): Promise<void> {
    await this.tracerProvider.shutdown();
    await this.meterProvider.shutdown();
    context.disable();
    trace.disable();
  }
}
