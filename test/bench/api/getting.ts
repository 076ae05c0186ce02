/**
 * The ways to GET something of the bank's API and have it as an object. Each loads what it needs when it is opened: in a
 * contender's process nobody else's libraries are loaded.
 */
import type { Link } from "minna-baas";
import type { BankAddress } from "../bank-server.js";
import type { Contender, Runnable, Servers } from "../case.js";
import { agentFor, bankOf, headersOf, TOKEN } from "./partner.js";

export const FLOOR = "undici request";
export const OPENID_CLIENT = "openid-client";
export const OPENID_CLIENT_OVER_NODE = "openid-client, Node's fetch";
export const SDK = "minna-baas";

/** Least work first: an agent with the certificate, and `JSON.parse`. */
export function bareRequest(servers: Servers, path: string): Contender {
  return getter(FLOOR, servers, path, requester);
}

export async function requester(bank: BankAddress, url: URL): Promise<Runnable> {
  const { request } = await import("undici");
  const dispatcher = await agentFor(bank);
  return {
    run: async () => {
      const { statusCode, body } = await request(url, { dispatcher, headers: headersOf() });
      return parsed(statusCode, await body.text());
    },
    close: () => dispatcher.close(),
  };
}

export function undiciFetch(servers: Servers, path: string): Contender {
  return fetching("undici fetch", servers, path, fetchOfUndici);
}

/** Node's own fetch, which takes a dispatcher of the package undici. */
export function nodeFetch(servers: Servers, path: string): Contender {
  return fetching("Node's fetch", servers, path, async () => fetch);
}

/** As its documentation has it for mutual TLS: undici's fetch with an agent that has the certificate. */
export function openidClient(servers: Servers, path: string): Contender {
  return protectedResource(OPENID_CLIENT, servers, path, fetchOfUndici);
}

/** The same with the fetch that Node has built in. */
export function openidClientOverNodeFetch(servers: Servers, path: string): Contender {
  return protectedResource(OPENID_CLIENT_OVER_NODE, servers, path, async () => fetch);
}

/** This package, by its public API. */
export function sdk(servers: Servers, call: (link: Link) => Promise<unknown>, name: string = SDK): Contender {
  return {
    name,
    open: async () => {
      const { linkedClient, LINK_ID } = await import("./linked-client.js");
      const minna = await linkedClient(await bankOf(servers));
      return { run: () => call(minna.link(LINK_ID)), close: () => minna.close() };
    },
  };
}

type LoadFetch = () => Promise<typeof fetch>;

async function fetchOfUndici(): Promise<typeof fetch> {
  const undici = await import("undici");
  return undici.fetch as unknown as typeof fetch;
}

function fetching(name: string, servers: Servers, path: string, load: LoadFetch): Contender {
  return getter(name, servers, path, async (bank, url) => {
    const fetchIt = await load();
    const dispatcher = await agentFor(bank);
    return {
      run: async () => {
        const answer = await fetchIt(url, { dispatcher, headers: headersOf() } as unknown as RequestInit);
        return parsed(answer.status, await answer.text());
      },
      close: () => dispatcher.close(),
    };
  });
}

function protectedResource(name: string, servers: Servers, path: string, load: LoadFetch): Contender {
  return getter(name, servers, path, async (bank, url) => {
    const openid = await import("openid-client");
    const fetchIt = await load();
    const dispatcher = await agentFor(bank);
    const server = { issuer: "https://auth.bank.example" };
    const configuration = new openid.Configuration(server, "partner-1", undefined, openid.TlsClientAuth());
    configuration[openid.customFetch] = (address, init) =>
      fetchIt(address, { ...init, dispatcher } as unknown as RequestInit);
    return {
      run: async () => {
        const { authorization: _, ...rest } = headersOf();
        const headers = new Headers(rest);
        const answer = await openid.fetchProtectedResource(configuration, TOKEN, url, "GET", undefined, headers);
        return parsed(answer.status, await answer.text());
      },
      close: () => dispatcher.close(),
    };
  });
}

function getter(
  name: string,
  servers: Servers,
  path: string,
  make: (bank: BankAddress, url: URL) => Promise<Runnable>,
): Contender {
  return {
    name,
    open: async () => {
      const bank = await bankOf(servers);
      return make(bank, new URL(`${bank.baseUrl}${path}`));
    },
  };
}

function parsed(status: number, body: string): unknown {
  if (status !== 200) throw new Error(`The bank answered ${status}.`);
  return JSON.parse(body);
}
