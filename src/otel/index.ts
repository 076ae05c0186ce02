/**
 * OpenTelemetry for minna-baas: spans and metrics out of what the client tells on its channels.
 *
 * It needs `@opentelemetry/api`, and nothing else. What collects and exports is the application's own.
 *
 * @module minna-baas/otel
 * @packageDocumentation
 */
export { type InstrumentOptions, instrumentMinna } from "./instrument.js";
export { traceInteractionId } from "./interaction-id.js";
