/**
 * What the APIs of one link are made with.
 *
 * @module
 */
import type { AuthorizationServer } from "../authorization/server.js";
import type { Configuration } from "../config/configuration.js";
import type { Resources } from "../links/resource.js";
import type { Call, CallOptions } from "../transport/call.js";

/** The link, and the way to call the bank for it: of the registration that the link belongs to at the time. */
export interface LinkContext {
  readonly linkId: string;
  readonly configuration: Configuration;
  readonly server: AuthorizationServer;
  readonly resources: Resources;
  /** Runs `work` for another link: for what this one was under another client. */
  forLink<T>(linkId: string, work: (context: LinkContext) => Promise<T>): Promise<T>;
}

/** The calls of one link. */
export interface LinkCalls {
  /** Runs `work` as one call; with no `timeout`, of the client's own length. */
  run<T>(
    options: CallOptions | undefined,
    work: (call: Call, context: LinkContext) => Promise<T>,
    timeout?: number,
  ): Promise<T>;
}
