import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { getCookie } from "hono/cookie";
import { MinnaClient } from "minna-baas";
import { type Sandbox, startSandbox } from "minna-baas/sandbox";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { bankRoutes as expressRoutes } from "../../examples/frameworks/express.js";
import { bankRoutes as fastifyRoutes } from "../../examples/frameworks/fastify.js";
import { bankRoutes as honoRoutes } from "../../examples/frameworks/hono.js";
import { GET as nextCallback } from "../../examples/frameworks/next/callback-route.js";
import { GET as nextLink } from "../../examples/frameworks/next/link-route.js";
import { minna as nextMinna } from "../../examples/frameworks/next/minna.js";
import { sessions } from "../../examples/frameworks/next/session.js";

/** Answers a request as the partner's site does. */
type Site = (path: string, cookies: string) => Promise<Response>;

const CUSTOMERS = new Map([
  ["one", "u-1"],
  ["two", "u-2"],
]);
const FRAMEWORKS: Readonly<Record<string, () => Promise<{ site: Site; minna: MinnaClient }>>> = {
  Express: async () => {
    const minna = connect();
    const app = express();
    const customerIdOf = ({ headers }: express.Request) =>
      CUSTOMERS.get(/session=(\w+)/.exec(headers.cookie ?? "")?.[1] ?? "");
    app.use("/bank", expressRoutes(minna, customerIdOf));
    app.use(
      ((_error, _request, response, _next) => void response.sendStatus(502)) satisfies express.ErrorRequestHandler,
    );
    return { site: await listening(createServer(app)), minna };
  },
  Fastify: async () => {
    const minna = connect();
    const app = fastify();
    // Before the routes: a plugin takes the handler that is there when it is registered.
    app.setErrorHandler((_error, _request, reply) => reply.code(502).send());
    await app.register(fastifyRoutes, {
      minna,
      customerIdOf: request => CUSTOMERS.get(request.cookies["session"] ?? ""),
      prefix: "/bank",
    });
    await app.ready();
    return { site: await listening(createServer((request, response) => app.routing(request, response))), minna };
  },
  Hono: async () => {
    const minna = connect();
    const app = new Hono();
    app.route(
      "/bank",
      honoRoutes(minna, context => CUSTOMERS.get(getCookie(context, "session") ?? "")),
    );
    app.onError((_error, context) => context.body(null, 502));
    const site: Site = async (path, cookie) => app.request(`http://localhost${path}`, { headers: { cookie } });
    return { site, minna };
  },
  "Next.js": async () => {
    for (const [id, customerId] of CUSTOMERS) sessions.set(id, customerId);
    const site: Site = async (path, cookie) => {
      const request = new Request(`http://localhost${path}`, { headers: { cookie } });
      return (path.startsWith("/bank/link") ? nextLink : nextCallback)(request).catch(
        () => new Response(null, { status: 502 }),
      );
    };
    return { site, minna: nextMinna() };
  },
};

let bank: Sandbox;
let folder: string;

