/**
 * How far links have moved from one registration to another.
 *
 * @module
 */
import type { JstDate } from "../config/jst.js";
import { endOfJstDate } from "../config/jst.js";
import type { Profile } from "../config/profile.js";
import { findFormer, findLinks, type LinkRecord } from "./record.js";
import type { Registrations } from "./registrations.js";
import type { Store } from "./store.js";

/** The active links of one configuration. */
export interface MigrationCount {
  /** The profile of the configuration. */
  readonly profile: Profile;
  /** Its issuer. */
  readonly issuer: string;
  /** Its client id. */
  readonly clientId: string;
  /** How many active links it serves. */
  readonly links: number;
  /**
   * How many links that have moved are still kept as they were under it: for a day, and until the debits that were made so are
   * settled. `debits.recover()` forgets them after that.
   */
  readonly kept: number;
  /** The last day of the profile's version in Japan, where `announcedIn` is given. */
  readonly endsOn?: JstDate;
  /** Whole days that are left of it; 0 when it has ended. */
  readonly daysLeft?: number;
}

/** Where the links stand. */
export interface MigrationReport {
  /** Of the configuration for new links. */
  readonly current: MigrationCount;
  /** Of those that older links were made with, in the order of the options. */
  readonly previous: readonly MigrationCount[];
  /** Active links that none of them serves. */
  readonly elsewhere: number;
}

const DAY = 24 * 60 * 60 * 1000;

/** Counts the active links of each registration. */
export async function countLinks(registrations: Registrations, store: Store): Promise<MigrationReport> {
  const counts = new Map(registrations.all.map(registration => [registration, { links: 0, kept: 0 }]));
  const countOf = (record: LinkRecord) => {
    const registration = registrations.of(record);
    return registration && counts.get(registration);
  };
  let elsewhere = 0;
  for await (const record of findLinks(store, { label: "link", value: "active" })) {
    const count = countOf(record);
    if (count === undefined) elsewhere++;
    else count.links++;
  }
  for await (const record of findFormer(store, Date.now())) {
    const count = countOf(record);
    if (count !== undefined) count.kept++;
  }
  const [current, ...previous] = [...counts].map(([{ configuration }, count]): MigrationCount => {
    const { profile, issuer, clientId, endsOn } = configuration;
    const end = endsOn === undefined ? {} : { endsOn, daysLeft: daysUntil(endsOn) };
    return Object.freeze({ profile, issuer, clientId, ...count, ...end });
  });
  return Object.freeze({ current: current as MigrationCount, previous: Object.freeze(previous), elsewhere });
}

function daysUntil(date: JstDate): number {
  return Math.max(0, Math.floor((endOfJstDate(date) - Date.now()) / DAY));
}
