/**
 * Where the authorization server keeps its state: in memory, apart from every other sandbox of the process.
 *
 * @module
 */
import type { Adapter, AdapterPayload } from "oidc-provider";
import type { Grants } from "../bank/grants.js";
import type { Faults } from "../faults/faults.js";

type Model = Map<string, AdapterPayload>;

/** What depends on a grant and dies with it. */
const GRANTED: ReadonlySet<string> = new Set(["AccessToken", "RefreshToken", "AuthorizationCode"]);

export class TokenStore {
  readonly #models = new Map<string, Model>();
  readonly #grants: Grants;
  readonly #faults: Faults;
  readonly #retrySeconds: number;

  /** @param retrySeconds - For how long a rotated refresh token is still good. */
  constructor(grants: Grants, faults: Faults, retrySeconds: number) {
    this.#grants = grants;
    this.#faults = faults;
    this.#retrySeconds = retrySeconds;
  }

  /** An access token as it was issued, also when its grant has ended since. Expired ones are unknown. */
  accessToken(value: string): AdapterPayload | undefined {
    const token = this.#model("AccessToken").get(value);
    return token === undefined || (token.exp ?? 0) * 1000 <= Date.now() ? undefined : token;
  }

  /** Forgets a grant's tokens, but for those with these values. */
  forgetTokens(grantId: string, except: readonly (string | undefined)[] = []): void {
    for (const name of GRANTED) {
      const model = this.#model(name);
      for (const [id, payload] of model) {
        if (payload.grantId === grantId && !except.includes(id)) model.delete(id);
      }
    }
  }

  /** Ends a customer's login: the next authorization asks for it again, and may be another customer's. */
  endSession(uid: string | undefined): void {
    const sessions = this.#model("Session");
    for (const [id, payload] of sessions) if (payload.uid === uid) sessions.delete(id);
  }

  /** The view of one model that the authorization server works with: there, a token of an ended grant is gone. */
  adapter(name: string): Adapter {
    const model = this.#model(name);
    const alive = (payload: AdapterPayload | undefined, id: string) => {
      const grantId = name === "Grant" ? id : GRANTED.has(name) ? payload?.grantId : undefined;
      if (grantId === undefined) return payload;
      const status = this.#grants.status(grantId);
      return status === "expired" || status === "revoked" ? undefined : payload;
    };
    return {
      upsert: async (id, payload) => {
        if (name === "AccessToken") forgetExpired(model);
        model.set(id, payload);
      },
      find: async id => {
        const payload = model.get(id);
        const lookup = { known: payload !== undefined };
        if (payload !== undefined && name === "RefreshToken") {
          for (const fault of this.#faults.take("refreshToken", payload.clientId)) fault(lookup);
        }
        const found = lookup.known ? alive(payload, id) : undefined;
        return name === "RefreshToken" ? this.#forRetry(found) : found;
      },
      findByUid: async uid => [...model.values()].find(payload => payload.uid === uid),
      findByUserCode: async () => undefined,
      consume: async id => {
        const payload = model.get(id);
        // The time to try again is counted from the first use, however often it is used.
        if (payload !== undefined) payload.consumed ??= Date.now() / 1000;
      },
      destroy: async id => {
        if (name === "Grant") this.#grants.revoke(id);
        model.delete(id);
      },
      revokeByGrantId: async grantId => this.forgetTokens(grantId),
    };
  }

  /** FAPI 2.0 Security Profile 5.3.2.1: for a while, what was used looks as if it had not been. */
  #forRetry(payload: AdapterPayload | undefined): AdapterPayload | undefined {
    const { consumed, ...unused } = payload ?? {};
    return consumed !== undefined && Date.now() / 1000 - consumed < this.#retrySeconds ? unused : payload;
  }

  #model(name: string): Model {
    const model = this.#models.get(name) ?? new Map<string, AdapterPayload>();
    this.#models.set(name, model);
    return model;
  }
}

/** Access tokens are in the order in which they end: those of a long run would fill the memory. */
function forgetExpired(tokens: Model): void {
  for (const [id, { exp = Number.POSITIVE_INFINITY }] of tokens) {
    if (exp * 1000 > Date.now()) return;
    tokens.delete(id);
  }
}