beforeAll(async () => {
  bank = await startSandbox();
  folder = await mkdtemp(join(tmpdir(), "minna-next-"));
  // What `minna-baas sandbox --write` writes; the route handlers of Next.js take their options from the environment.
  const { profile, issuer, clientId, redirectUri, certificate, api } = bank.client("fapi2-security");
  for (const [name, pem] of Object.entries(certificate)) await writeFile(join(folder, `${name}.pem`), pem);
  const environment = {
    PROFILE: profile,
    ISSUER: issuer,
    CLIENT_ID: clientId,
    REDIRECT_URI: redirectUri,
    API_BASE_URL: api.baseUrl,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(`MINNA_${name}`, value);
  for (const name of ["cert", "key", "ca"]) vi.stubEnv(`MINNA_${name.toUpperCase()}_FILE`, join(folder, `${name}.pem`));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await nextMinna().close();
  await bank.close();
  await rm(folder, { recursive: true, force: true });
});

function connect(): MinnaClient {
  const minna = new MinnaClient(bank.client("fapi2-security"));
  onTestFinished(() => minna.close());
  return minna;
}

async function listening(server: Server): Promise<Site> {
  server.listen(0, "localhost");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  return (path, cookie) => fetch(origin + path, { headers: { cookie }, redirect: "manual" });
}

const locationOf = (response: Response) => response.headers.get("location") ?? "";
const callbackOf = (url: string) => new URL(url).pathname + new URL(url).search;

/** Begins a link; what the browser then has of cookies. */
async function begin(site: Site, session = "one"): Promise<{ authorizationUrl: string; cookies: string; set: string }> {
  const response = await site("/bank/link", `session=${session}`);
  expect(response.status).toBe(303);
  const [set = ""] = response.headers.getSetCookie();
  return { authorizationUrl: locationOf(response), set, cookies: `session=${session}; ${set.split(";", 1)[0]}` };
}

async function linksOf(minna: MinnaClient): Promise<string[]> {
  const links = [];
  for await (const { customerId } of minna.links.list()) links.push(customerId);
  return links;
}

describe.each(Object.entries(FRAMEWORKS))("%s", (_name, open) => {
  it("links an account, once, also when the callback comes again", async () => {
    const { site, minna } = await open();
    const { authorizationUrl, cookies, set } = await begin(site);
    expect(set).toMatch(/^bank=[\w-]{43};/);
    const attributes = set
      .split(/; */)
      .slice(1)
      .map(part => part.toLowerCase());
    expect(attributes).toEqual(expect.arrayContaining(["httponly", "samesite=lax", "path=/bank", "max-age=900"]));
    expect(attributes, "on http://localhost").not.toContain("secure");

    const callback = callbackOf(await bank.approve(authorizationUrl));
    const linked = await site(callback, cookies);
    expect([linked.status, locationOf(linked)]).toEqual([303, "/bank/linked"]);
    expect(linked.headers.getSetCookie().join(), "the cookie is dropped").toMatch(
      /^bank=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/i,
    );
    expect(await linksOf(minna)).toContain("u-1");
    const before = (await linksOf(minna)).length;
    const again = await site(callback, cookies);
    expect([again.status, locationOf(again)]).toEqual([303, "/bank/try-again"]);
    expect(await linksOf(minna)).toHaveLength(before);
  });

  it("tells a customer who said no, or not to everything", async () => {
    const { site } = await open();
    const declined = await begin(site);
    const answer = await site(callbackOf(await bank.decline(declined.authorizationUrl)), declined.cookies);
    expect([answer.status, locationOf(answer)]).toEqual([303, "/bank/not-linked?why=access_denied"]);
    const partly = await begin(site);
    const callback = callbackOf(await bank.approve(partly.authorizationUrl, { scopes: ["balance"] }));
    expect(locationOf(await site(callback, partly.cookies))).toBe("/bank/cannot-pay");
  });

  it("links nothing without the cookie, or without a login", async () => {
    const { site, minna } = await open();
    const { authorizationUrl, cookies } = await begin(site);
    const before = (await linksOf(minna)).length;
    const callback = callbackOf(await bank.approve(authorizationUrl));
    expect(locationOf(await site(callback, "session=one"))).toBe("/bank/try-again");
    expect(locationOf(await site(callback, cookies.replace("one", "none")))).toBe("/login");
    expect(locationOf(await site("/bank/link", ""))).toBe("/login");
    expect(await linksOf(minna)).toHaveLength(before);
    expect(locationOf(await site(callback, cookies)), "the customer's own attempt is not spent").toBe("/bank/linked");
  });

  it("links nothing that somebody else began, and leaves them their own attempt", async () => {
    const { site, minna } = await open();
    const { authorizationUrl, cookies } = await begin(site);
    const before = (await linksOf(minna)).length;
    const callback = callbackOf(await bank.approve(authorizationUrl));
    expect((await site(callback, cookies.replace("one", "two"))).status).toBe(403);
    expect(await linksOf(minna)).toHaveLength(before);
    expect(locationOf(await site(callback, cookies))).toBe("/bank/linked");
  });

  it("leaves an outage to the site's error handler", async () => {
    const { site } = await open();
    bank.faults.on("par-error", { times: 1 });
    expect((await site("/bank/link", "session=one")).status).toBe(502);
  });

  it("sets a Secure cookie in production", async () => {
    vi.stubEnv("NODE_ENV", "production");
    onTestFinished(() => void vi.stubEnv("NODE_ENV", "test"));
    const { site } = await open();
    expect((await begin(site)).set).toMatch(/; Secure(;|$)/);
  });
});
