/**
 * The metrics. Their attributes have few values: no link, no reference and no interaction is among them.
 *
 * @module
 */
import type { Attributes, Counter, Histogram, Meter, ObservableGauge, ObservableResult } from "@opentelemetry/api";
import type {
  CallMessage,
  CertificateMessage,
  DebitMessage,
  RefreshMessage,
  RequestMessage,
  StoreMessage,
  TracedMessage,
} from "../transport/channels.js";
import { errorType } from "./error-type.js";
import { requestAttributes, storeAttributes } from "./spans.js";

const DAY = 24 * 60 * 60 * 1000;
/** Seconds, as the semantic conventions advise for HTTP. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** A store answers sooner than a bank. */
const STORE_BUCKETS = [0.0005, 0.001, 0.0025, ...BUCKETS];
const STATUSES: readonly string[] = ["processing", "succeeded", "failed", "returned"];
const IN_DOUBT: readonly string[] = ["debit_outcome_unknown", "debit_key_expired"];

/** Makes metrics out of messages. */
export class Meters {
  readonly #requests: Histogram;
  readonly #calls: Histogram;
  readonly #stores: Histogram;
  readonly #refreshes: Counter;
  readonly #transitions: Counter;
  readonly #inDoubt: Counter;
  readonly #expiry: ObservableGauge;
  /** When the certificates in use expire, by their thumbprints. */
  readonly #certificates = new Map<string, number>();

  constructor(meter: Meter) {
    this.#requests = meter.createHistogram("http.client.request.duration", {
      description: "Duration of HTTP requests to the bank.",
      unit: "s",
      advice: { explicitBucketBoundaries: BUCKETS },
    });
    this.#calls = meter.createHistogram("minna_baas.call.duration", {
      description: "Duration of calls of minna-baas, with all their requests.",
      unit: "s",
      advice: { explicitBucketBoundaries: BUCKETS },
    });
    this.#stores = meter.createHistogram("minna_baas.store.duration", {
      description: "Duration of calls of the store.",
      unit: "s",
      advice: { explicitBucketBoundaries: STORE_BUCKETS },
    });
    this.#refreshes = meter.createCounter("minna_baas.refreshes", {
      description: "Token refreshes, by their outcome.",
      unit: "{refresh}",
    });
    this.#transitions = meter.createCounter("minna_baas.debit.transitions", {
      description: "Changes of state in the journal of debits.",
      unit: "{transition}",
    });
    this.#inDoubt = meter.createCounter("minna_baas.debit.unknown", {
      description: "Calls that ended without knowing whether the debit was made.",
      unit: "{call}",
    });
    this.#expiry = meter.createObservableGauge("minna_baas.certificate.time_to_expiry", {
      description: "Days until the first of the client certificates in use expires; negative once it has.",
      unit: "d",
    });
    this.#expiry.addCallback(this.#observe);
  }

  called(message: CallMessage, seconds: number): void {
    const type = typeOf(message);
    this.#calls.record(seconds, { "minna_baas.call": message.name, ...type });
    const known = type["error.type"];
    if (typeof known === "string" && IN_DOUBT.includes(known)) {
      this.#inDoubt.add(1, { "minna_baas.call": message.name });
    }
  }

  requested(message: RequestMessage, seconds: number): void {
    const { status, profile } = message;
    this.#requests.record(seconds, {
      ...requestAttributes(message),
      ...(profile === undefined ? {} : { "minna_baas.profile": profile }),
      ...(status === undefined ? {} : { "http.response.status_code": status }),
      // By the conventions a refusal is an error, too.
      ...(status !== undefined && status >= 400 ? { "error.type": String(status) } : typeOf(message)),
    });
  }

  refreshed(message: RefreshMessage): void {
    const { outcome = "failed", profile } = message;
    this.#refreshes.add(1, {
      "minna_baas.refresh.outcome": outcome,
      "minna_baas.profile": profile,
      ...typeOf(message),
    });
  }

  stored(message: StoreMessage, seconds: number): void {
    this.#stores.record(seconds, { ...storeAttributes(message), ...typeOf(message) });
  }

  debited({ from, to, status, recovered }: DebitMessage): void {
    // What a bank may say one day is not to make a series each.
    const said = status === undefined || STATUSES.includes(status) ? status : "other";
    this.#transitions.add(1, {
      ...(from === undefined ? {} : { "minna_baas.debit.from": from }),
      "minna_baas.debit.to": to,
      ...(said === undefined ? {} : { "minna_baas.debit.status": said }),
      "minna_baas.debit.recovered": recovered,
    });
  }

  certified({ event, thumbprint, notAfter, replaces }: CertificateMessage): void {
    if (event === "retired") this.#certificates.delete(thumbprint);
    if (event !== "in_use" && event !== "rotated") return;
    if (replaces !== undefined) this.#certificates.delete(replaces);
    this.#certificates.set(thumbprint, Date.parse(notAfter));
  }

  /** Observes no certificate any more. */
  close(): void {
    this.#expiry.removeCallback(this.#observe);
  }

  readonly #observe = (result: ObservableResult): void => {
    // One series: those of replaced certificates would go on with their last value.
    const soonest = Math.min(...this.#certificates.values());
    if (this.#certificates.size > 0) result.observe((soonest - Date.now()) / DAY);
  };
}

function typeOf({ error }: TracedMessage): Attributes {
  return error === undefined ? {} : { "error.type": errorType(error) };
}
