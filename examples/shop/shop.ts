/**
 * A small shop that is paid by 口座振替: server-rendered pages, no front-end framework. `main.ts` runs it.
 *
 * Sessions and orders are in memory, so it is one process; everything else is as it would be.
 */
import cookie from "@fastify/cookie";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ApiError, LinkError, type MinnaClient, OAuthError, TransportError } from "minna-baas";
import { STYLE, WATCH } from "./assets.js";
import { CATALOGUE } from "./catalogue.js";
import { Checkout, detailsOf, type Log } from "./checkout.js";
import { linkingRoutes, linkOf, permissionOf, present } from "./linking.js";
import { Orders } from "./orders.js";
import { logInPage, orderPage, shopPage, type Trouble, troublePage, type Visitor } from "./pages.js";
import { Sessions } from "./sessions.js";
import { type Language, TEXTS } from "./texts.js";

export interface ShopOptions {
  readonly minna: MinnaClient;
  /** Where customers see the shop, as `http://localhost:3000`: the origin of the client's redirect URI. */
  readonly origin: string;
  readonly log: Log;
  /** Milliseconds after which `checkout.settle()` takes an order up again that nobody is at; a minute by default. */
  readonly forgotten?: number;
}

export interface Shop {
  readonly app: FastifyInstance;
  /** What the shop has to call again and again. */
  readonly checkout: Checkout;
}

const HEADERS = {
  // Nothing from elsewhere, nothing inline; a form goes to the shop, and nobody puts the shop into a frame.
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  // Callback URLs go nowhere. Not no-referrer: browsers send `Origin: null` with forms then.
  "referrer-policy": "same-origin",
  // Balances stay in no cache, and the back button asks for the page anew.
  "cache-control": "no-store",
};

