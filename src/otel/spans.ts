/**
 * What the spans are called and what they say, after the semantic conventions where there are any.
 *
 * @module
 */
import { type Attributes, SpanKind, trace } from "@opentelemetry/api";
import type { CallMessage, DebitMessage, RefreshMessage, RequestMessage, StoreMessage } from "../transport/channels.js";
import type { SpanShape } from "./follow.js";

export function callSpan({ name, linkId }: CallMessage): SpanShape {
  return {
    name: `minna-baas ${name}`,
    kind: SpanKind.INTERNAL,
    attributes: { "minna_baas.call": name, ...(linkId === undefined ? {} : { "minna_baas.link.id": linkId }) },
  };
}

/** `quiet`: whether other instrumentation is kept from tracing the same request. */
export function requestSpan(message: RequestMessage, quiet: boolean): SpanShape {
  const { method, endpoint, resends, profile, interactionId, thumbprint } = message;
  return {
    name: `${method} ${templateOf(endpoint)}`,
    kind: SpanKind.CLIENT,
    quiet,
    attributes: {
      ...requestAttributes(message),
      "url.full": endpoint.replace(/\{\w+\}/g, "REDACTED"),
      ...(resends === 0 ? {} : { "http.request.resend_count": resends }),
      ...(profile === undefined ? {} : { "minna_baas.profile": profile }),
      ...(interactionId === undefined ? {} : { "minna_baas.interaction_id": interactionId }),
      ...(thumbprint === undefined ? {} : { "minna_baas.certificate.thumbprint": thumbprint }),
    },
  };
}

/** What a request is, for spans and metrics alike: as many values as the bank has endpoints. */
export function requestAttributes({ method, endpoint, address, port }: RequestMessage): Attributes {
  return {
    "http.request.method": method,
    "server.address": address,
    "server.port": port,
    "url.template": templateOf(endpoint),
  };
}

export function refreshSpan({ linkId, profile }: RefreshMessage): SpanShape {
  const attributes = { "minna_baas.link.id": linkId, "minna_baas.profile": profile };
  return { name: "minna-baas refresh", kind: SpanKind.INTERNAL, attributes };
}

export function storeSpan(message: StoreMessage): SpanShape {
  const { method, kind } = message;
  return { name: `minna-baas store ${method} ${kind}`, kind: SpanKind.INTERNAL, attributes: storeAttributes(message) };
}

export function storeAttributes({ method, kind }: StoreMessage): Attributes {
  return { "minna_baas.store.method": method, "minna_baas.store.kind": kind };
}

/** Notes a transition in the span that is active: the call's. */
export function noteDebit({ reference, linkId, from, to, status, recovered }: DebitMessage): void {
  const known = {
    "minna_baas.debit.reference": reference,
    ...(status === undefined ? {} : { "minna_baas.debit.status": status }),
  };
  trace
    .getActiveSpan()
    ?.setAttributes(known)
    .addEvent("minna_baas.debit", {
      ...known,
      ...(from === undefined ? {} : { "minna_baas.debit.from": from }),
      "minna_baas.debit.to": to,
      "minna_baas.debit.recovered": recovered,
      "minna_baas.link.id": linkId,
    });
}

/** The path with the names of its ids, as `url.template` has it. */
function templateOf(endpoint: string): string {
  return endpoint.replace(/^https?:\/\/[^/]*/, "") || "/";
}
