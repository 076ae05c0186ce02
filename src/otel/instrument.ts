/**
 * Makes spans and metrics out of the client's channels.
 *
 * @module
 */
import { type MeterProvider, metrics, SpanStatusCode, type TracerProvider, trace } from "@opentelemetry/api";
import {
  callChannel,
  certificateChannel,
  debitChannel,
  type RequestMessage,
  refreshChannel,
  requestChannel,
  storeChannel,
} from "../transport/channels.js";
import { VERSION } from "../version.js";
import { follow, listen } from "./follow.js";
import { Meters } from "./meters.js";
import { callSpan, noteDebit, refreshSpan, requestSpan, storeSpan } from "./spans.js";

/** How the client is instrumented. */
export interface InstrumentOptions {
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider;
  /** Default: the global one, which must be set before: what is measured without it is lost. */
  readonly meterProvider?: MeterProvider;
  /** Whether each call of the store has a span. Default `false`: the database's own instrumentation tells more. */
  readonly storeSpans?: boolean;
  /**
   * Whether other instrumentation, such as that of undici, traces the requests to the bank once more. Default `false`: it would
   * show the ids in their URLs, and send the bank a `traceparent`. `true` where the bank is to have it.
   */
  readonly otherInstrumentation?: boolean;
}

/**
 * Makes spans and metrics of what every client in this process does from now on. Call it once, when the SDK of OpenTelemetry
 * has been set up, and before the client is first used: a certificate is told of when it comes into use.
 *
 * Spans: one for each call (`minna-baas accounts.balance`), under the span that is active where it is made; under it one for
 * each HTTP request, after the semantic conventions, and for each token refresh. What becomes of a debit are events of the
 * call's span. They hold ids of links, debits (`reference`), certificates and interactions; no token, no personal data, no
 * account and no amount. The bank is not told of the trace.
 *
 * @returns what ends it.
 * @example
 * ```ts
 * const stop = instrumentMinna();
 * ```
 */
export function instrumentMinna(options: InstrumentOptions = {}): () => void {
  const { tracerProvider = trace.getTracerProvider(), meterProvider = metrics.getMeterProvider() } = options;
  const { storeSpans = false, otherInstrumentation = false } = options;
  const tracer = tracerProvider.getTracer("minna-baas", VERSION);
  const meters = new Meters(meterProvider.getMeter("minna-baas", VERSION));
  const ends = [
    follow(callChannel, tracer, {
      span: callSpan,
      ended: (message, seconds, span) => {
        const { interactionId } = message;
        if (interactionId !== undefined) span?.setAttribute("minna_baas.interaction_id", interactionId);
        meters.called(message, seconds);
      },
    }),
    follow(requestChannel, tracer, {
      span: message => {
        tellProfile(message);
        return requestSpan(message, !otherInstrumentation);
      },
      ended: (message, seconds, span) => {
        const { status } = message;
        if (status !== undefined) span?.setAttribute("http.response.status_code", status);
        if (status !== undefined && status >= 400) {
          span?.setAttribute("error.type", String(status)).setStatus({ code: SpanStatusCode.ERROR });
        }
        meters.requested(message, seconds);
      },
    }),
    follow(refreshChannel, tracer, {
      span: refreshSpan,
      ended: (message, _, span) => {
        span?.setAttribute("minna_baas.refresh.outcome", message.outcome ?? "failed");
        meters.refreshed(message);
      },
    }),
    follow(storeChannel, tracer, {
      ...(storeSpans ? { span: storeSpan } : {}),
      ended: (message, seconds, span) => {
        span?.setAttribute("minna_baas.store.outcome", message.outcome ?? "failed");
        meters.stored(message, seconds);
      },
    }),
    listen(debitChannel, message => {
      noteDebit(message);
      meters.debited(message);
    }),
    listen(certificateChannel, message => meters.certified(message)),
    () => meters.close(),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** Which profile serves a link is known when its call first asks the bank. */
function tellProfile({ profile }: RequestMessage): void {
  if (profile !== undefined) trace.getActiveSpan()?.setAttribute("minna_baas.profile", profile);
}
