/** 口座連携 in Hono 4, on Node: `app.route("/bank", bankRoutes(minna, context => …))`. */
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { AuthorizationError, type MinnaClient, ValidationError } from "minna-baas";

const COOKIE = "bank";

/** @param customerIdOf - Who is logged in at your site, from your session; its cookie must be SameSite=Lax. */
export function bankRoutes(minna: MinnaClient, customerIdOf: (context: Context) => string | undefined): Hono {
  // Browsers send no Secure cookie to http, and Safari makes no exception for localhost. In production: always true.
  const secure = process.env["NODE_ENV"] === "production";
  const cookie = { httpOnly: true, secure, sameSite: "Lax", path: "/bank" } as const;
  const app = new Hono();

  app.get("/link", async context => {
    const customerId = customerIdOf(context);
    if (customerId === undefined) return context.redirect("/login", 303);
    const begun = await minna.links.begin({ customerId, scopes: ["balance", "debit"] });
    setCookie(context, COOKIE, begun.transaction, { ...cookie, maxAge: begun.expiresIn });
    return context.redirect(begun.authorizationUrl, 303);
  });

  app.get("/callback", async context => {
    const customerId = customerIdOf(context);
    if (customerId === undefined) return context.redirect("/login", 303);
    try {
      const browser = { transaction: getCookie(context, COOKIE), customerId };
      const link = await minna.links.complete(context.req.url, browser);
      deleteCookie(context, COOKIE, cookie);
      // Here keep link.id with your customer.
      return context.redirect(link.refusedScopes.includes("debit") ? "/bank/cannot-pay" : "/bank/linked", 303);
    } catch (error) {
      if (error instanceof AuthorizationError) {
        deleteCookie(context, COOKIE, cookie);
        return context.redirect(`/bank/not-linked?why=${encodeURIComponent(error.code)}`, 303);
      }
      // Somebody else began it, perhaps to get this customer's account: nothing was linked.
      if (error instanceof ValidationError && error.check === "customer") {
        deleteCookie(context, COOKIE, cookie);
        return context.body(null, 403);
      }
      // A reload, the back button, or the older of two tabs: the cookie may be the newer one's, so it stays.
      if (error instanceof ValidationError) return context.redirect("/bank/try-again", 303);
      throw error; // to app.onError
    }
  });

  return app;
}
