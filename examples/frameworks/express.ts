/** 口座連携 in Express 5: `app.use("/bank", bankRoutes(minna, request => …))`. */
import express, { type Request, type Router } from "express";
import { AuthorizationError, type MinnaClient, ValidationError } from "minna-baas";

const COOKIE = "bank";

/** @param customerIdOf - Who is logged in at your site, from your session; its cookie must be SameSite=Lax. */
export function bankRoutes(minna: MinnaClient, customerIdOf: (request: Request) => string | undefined): Router {
  // Browsers send no Secure cookie to http, and Safari makes no exception for localhost. In production: always true.
  const secure = process.env["NODE_ENV"] === "production";
  const cookie = { httpOnly: true, secure, sameSite: "lax", path: "/bank" } as const;
  const router = express.Router();

  router.get("/link", async (request, response) => {
    const customerId = customerIdOf(request);
    if (customerId === undefined) return void response.redirect(303, "/login");
    const begun = await minna.links.begin({ customerId, scopes: ["balance", "debit"] });
    // Express counts maxAge in milliseconds.
    response.cookie(COOKIE, begun.transaction, { ...cookie, maxAge: begun.expiresIn * 1000 });
    response.redirect(303, begun.authorizationUrl);
  });

  router.get("/callback", async (request, response) => {
    const customerId = customerIdOf(request);
    if (customerId === undefined) return void response.redirect(303, "/login");
    try {
      // `url` is cut off at the mount point; either will do, because only the query is read.
      const browser = { transaction: transactionOf(request), customerId };
      const link = await minna.links.complete(request.originalUrl, browser);
      response.clearCookie(COOKIE, cookie);
      // Here keep link.id with your customer.
      if (link.refusedScopes.includes("debit")) return void response.redirect(303, "/bank/cannot-pay");
      return void response.redirect(303, "/bank/linked");
    } catch (error) {
      if (error instanceof AuthorizationError) {
        response.clearCookie(COOKIE, cookie);
        return void response.redirect(303, `/bank/not-linked?why=${encodeURIComponent(error.code)}`);
      }
      // Somebody else began it, perhaps to get this customer's account: nothing was linked.
      if (error instanceof ValidationError && error.check === "customer") {
        response.clearCookie(COOKIE, cookie);
        return void response.sendStatus(403);
      }
      // A reload, the back button, or the older of two tabs: the cookie may be the newer one's, so it stays.
      if (error instanceof ValidationError) return void response.redirect(303, "/bank/try-again");
      // Express 5 hands it to your error handler. Have one: its own answers with error.status, the bank's status to you.
      throw error;
    }
  });

  return router;
}

/** Express reads no cookies by itself; with cookie-parser this is `request.cookies.bank`. */
function transactionOf({ headers }: Request): string | undefined {
  return new RegExp(`(?:^|; *)${COOKIE}=([^;]*)`).exec(headers.cookie ?? "")?.[1];
}
