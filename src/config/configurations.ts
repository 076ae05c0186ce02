/**
 * The configuration of a whole client: what new links are made with, and what older links were made with.
 *
 * @module
 */
import { type Configuration, type Draft, draftConfiguration } from "./configuration.js";
import { isObject, kindOf, Problems } from "./problems.js";
import { PROFILES, type Profile } from "./profile.js";
import { checkSealing, type Sealing } from "./sealing.js";

type Client = Pick<Configuration, "issuer" | "clientId">;

/** What belongs to the client as a whole. */
const SHARED = ["store", "sealing", "previous", "canary", "interactionId"];
const STORE_METHODS = ["get", "put", "take", "find", "lock", "unlock"];

/** The whole client: what new links are made with, what older links were made with, and what all share. */
export interface Configurations {
  readonly all: readonly [Configuration, ...Configuration[]];
  /** The share of customers whose new links are made with the first configuration. */
  readonly canary: number;
  readonly sealing: Sealing;
  /** Makes the interaction ids of calls that have none of their own. */
  readonly interactionId: (() => string) | undefined;
}

/** Checks every option and throws one `ConfigurationError` that names all that is wrong. */
export function configure(options: unknown): Configurations {
  const problems = new Problems();
  const given = (isObject(options) ? options : {}) as Record<string, unknown>;
  const { previous, canary } = given;
  const older = previous === undefined ? [] : [previous].flat();
  const drafts = [options, ...older].flatMap((item, index) => {
    const name = Array.isArray(previous) ? `previous[${index - 1}].` : "previous.";
    return draftConfiguration(item, index === 0 ? "" : name, index === 0 ? SHARED : [], problems) ?? [];
  });
  checkStore(given["store"], problems);
  const interactionId = checkInteractionId(given["interactionId"], problems);
  if (Array.isArray(previous) && previous.length === 0)
    problems.add("previous", "the old configuration", "an empty list");
  const share = checkCanary(canary, older.length > 0, problems);
  const sealing = checkSealing(given["sealing"], problems);
  for (const [index, one] of drafts.entries()) {
    const twin = drafts.findIndex(other => isSameClient(one, other) && one.profile === other.profile);
    // Where both are missing, that has been said.
    if (twin < index && one.issuer !== "" && one.clientId !== "")
      problems.add("previous", "another issuer, clientId or profile", "the same ones");
  }
  problems.throwIfAny();
  const all = drafts.map((one, index) => Object.freeze({ ...one, profiles: served(one, index, drafts) }));
  return Object.freeze({ all: all as unknown as Configurations["all"], canary: share, sealing, interactionId });
}

/** Each link has one configuration: the one that made it, or the newest one of the same client. */
function served(one: Draft, index: number, drafts: readonly Draft[]): readonly Profile[] {
  const ofClient = drafts.filter(other => isSameClient(one, other));
  const others = ofClient.filter(other => other !== one).map(({ profile }) => profile);
  const newest = drafts.findIndex(other => isSameClient(one, other)) === index;
  return Object.freeze(newest ? PROFILES.filter(profile => !others.includes(profile)) : [one.profile]);
}

/** Whether both are of one client of one bank: a grant of the one is then the other's, too (Grant Management: it is a client's). */
export function isSameClient(one: Client, other: Client): boolean {
  return one.issuer === other.issuer && one.clientId === other.clientId;
}

function checkCanary(value: unknown, moving: boolean, problems: Problems): number {
  if (value === undefined) return 1;
  if (!moving) problems.add("canary", "no such option without previous", "one");
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  problems.add("canary", "a share from 0 to 1", typeof value === "number" ? String(value) : kindOf(value));
  return 1;
}

/** What it makes is looked at when it is called. */
function checkInteractionId(value: unknown, problems: Problems): (() => string) | undefined {
  if (value === undefined || typeof value === "function") return value as (() => string) | undefined;
  problems.add("interactionId", "a function that returns a UUID", kindOf(value));
  return undefined;
}

/** What is done with the store is not config's business; that it has the methods is. */
function checkStore(value: unknown, problems: Problems): void {
  if (value === undefined) return;
  const given = (isObject(value) ? value : {}) as Record<string, unknown>;
  const missing = STORE_METHODS.filter(name => typeof given[name] !== "function");
  if (missing.length > 0)
    problems.add("store", `an object with ${STORE_METHODS.join(", ")}`, `one without ${missing.join(", ")}`);
}
