/** Who is logged in at the shop. A stand-in for the login that you have: anybody is whom they say they are. */
import { randomBytes } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Notice } from "./texts.js";

/** A customer of the shop. The bank never learns these ids. */
export interface Customer {
  readonly id: string;
  readonly name: string;
}

export const CUSTOMERS: readonly Customer[] = [
  { id: "shop-1001", name: "お客さま A" },
  { id: "shop-1002", name: "お客さま B" },
  { id: "shop-1003", name: "お客さま C" },
];

interface Session {
  readonly customer: Customer;
  /** Said on the next page, once. */
  notice?: Notice | undefined;
}

const COOKIE = "session";

export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #secure: boolean;

  constructor(secure: boolean) {
    this.#secure = secure;
  }

  of(request: FastifyRequest): Session | undefined {
    return this.#sessions.get(request.cookies[COOKIE] ?? "");
  }

  /** A new id at each login, so that nobody can hand a customer a session that they know (session fixation). */
  logIn(customerId: string, request: FastifyRequest, reply: FastifyReply): boolean {
    const customer = CUSTOMERS.find(({ id }) => id === customerId);
    if (customer === undefined) return false;
    this.logOut(request, reply);
    const id = randomBytes(32).toString("base64url");
    this.#sessions.set(id, { customer });
    // Lax, not Strict: the bank sends the browser back to the callback, and the session must come along.
    reply.setCookie(COOKIE, id, { httpOnly: true, secure: this.#secure, sameSite: "lax", path: "/" });
    return true;
  }

  logOut(request: FastifyRequest, reply: FastifyReply): void {
    this.#sessions.delete(request.cookies[COOKIE] ?? "");
    reply.clearCookie(COOKIE, { path: "/" });
  }
}
