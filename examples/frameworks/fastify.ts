/** 口座連携 in Fastify 5: `app.register(bankRoutes, { minna, customerIdOf, prefix: "/bank" })`. */
import cookie from "@fastify/cookie";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { AuthorizationError, type MinnaClient, ValidationError } from "minna-baas";

const COOKIE = "bank";

export interface BankRoutes {
  readonly minna: MinnaClient;
  /** Who is logged in at your site, from your session; its cookie must be SameSite=Lax. */
  readonly customerIdOf: (request: FastifyRequest) => string | undefined;
}

export const bankRoutes: FastifyPluginAsync<BankRoutes> = async (app, { minna, customerIdOf }) => {
  // Once for the whole application, where you use cookies elsewhere, too.
  if (!app.hasReplyDecorator("setCookie")) await app.register(cookie);
  // Browsers send no Secure cookie to http, and Safari makes no exception for localhost. In production: always true.
  const secure = process.env["NODE_ENV"] === "production";
  const attributes = { httpOnly: true, secure, sameSite: "lax", path: "/bank" } as const;

  app.get("/link", async (request, reply) => {
    const customerId = customerIdOf(request);
    if (customerId === undefined) return reply.redirect("/login", 303);
    const begun = await minna.links.begin({ customerId, scopes: ["balance", "debit"] });
    reply.setCookie(COOKIE, begun.transaction, { ...attributes, maxAge: begun.expiresIn });
    return reply.redirect(begun.authorizationUrl, 303);
  });

  app.get("/callback", async (request, reply) => {
    const customerId = customerIdOf(request);
    if (customerId === undefined) return reply.redirect("/login", 303);
    try {
      const browser = { transaction: request.cookies[COOKIE], customerId };
      const link = await minna.links.complete(request.url, browser);
      reply.clearCookie(COOKIE, attributes);
      // Here keep link.id with your customer.
      return reply.redirect(link.refusedScopes.includes("debit") ? "/bank/cannot-pay" : "/bank/linked", 303);
    } catch (error) {
      if (error instanceof AuthorizationError) {
        reply.clearCookie(COOKIE, attributes);
        return reply.redirect(`/bank/not-linked?why=${encodeURIComponent(error.code)}`, 303);
      }
      // Somebody else began it, perhaps to get this customer's account: nothing was linked.
      if (error instanceof ValidationError && error.check === "customer") {
        reply.clearCookie(COOKIE, attributes);
        return reply.code(403).send();
      }
      // A reload, the back button, or the older of two tabs: the cookie may be the newer one's, so it stays.
      if (error instanceof ValidationError) return reply.redirect("/bank/try-again", 303);
      // To your error handler. Have one: Fastify's own answers with error.status, which is the bank's status to you.
      throw error;
    }
  });
};
