/**
 * Follows a traced channel from the start of each piece of work to its end.
 *
 * @module
 */
import type { Channel, TracingChannel } from "node:diagnostics_channel";
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  diag,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { type TracedMessage, WITHIN, type Within } from "../transport/channels.js";
import { errorType } from "./error-type.js";

/** A span that is about to be made. */
export interface SpanShape {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  /** Whether no other instrumentation is to trace what is done within it. */
  readonly quiet?: boolean;
}

/** What is made of the messages of a channel. */
export interface Follower<Message> {
  /** The span of the work; none where there is no such function. */
  readonly span?: (message: Message) => SpanShape;
  /** Told at the end, with the seconds that the work took. */
  readonly ended: (message: Message, seconds: number, span: Span | undefined) => void;
}

interface Begun {
  readonly at: number;
  readonly span: Span | undefined;
}

type Traced<Message> = Message & { [WITHIN]?: Within };

/** Follows a traced channel; returns what ends it. */
export function follow<Message extends TracedMessage>(
  { start, asyncEnd }: TracingChannel<unknown, Message>,
  tracer: Tracer,
  { span: shapeOf, ended }: Follower<Message>,
): () => void {
  const begun = new WeakMap<Message, Begun>();
  const begin = (message: Traced<Message>) => {
    const span = shapeOf && startSpan(tracer, shapeOf(message), message);
    begun.set(message, { at: performance.now(), span });
  };
  const end = (message: Message) => {
    const known = begun.get(message);
    // It began before anybody followed.
    if (known === undefined) return;
    const { at, span } = known;
    const seconds = (performance.now() - at) / 1000;
    const { error } = message;
    if (error !== undefined) {
      span?.setAttribute("error.type", errorType(error));
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    ended(message, seconds, span);
    span?.end();
  };
  const ends = [listen(start, begin), listen(asyncEnd, end)];
  return () => {
    for (const one of ends) one();
  };
}

/** Listens to a channel; returns what ends it. What fails here must not become an uncaught exception of the application. */
export function listen<Message>(channel: Channel<unknown, Message>, heard: (message: Message) => void): () => void {
  const guarded = (message: unknown) => {
    try {
      heard(message as Message);
    } catch (error) {
      diag.error("minna-baas/otel: a span or a metric could not be made.", error);
    }
  };
  channel.subscribe(guarded);
  return () => void channel.unsubscribe(guarded);
}

/** Starts a span, and has the work done within it: so others find it active, and make theirs under it. */
function startSpan<Message>(tracer: Tracer, shape: SpanShape, message: Traced<Message>): Span {
  const { name, kind, attributes, quiet = false } = shape;
  const parent = context.active();
  const span = tracer.startSpan(name, { kind, attributes }, parent);
  const within = trace.setSpan(quiet ? suppressed(parent) : parent, span);
  message[WITHIN] = work => context.with(within, work);
  return span;
}

// What `suppressTracing()` of @opentelemetry/core does: a key is the same for who asks for it by the same name.
const SUPPRESS = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

function suppressed(parent: Context): Context {
  return parent.setValue(SUPPRESS, true);
}
