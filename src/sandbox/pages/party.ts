/**
 * The partner, as the pages name it.
 *
 * @module
 */

export interface Party {
  /** Its registered name. */
  readonly partner: string;
  /** The host that the customer goes back to, with its port. */
  readonly site: string;
}

/** How a partner is named whose customer goes back to this redirect URI. */
export function partyOf(partner: string, redirectUri: string): Party {
  return { partner, site: new URL(redirectUri).host };
}
