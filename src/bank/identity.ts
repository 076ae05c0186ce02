/**
 * 本人確認済情報照会: what the bank verified about the customer.
 *
 * @module
 */
import { mtlsEndpoint } from "../authorization/metadata.js";
import { readUserInfo, type UserInfo } from "../authorization/userinfo.js";
import { ValidationError } from "../errors.js";
import { decodeBody, freeze, type WithInteractionId } from "../links/decode.js";
import { endpointAt } from "../links/resource.js";
import type { CallOptions } from "../transport/call.js";
import { flag, nullish, object, text } from "../transport/schema.js";
import type { LinkCalls } from "./link-context.js";
import { unprinted } from "./personal-data.js";

/** The customer as the bank knows them. All of it is personal data: keep it out of logs. */
export interface Identity {
  /** 氏名. */
  readonly name: string;
  /** 氏名（カナ）, as the bank sends it. */
  readonly nameKana: string;
  /** 生年月日. */
  readonly birthDate: string;
  /** As the bank codes it. */
  readonly gender?: string | null | undefined;
  /** 住所. */
  readonly address: {
    /** 7 digits. */
    readonly postalCode: string;
    readonly prefecture: string;
    readonly city: string;
    readonly street: string;
    readonly building?: string | null | undefined;
    readonly formatted: string;
  };
  /** 電話番号. */
  readonly phoneNumber?: string | null | undefined;
  /** The check that the bank made. */
  readonly verification: {
    readonly verified: boolean;
    readonly verifiedOn?: string | null | undefined;
    /** How the identity was verified: ホ, ヘ, カ and others. */
    readonly method?: string | null | undefined;
    readonly documentType?: string | null | undefined;
  };
}

const identity = object<Identity>({
  name: text,
  nameKana: text,
  birthDate: text,
  gender: nullish(text),
  address: object<Identity["address"]>({
    postalCode: text,
    prefecture: text,
    city: text,
    street: text,
    building: nullish(text),
    formatted: text,
  }),
  phoneNumber: nullish(text),
  verification: object<Identity["verification"]>({
    verified: flag,
    verifiedOn: nullish(text),
    method: nullish(text),
    documentType: nullish(text),
  }),
});

/** The verified identity behind one link. */
export class IdentityApi {
  readonly #calls: LinkCalls;

  /** @internal */
  constructor(calls: LinkCalls) {
    this.#calls = calls;
  }

  /**
   * Asks for the verified identity (本人確認済情報).
   *
   * It is the record of a check that the bank made at a point in time. It does not authenticate anybody. Logged with
   * `console.log` or `util.inspect` it shows none of its contents.
   *
   * @throws {@link LinkError} `scope_missing` when the customer did not grant it; {@link ApiError} when the bank refuses.
   */
  async get(options?: CallOptions): Promise<WithInteractionId<Identity>> {
    return this.#calls.run("identity.get", options, async (call, { configuration, resources, linkId }) => {
      const endpoint = endpointAt(configuration.apiBaseUrl, configuration.contract.paths.identity);
      const request = { method: "GET", ...endpoint, scope: "identity", operation: "identity" } as const;
      const answer = await resources.call(linkId, request, call);
      const { address, ...person } = decodeBody(identity, answer, "identity", call);
      const { interactionId } = call;
      return freeze(unprinted({ ...person, address: unprinted({ ...address }, "Address"), interactionId }, "Identity"));
    });
  }

  /**
   * Asks for the claims of OpenID Connect (UserInfo), where the bank has any.
   *
   * @throws {@link ValidationError} when the bank has no UserInfo endpoint, the link was made without OpenID Connect, or
   * the answer is about somebody else.
   */
  async userInfo(options?: CallOptions): Promise<UserInfo> {
    return this.#calls.run("identity.userInfo", options, async (call, { configuration, server, resources, linkId }) => {
      const endpoint = mtlsEndpoint((await server.discovered(call)).metadata, "userinfo_endpoint");
      const { record } = await resources.usable(linkId, undefined, call);
      const sub = record.tokens?.subject?.sub;
      if (endpoint === undefined || sub === undefined) {
        const why =
          endpoint === undefined ? "The bank has no UserInfo endpoint" : "The link was made without an ID Token";
        throw new ValidationError("userinfo", `${why}.`);
      }
      const answer = await resources.call(
        linkId,
        { method: "GET", url: new URL(endpoint), headers: { accept: "application/json, application/jwt" } },
        call,
      );
      const claims = await readUserInfo(answer, sub, { configuration, server, call });
      return freeze(unprinted({ ...claims }, "UserInfo"));
    });
  }
}
