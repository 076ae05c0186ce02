/** The ways to GET something of the bank's API and have it as an object. */

import type { MinnaClient } from "minna-baas";
import * as openid from "openid-client";
import * as undici from "undici";
import type { BankAddress } from "../bank-server.js";
import type { Contender, Servers } from "../case.js";
import { agentFor, bankOf, headersOf, linkedClient, TOKEN } from "./partner.js";

export const FLOOR = "undici request";
export const OPENID_CLIENT = "openid-client";
export const SDK = "minna-baas";

/** Least work first: an agent with the certificate, and `JSON.parse`. */
export function bareRequest(servers: Servers, path: string): Contender {
  return getter(FLOOR, servers, path, (bank, url) => {
    const dispatcher = agentFor(bank);
    return {
      run: async () => {
        const { statusCode, body } = await undici.request(url, { dispatcher, headers: headersOf() });
        return parsed(statusCode, await body.text());
      },
      close: () => dispatcher.close(),
    };
  });
}

export function undiciFetch(servers: Servers, path: string): Contender {
  return getter("undici fetch", servers, path, (bank, url) => {
    const dispatcher = agentFor(bank);
    return {
      run: async () => {
        const answer = await undici.fetch(url, { dispatcher, headers: headersOf() });
        return parsed(answer.status, await answer.text());
      },
      close: () => dispatcher.close(),
    };
  });
}

/** Node's own fetch, which takes a dispatcher of the package undici. */
export function nodeFetch(servers: Servers, path: string): Contender {
  return getter("Node's fetch", servers, path, (bank, url) => {
    const dispatcher = agentFor(bank);
    return {
      run: async () => {
        const answer = await fetch(url, { dispatcher, headers: headersOf() } as unknown as RequestInit);
        return parsed(answer.status, await answer.text());
      },
      close: () => dispatcher.close(),
    };
  });
}

/** As its documentation has it for mutual TLS: undici's fetch with an agent that has the certificate. */
export function openidClient(servers: Servers, path: string): Contender {
  return protectedResource(OPENID_CLIENT, servers, path, undici.fetch as unknown as typeof fetch);
}

/** The same with the fetch that Node has built in. */
export function openidClientOverNodeFetch(servers: Servers, path: string): Contender {
  return protectedResource("openid-client, Node's fetch", servers, path, fetch);
}

function protectedResource(name: string, servers: Servers, path: string, fetchWith: typeof fetch): Contender {
  return getter(name, servers, path, (bank, url) => {
    const dispatcher = agentFor(bank);
    const configuration = new openid.Configuration(
      { issuer: "https://auth.bank.example" },
      "partner-1",
      undefined,
      openid.TlsClientAuth(),
    );
    configuration[openid.customFetch] = (address, init) =>
      fetchWith(address, { ...init, dispatcher } as unknown as RequestInit);
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

/** This package, by its public API. */
export function sdk(servers: Servers, call: (minna: MinnaClient) => Promise<unknown>, name: string = SDK): Contender {
  return {
    name,
    open: async () => {
      const minna = await linkedClient(await bankOf(servers));
      return { run: () => call(minna), close: () => minna.close() };
    },
  };
}

function getter(
  name: string,
  servers: Servers,
  path: string,
  make: (bank: BankAddress, url: URL) => { run(): Promise<unknown>; close(): Promise<void> },
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
