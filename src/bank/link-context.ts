/**
 * What the APIs of one link are made with.
 *
 * @module
 */
import type { AuthorizationServer } from "../authorization/server.js";
import type { Configuration } from "../config/configuration.js";
import type { Resources } from "../links/resource.js";

/** The link, and the way to call the bank for it. */
export interface LinkContext {
  readonly linkId: string;
  readonly configuration: Configuration;
  readonly server: AuthorizationServer;
  readonly resources: Resources;
}
