/** Stand-ins for the rooms that talk to the bank. What they are told to answer is all they do. */
import { AuthorizationServer } from "../../src/authorization/server.js";
import type { TokenSet } from "../../src/authorization/tokens.js";
import type { Debits } from "../../src/bank/debits.js";
import type { LinkCalls, LinkContext } from "../../src/bank/link-context.js";
import { OpenDebits } from "../../src/bank/open-debits.js";
import type { Configuration } from "../../src/config/configuration.js";
import { SCOPES } from "../../src/config/contract.js";
import type { Access, UsableLink } from "../../src/links/access.js";
import type { LinkRecord } from "../../src/links/record.js";
import { type Registration, Registrations } from "../../src/links/registrations.js";
import { Resources } from "../../src/links/resource.js";
import type { Store } from "../../src/links/store.js";
import { type Call, withCall } from "../../src/transport/call.js";
import { Calls } from "../../src/transport/calls.js";
import type { Answer, Door, OutgoingRequest } from "../../src/transport/door.js";
import { configuration } from "./options.js";

const SETTINGS: Configuration = configuration("fapi2-security");
export const LINK_ID = "lnk_1";
export const ACCESS_TOKEN = "CANARY-access-token";

/** A door that leads to a function. `presented`: the certificate of each answer's request, where it's another. */
export function doorTo(
  send: (outgoing: OutgoingRequest, call: Call) => Answer | Promise<Answer>,
  thumbprint: () => string = () => "thumbprint-1",
  presented: () => string = thumbprint,
): Door {
  const door = {
    thumbprint: async () => thumbprint(),
    presents: (bound: string) => bound === thumbprint(),
    send: async (outgoing: OutgoingRequest, call: Call) => {
      const answered = await send(outgoing, call);
      return { ...answered, thumbprint: presented() };
    },
  };
  return door as unknown as Door;
}

/** An answer in JSON, or in whatever a string holds. */
export function answer(status: number, body: unknown, headers: Answer["headers"] = {}): Answer {
  return { status, thumbprint: "thumbprint-1", headers, body: typeof body === "string" ? body : JSON.stringify(body) };
}

export function linkRecord(overrides: Partial<LinkRecord> = {}): LinkRecord {
  const tokens: TokenSet = {
    accessToken: ACCESS_TOKEN,
    refreshToken: "CANARY-refresh-token",
    scopes: ["openid", ...SCOPES],
  };
  return {
    id: LINK_ID,
    customerId: "u-42",
    status: "active",
    scopes: SCOPES,
    refusedScopes: [],
    profile: "fapi2-security",
    issuer: SETTINGS.issuer,
    clientId: SETTINGS.clientId,
    thumbprint: "thumbprint-1",
    tokens,
    createdAt: Date.now(),
    grantedAt: Date.now(),
    ...overrides,
  };
}

/** Access that always has a token: `renew` counts up. A renewed one was issued just now, unless a test says otherwise. */
export function openAccess(...renewals: Partial<UsableLink>[]): Access {
  let renewed = 0;
  const usable = (): UsableLink => ({
    record: linkRecord(),
    accessToken: renewed === 0 ? ACCESS_TOKEN : `${ACCESS_TOKEN}-${renewed}`,
    issued: renewed > 0,
    ...(renewed === 0 ? {} : renewals[renewed - 1]),
  });
  const access = {
    atHand: () => usable(),
    use: async () => usable(),
    asItStands: async () => usable().record,
    look: async () => {},
    renew: async () => {
      renewed++;
      return usable();
    },
  };
  return access as unknown as Access;
}

/** The context of one link whose calls arrive at a function. */
export function contextTo(
  send: (outgoing: OutgoingRequest, call: Call) => Answer | Promise<Answer>,
  settings: Configuration = SETTINGS,
): LinkContext & LinkCalls {
  const door = doorTo(send);
  const context: LinkContext = {
    linkId: LINK_ID,
    configuration: settings,
    server: new AuthorizationServer(settings, door),
    resources: new Resources(settings, door, openAccess()),
    former: async () => undefined,
  };
  return withCalls(context);
}

/** A context that differs: its calls are made with what differs. */
export function contextWith(context: LinkContext & LinkCalls, changes: Partial<LinkContext>): LinkContext & LinkCalls {
  return withCalls({ ...context, ...changes });
}

function withCalls(context: LinkContext): LinkContext & LinkCalls {
  return {
    ...context,
    run: (_name, options, work, timeout = context.configuration.timeout) =>
      withCall(options, timeout, call => work(call, context)),
  };
}

/** A client of one registration. */
export function registered(
  rooms: Omit<Registration, "door"> & { readonly door?: Door },
  store: Store,
  calls: Calls = new Calls(rooms.configuration.timeout),
): Registrations {
  return new Registrations([{ door: doorTo(() => answer(500, "")), ...rooms }], store, calls);
}

/** The open debits of a client of one registration. */
export function openDebits(store: Store, calls: Calls, debitsOf: (linkId: string) => Debits): OpenDebits {
  const { configuration: settings, server, resources } = contextTo(() => answer(500, ""));
  const rooms = { configuration: settings, server, resources, access: openAccess() };
  return new OpenDebits(registered(rooms, store, calls), store, calls, debitsOf);
}
