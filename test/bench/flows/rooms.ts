/** A room of the SDK by itself, for what can't be measured apart through its public API. */

import type { Profile } from "minna-baas";
import type { Configuration } from "../../../dist/config/configuration.js";
import type { Call } from "../../../dist/transport/call.js";
import type { Servers } from "../case.js";

export interface Room {
  readonly configuration: Configuration;
  /** Does something as one call of the partner, with its deadline. */
  call<T>(work: (call: Call) => Promise<T>): Promise<T>;
}

/** What the rooms of a client in this profile are made with. */
export async function roomOf({ sandbox }: Servers, profile: Profile): Promise<Room> {
  const { configure } = await import("../../../dist/config/configurations.js");
  const { withCall } = await import("../../../dist/transport/call.js");
  const [configuration] = configure(await sandbox.ask("client", profile)).all;
  return { configuration, call: work => withCall(undefined, configuration.timeout, work) };
}
