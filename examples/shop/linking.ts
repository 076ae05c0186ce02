/** 口座連携: the routes that link a customer's account, show it, and unlink it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  AuthorizationError,
  LinkError,
  type LinkInfo,
  type MinnaClient,
  type Scope,
  ValidationError,
} from "minna-baas";
import type { Orders } from "./orders.js";
import { type AccountView, accountPage, type Permission, type Visitor } from "./pages.js";
import type { Sessions } from "./sessions.js";

/** The cookie that binds an authorization to the browser that began it. */
const TRANSACTION = "bank";
/** Only what the shop uses: each is a line that the customer reads at the bank. */
const SCOPES: readonly Scope[] = ["balance", "debit"];

export interface LinkingParts {
  readonly minna: MinnaClient;
  readonly sessions: Sessions;
  readonly orders: Orders;
  /** Whether the shop is on https: Safari keeps no Secure cookie of http://localhost. */
  readonly secure: boolean;
  readonly visitor: (request: FastifyRequest) => Visitor;
  /** Sends a page that says what went wrong. */
  readonly refuse: (request: FastifyRequest, reply: FastifyReply, what: "wrongCustomer") => FastifyReply;
}

/** The customer's link. The store is asked each time: a second copy of it in the shop's tables could only be wrong. */
export async function linkOf(minna: MinnaClient, customerId: string): Promise<LinkInfo | undefined> {
  let newest: LinkInfo | undefined;
  for await (const link of minna.links.list({ customerId })) {
    // Two devices at once may have made two.
    if (link.status === "active" && (newest === undefined || link.createdAt > newest.createdAt)) newest = link;
  }
  return newest;
}

/** The customer may have refused some of what was asked for. */
export function permissionOf(link: LinkInfo | undefined): Permission {
  return link && { balance: link.scopes.includes("balance"), debit: link.scopes.includes("debit") };
}

export function linkingRoutes(app: FastifyInstance, parts: LinkingParts): void {
  const { minna, sessions, orders, secure, visitor, refuse } = parts;

  app.get("/bank/link", async (request, reply) => {
    const session = sessions.of(request);
    if (session === undefined) return reply.redirect("/", 303);
    const { customer } = session;
    // Who has a link renews it: its id stays, and with it its debits.
    const link = await linkOf(minna, customer.id);
    const wish = { customerId: customer.id, scopes: SCOPES, ...(link === undefined ? {} : { link: link.id }) };
    const { authorizationUrl, transaction, expiresIn } = await minna.links.begin(wish, present(request));
    // Sent to the callback only, and not readable by scripts. Lax, because it is the bank that sends the browser back.
    reply.setCookie(TRANSACTION, transaction, {
      httpOnly: true,
      secure,
      sameSite: "lax",
      path: "/bank",
      maxAge: expiresIn,
    });
    return reply.redirect(authorizationUrl, 303);
  });

  app.get("/bank/callback", async (request, reply) => {
    const session = sessions.of(request);
    if (session === undefined) return reply.redirect("/", 303);
    const forget = () => reply.clearCookie(TRANSACTION, { path: "/bank" });
    try {
      const browser = { transaction: request.cookies[TRANSACTION], customerId: session.customer.id };
      await minna.links.complete(request.url, browser, present(request));
      forget();
      session.notice = "linked";
    } catch (error) {
      if (error instanceof AuthorizationError) {
        // The customer said no, or the bank for them. The transaction is spent.
        forget();
        session.notice = "declined";
      } else if (error instanceof ValidationError && error.check === "customer") {
        // Somebody else began it, perhaps to have this customer's account linked to theirs. Nothing was linked.
        forget();
        return refuse(request, reply, "wrongCustomer");
      } else if (error instanceof ValidationError || error instanceof LinkError) {
        // No authentic answer to what this browser began last: a reload, the back button, or the older of two tabs. The
        // cookie stays, because the newer tab still needs it. Where there is a link, all is well and there is nothing to say.
        if (error instanceof ValidationError && error.check === "sub") session.notice = "otherAccount";
        else if ((await linkOf(minna, session.customer.id)) === undefined) session.notice = "tryAgain";
      } else throw error;
    }
    // Away from the URL with the code: a reload of the next page is a reload of that page.
    return reply.redirect("/account", 303);
  });

  app.post("/bank/unlink", async (request, reply) => {
    const session = sessions.of(request);
    if (session === undefined) return reply.redirect("/", 303);
    const { customer } = session;
    // Afterwards the bank can't be asked any more what became of a debit: none may be waiting, and none may begin meanwhile.
    const release = orders.hold(customer.id);
    if (release === undefined) session.notice = "unlinkLater";
    else {
      try {
        for await (const link of minna.links.list({ customerId: customer.id })) {
          if (link.status === "active") await minna.link(link.id).grant.revoke(present(request));
        }
      } finally {
        release();
      }
      session.notice = "unlinked";
    }
    return reply.redirect("/account", 303);
  });

  app.get("/account", async (request, reply) => {
    const session = sessions.of(request);
    if (session === undefined) return reply.redirect("/", 303);
    const link = await linkOf(minna, session.customer.id);
    const permission = permissionOf(link);
    const accounts = link !== undefined && permission?.balance ? await read(link.id, request) : [];
    const page = accountPage(visitor(request), { permission, accounts, orders: orders.of(session.customer.id) });
    return reply.type("text/html").send(page);
  });

  async function read(linkId: string, request: FastifyRequest): Promise<AccountView["accounts"]> {
    const { accounts } = minna.link(linkId);
    const listed = await accounts.list(present(request));
    return Promise.all(
      listed.map(async account => ({ account, balance: await accounts.balance(account.accountId, present(request)) })),
    );
  }
}

/** Tells the bank that the customer is there: for nothing that a job does without them. */
export function present(request: FastifyRequest): { readonly customerPresent: { readonly ip: string } } {
  return { customerPresent: { ip: request.ip } };
}
