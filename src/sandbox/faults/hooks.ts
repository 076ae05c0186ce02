/**
 * The places where the bank can be made to misbehave, and what a fault may change there.
 *
 * @module
 */
import type { Answer } from "../api/answer.js";
import type { TokenDraft } from "../authorization/token-draft.js";
import type { FailureCode } from "../bank/debits.js";
import type { GrantStatus, Grants } from "../bank/grants.js";
import type { Handshake } from "../tls/handshake.js";

/** An answer of the authorization server; `body` is an object as long as it is sent as JSON. */
export interface OAuthAnswer {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown> | string;
  /** Whether the connection ends in the place of the answer. */
  dropped: boolean;
  /** How long the bank takes for it, in milliseconds. */
  delay: number;
}

/** What the customer's browser carries back to the partner. */
export interface ResponseDraft {
  /** `code` and `state`, or `error`; `iss` too where the response is not signed. */
  parameters: Record<string, string>;
  /** Plain query parameters, or one signed `response` (JARM). */
  form: "query" | "jwt";
  /** Whether the first query parameter is sent twice. */
  repeated: boolean;
}

/** Where the customer's browser goes at the end: the authorization response as a URL. */
export interface Redirect {
  location: string;
  /** The one before it, made for the same client. */
  readonly earlier: string | undefined;
}

/** What introspection or userinfo says. */
export interface StatementDraft {
  /** What it says of the token or the customer. */
  readonly said: Record<string, unknown>;
  /** The signed token that says it; `undefined` for JSON. */
  token: TokenDraft | undefined;
}

/** What the authorization server keeps about an access token. */
export interface StoredToken {
  "x5t#S256"?: string | undefined;
  scope?: string | undefined;
}

/** How the authorization server looks up a refresh token. */
export interface RefreshTokenLookup {
  known: boolean;
}

/** How the grant of a call stands, or the one that is asked after. */
export interface Standing {
  status: GrantStatus | undefined;
}

/** What the bank knows of an idempotency key. */
export interface KeyPlan {
  /** False as if 24 hours had passed since it was used. */
  remembered: boolean;
}

/** What the bank does with the partner's reference of a debit. */
export interface ReferencePlan {
  /** Whether a second debit under the same reference is refused. */
  compared: boolean;
}

/** How `POST /direct-debits` goes. */
export interface DebitPlan {
  /** What comes in the place of the debit: the bank does not take the order on. */
  instead: "dropped" | "gateway-timeout" | "conflict" | undefined;
  /** Forces how the debit ends; `processing` leaves it open. */
  outcome: FailureCode | "processing" | undefined;
  /** Whether the order is still being worked on when the answer leaves: the same key is then told to wait. */
  running: boolean;
  answer: "sent" | "dropped" | "gateway-timeout" | "unreadable" | "html" | "empty" | "truncated";
}

/** How an inquiry of a debit goes. */
export interface InquiryPlan {
  /** Whether a debit that is processing ends now. */
  settles: boolean;
  /** Whether a succeeded debit is returned now. */
  returns: boolean;
}

/** What a balance inquiry tells, in yen. */
export interface BalanceFigures {
  balance: number;
  withdrawableAmount: number | undefined;
}

/** How a page of a statement is cut. */
export interface PagePlan {
  /** Whether there is no page before it. */
  readonly first: boolean;
  /** Whether a row has come in since the page before, ahead of all that were on it. */
  inserted: boolean;
  /** How many rows of the page before are sent again. */
  overlap: number;
  itemKeys: boolean;
}

/** A fault that finds nothing to change returns `false`: it has not struck. */
export interface Hooks {
  /** A connection before its TLS handshake, where nobody is known yet. */
  handshake(handshake: Handshake): void;
  /** The discovery document before it is sent. */
  discovery(document: Record<string, unknown>, foreignOrigin: string): void;
  /** The answer with the public keys. */
  jwks(answer: OAuthAnswer): void;
  /** The answer to a pushed authorization request. */
  par(answer: OAuthAnswer): void;
  /** The authorization response, before it is signed or written into the query. */
  response(draft: ResponseDraft): void;
  /** The claims, header and signer of a signed authorization response. */
  jarm(draft: TokenDraft): void;
  /** The authorization response when it is complete. */
  redirect(redirect: Redirect): void;
  /** The claims, header and signer of an ID Token. */
  idToken(draft: TokenDraft): void;
  /** The same of an ID Token that came with a refresh. */
  refreshedIdToken(draft: TokenDraft): void;
  /** Any token just before the bank signs it. */
  signature(draft: TokenDraft): void;
  /** An access token as the bank will remember it. */
  accessToken(token: StoredToken): void;
  /** A refresh token that a client has sent. */
  refreshToken(lookup: RefreshTokenLookup): void;
  /** The answer of the token endpoint. */
  token(answer: OAuthAnswer): void;
  /** The answer of the token endpoint to a refresh. */
  refresh(answer: OAuthAnswer): void;
  /** The answer of the introspection endpoint. */
  introspection(draft: StatementDraft): void;
  /** The answer of the userinfo endpoint. */
  userinfo(draft: StatementDraft): void;
  /** A revocation before the bank sees it; an answer given here is the whole answer. */
  revocation(): Answer;
  /** The grant of an access token that the API has just been called with. */
  grant(grantId: string, grants: Grants): void;
  /** How a grant stands, when the API is called and when the grant is asked after. */
  standing(standing: Standing): void;
  /** An API call before the bank sees it; an answer given here is the whole answer. */
  apiRequest(interactionId: string): Answer;
  /** The API's answer before it is sent. */
  apiAnswer(answer: Answer): void;
  /** A debit before its key is looked up. */
  idempotency(plan: KeyPlan): void;
  /** A debit before it is taken on. */
  reference(plan: ReferencePlan): void;
  debit(plan: DebitPlan): void;
  inquiry(plan: InquiryPlan): void;
  balance(figures: BalanceFigures): void;
  page(plan: PagePlan): void;
}
