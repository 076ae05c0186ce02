/**
 * What the APIs of one link are made with.
 *
 * @module
 */
import type { AuthorizationServer } from "../authorization/server.js";
import type { Configuration } from "../config/configuration.js";
import type { LinkRecord } from "../links/record.js";
import type { Resources } from "../links/resource.js";
import type { Call, CallOptions } from "../transport/call.js";
import type { CallName } from "../transport/channels.js";

/** The link, and the way to call the bank for it: of the registration that the link belongs to at the time. */
export interface LinkContext {
  readonly linkId: string;
  readonly configuration: Configuration;
  readonly server: AuthorizationServer;
  readonly resources: Resources;
  /** What the partner knows the link as, where it is one that is only kept for what another one was. */
  readonly shownAs?: string;
  /** The same for what this link was under another client; `undefined` where that is kept no more. */
  former(id: string): Promise<(LinkContext & { readonly record: LinkRecord }) | undefined>;
}

/** The calls of one link. */
export interface LinkCalls {
  /** Runs `work` as one call of the method with this name; with no `timeout`, of the client's own length. */
  run<T>(
    name: CallName,
    options: CallOptions | undefined,
    work: (call: Call, context: LinkContext) => Promise<T>,
    timeout?: number,
  ): Promise<T>;
}
