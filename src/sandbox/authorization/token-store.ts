/**
 * Where the authorization server has its state: in memory, apart from every other sandbox of the process, and in the
 * archive, for the next one.
 *
 * @module
 */
import type { Adapter, AdapterPayload } from "oidc-provider";
import type { Grants } from "../bank/grants.js";
import type { Faults } from "../faults/faults.js";
import type { Archive, Table } from "../keeping/archive.js";
import { hasEnded, TokenModel } from "./token-model.js";

/** What depends on a grant and dies with it. */
const GRANTED: ReadonlySet<string> = new Set(["AccessToken", "RefreshToken", "AuthorizationCode"]);

export class TokenStore {
  readonly #models = new Map<string, TokenModel>();
  readonly #archive: Archive;
  readonly #rotations: Table<true>;
  readonly #rotated: Set<string>;
  readonly #grants: Grants;
  readonly #faults: Faults;
  readonly #retrySeconds: number;

  /** @param retrySeconds - For how long a rotated refresh token is still good. */
  constructor(grants: Grants, faults: Faults, retrySeconds: number, archive: Archive) {
    this.#archive = archive;
    this.#rotations = archive.table("rotated refresh tokens");
    this.#rotated = new Set(this.#rotations.kept.map(([hash]) => hash));
    this.#grants = grants;
    this.#faults = faults;
    this.#retrySeconds = retrySeconds;
  }

  /** An access token as it was issued, also when its grant has ended since. Expired ones are unknown. */
  accessToken(value: string): AdapterPayload | undefined {
    const token = this.#model("AccessToken").get(value);
    return token === undefined || hasEnded(token) ? undefined : token;
  }

  /** Puts another access token in the place of one. */
  changeAccessToken(value: string, token: AdapterPayload): void {
    this.#model("AccessToken").set(value, token);
  }

  /** Whether the refresh token with this hash has been rotated away. */
  wasRotated(hash: string): boolean {
    return this.#rotated.has(hash);
  }

  noteRotation(hash: string): void {
    this.#rotated.add(hash);
    this.#rotations.put(hash, true);
  }

  /** Forgets a grant's tokens, but for those with these values. */
  forgetTokens(grantId: string, except: readonly (string | undefined)[] = []): void {
    for (const name of GRANTED) {
      this.#model(name).deleteWhere((payload, id) => payload.grantId === grantId && !except.includes(id));
    }
  }

  /** Ends a customer's login: the next authorization asks for it again, and may be another customer's. */
  endSession(uid: string | undefined): void {
    this.#model("Session").deleteWhere(payload => payload.uid === uid);
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
        if (name === "AccessToken") model.deleteEnded();
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
      findByUid: async uid => model.find(payload => payload.uid === uid),
      findByUserCode: async () => undefined,
      consume: async id => {
        const payload = model.get(id);
        // The time to try again is counted from the first use, however often it is used.
        if (payload === undefined) return;
        payload.consumed ??= Date.now() / 1000;
        model.set(id, payload);
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

  #model(name: string): TokenModel {
    const model = this.#models.get(name) ?? new TokenModel(this.#archive.table(name));
    this.#models.set(name, model);
    return model;
  }
}