export function openShop({ minna, origin, log, forgotten }: ShopOptions): Shop {
  const secure = origin.startsWith("https:");
  const sessions = new Sessions(secure);
  const orders = new Orders();
  const checkout = new Checkout(minna, orders, log, forgotten);
  // Behind a proxy: `trustProxy`, so that `request.ip` is the customer's.
  const app = fastify({ forceCloseConnections: "idle" });

  const visitor = (request: FastifyRequest): Visitor => {
    const session = sessions.of(request);
    const notice = session?.notice;
    if (session !== undefined) session.notice = undefined;
    // What was chosen here, or what the browser is set to first of all.
    const wanted = request.cookies["language"] ?? request.headers["accept-language"] ?? "";
    const language: Language = /^en\b/i.test(wanted) ? "en" : "ja";
    // Only a page that was asked for with GET, and is no step of the link, can be gone back to.
    const path = request.method === "GET" && !request.url.startsWith("/bank/") ? request.url : "/account";
    return { language, customer: session?.customer, path, notice };
  };
  const send = (reply: FastifyReply, page: string) => reply.type("text/html").send(page);
  const refuse = (request: FastifyRequest, reply: FastifyReply, what: "wrongCustomer" | "forged" | "notFound") => {
    const who = visitor(request);
    const t = TEXTS[who.language];
    const trouble: Trouble = { ...t[what], actions: [{ href: "/", name: t.toShop }] };
    return send(reply.code(what === "notFound" ? 404 : 403), troublePage(who, trouble));
  };

  app.register(cookie);
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: 4096 },
    async (_request: FastifyRequest, body: string) => new URLSearchParams(body),
  );
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(HEADERS);
    // Against forms of other sites (CSRF): browsers name the origin of every form, and the cookies are SameSite besides.
    if (request.method === "POST" && request.headers.origin !== origin) return refuse(request, reply, "forged");
  });
  // At the end of the process: what is under way is answered, and its connection is not kept for more.
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onSend", async (_request, reply) => {
    if (closing) reply.header("connection", "close");
  });
  app.setNotFoundHandler((request, reply) => refuse(request, reply, "notFound"));
  app.setErrorHandler((error, request, reply) => {
    const details = detailsOf(error);
    log("request failed", { path: request.url.replace(/\?.*/s, ""), ...details });
    const who = visitor(request);
    const { status, retryAfter, ...trouble } = explain(error, who, details.interactionId);
    if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
    return send(reply.code(status), troublePage(who, trouble));
  });

  app.get("/shop.css", (_request, reply) => reply.type("text/css").header("cache-control", "max-age=300").send(STYLE));
  app.get("/watch.js", (_request, reply) =>
    reply.type("text/javascript").header("cache-control", "max-age=300").send(WATCH),
  );

  app.post("/language", (request, reply) => {
    const form = formOf(request);
    const language = form.get("language") === "en" ? "en" : "ja";
    reply.setCookie("language", language, { httpOnly: true, secure, sameSite: "lax", path: "/", maxAge: 31_536_000 });
    // A path of this shop, and not one like //elsewhere.example, which leads away.
    const back = form.get("back") ?? "/";
    const { origin: there, pathname } = new URL(URL.canParse(back, origin) ? back : "/", origin);
    return reply.redirect(there === origin && !pathname.startsWith("//") ? pathname : "/", 303);
  });
  app.post("/login", (request, reply) => {
    if (!sessions.logIn(formOf(request).get("customer") ?? "", request, reply))
      return refuse(request, reply, "notFound");
    return reply.redirect("/", 303);
  });
  app.post("/logout", (request, reply) => {
    sessions.logOut(request, reply);
    return reply.redirect("/", 303);
  });

  app.get("/", async (request, reply) => {
    const who = visitor(request);
    const { customer } = who;
    if (customer === undefined) return send(reply, logInPage(who));
    const permission = permissionOf(await linkOf(minna, customer.id));
    const offers = permission?.debit ? CATALOGUE.map(product => orders.offer(customer.id, product)) : [];
    return send(reply, shopPage(who, permission, offers));
  });

  app.post<{ Params: { id: string } }>("/orders/:id/pay", async (request, reply) => {
    const customerId = sessions.of(request)?.customer.id;
    const { id } = request.params;
    if (customerId === undefined) return reply.redirect("/", 303);
    if (orders.find(customerId, id) === undefined) return refuse(request, reply, "notFound");
    const link = await linkOf(minna, customerId);
    if (link === undefined || !permissionOf(link)?.debit) return reply.redirect("/account", 303);
    // The second of two clicks, a reload, the back button, another tab: the order is taken already, and only shown.
    const order = orders.take(id, link.id);
    if (order !== undefined) await checkout.pay(order, present(request));
    return reply.redirect(`/orders/${id}`, 303);
  });
  app.get<{ Params: { id: string } }>("/orders/:id", async (request, reply) => {
    const order = orders.find(sessions.of(request)?.customer.id ?? "", request.params.id);
    return order === undefined ? refuse(request, reply, "notFound") : send(reply, orderPage(visitor(request), order));
  });
  app.get<{ Params: { id: string } }>("/orders/:id/state", async (request, reply) => {
    // The shop's own knowledge: a page that looks every two seconds must not ask the bank every two seconds.
    const order = orders.find(sessions.of(request)?.customer.id ?? "", request.params.id);
    return order === undefined ? reply.code(404).send({}) : reply.send({ state: order.state });
  });

  linkingRoutes(app, { minna, sessions, orders, secure, visitor, refuse });
  return { app, checkout };
}

/** What a customer is told of an error of the bank, or of the way to it. */
function explain(
  error: unknown,
  { language, path }: Visitor,
  interactionId: string | undefined,
): Trouble & { readonly status: number; readonly retryAfter?: number } {
  const t = TEXTS[language];
  const retry = { href: path, name: t.retry };
  const shop = { href: "/", name: t.toShop };
  if (error instanceof LinkError) {
    if (error.code === "grant_suspended") return { status: 409, ...t.suspended, actions: [shop], interactionId };
    return { status: 409, ...t.renewal, actions: [{ href: "/bank/link", name: t.renewal.go }, shop] };
  }
  if (error instanceof ApiError && (error.code === "maintenance" || error.code === "throttled")) {
    const { retryAfter = 60 } = error;
    const after = t.maintenance.after(Math.ceil(retryAfter / 60));
    return { status: 503, ...t.maintenance, after, actions: [retry, shop], interactionId, retryAfter };
  }
  const bankFailed = error instanceof TransportError || error instanceof ApiError || error instanceof OAuthError;
  return {
    status: bankFailed ? 503 : 500,
    ...t[bankFailed ? "outage" : "broken"],
    actions: [retry, shop],
    interactionId,
  };
}

function formOf({ body }: FastifyRequest): URLSearchParams {
  return body instanceof URLSearchParams ? body : new URLSearchParams();
}
