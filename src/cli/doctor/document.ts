/**
 * A document of the bank that everybody may read, fetched as the client does: no certificate, no redirects, no proxy.
 *
 * @module
 */
import { type RequestOptions, request } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { LARGEST_ANSWER, secureContext } from "../../transport/connection.js";
import { within } from "./connection.js";

/** An answer, and when it was under way. */
export interface Fetched {
  readonly status: number;
  readonly type: string;
  readonly location: string | undefined;
  readonly date: string | undefined;
  readonly body: string;
  /** Milliseconds since the epoch, by this machine's clock, between which the answer was made. */
  readonly from: number;
  readonly to: number;
}

/**
 * Fetches it.
 *
 * @throws an error with a code of Node or OpenSSL, or `TIMEOUT`.
 */
export async function fetchDocument(url: string, trusted: readonly string[], timeout: number): Promise<Fetched> {
  const options: RequestOptions & ConnectionOptions = {
    agent: false,
    secureContext: secureContext(trusted),
    rejectUnauthorized: true,
    headers: { accept: "application/json", "user-agent": "minna-baas-doctor" },
  };
  const from = Date.now();
  const asked = request(url, options);
  const answered = new Promise<Fetched>((resolve, reject) => {
    asked.once("error", reject);
    asked.once("response", response => {
      const to = Date.now();
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= LARGEST_ANSWER) chunks.push(chunk);
        else asked.destroy(Object.assign(new Error("too large"), { code: "TOO_LARGE" }));
      });
      response.once("error", reject);
      response.once("end", () => {
        const { statusCode: status = 0, headers } = response;
        const { "content-type": type = "", location, date } = headers;
        resolve({ status, type, location, date, body: Buffer.concat(chunks).toString("utf8"), from, to });
      });
    });
    asked.end();
  });
  try {
    return await within(timeout, answered);
  } finally {
    answered.catch(() => {});
    asked.destroy();
  }
}

/** The JSON object that it is; `undefined` where it is none. */
export function objectIn({ body }: Fetched): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.replace(/^\ufeff+/, ""));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What it is, for who expected something else. */
export function shownOf({ status, type, location, body }: Fetched): string {
  const kind = /<html|<!doctype/i.test(body.slice(0, 200)) ? "HTML" : type.split(";", 1).join() || "no content type";
  return location === undefined ? `HTTP ${status}, ${kind}` : `HTTP ${status}, redirect`;
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "error";
}
