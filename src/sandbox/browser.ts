/**
 * A customer at a browser: follows redirects, keeps cookies, and fills in the bank's pages.
 *
 * @module
 */
import { Agent, request } from "undici";
import type { SandboxCustomer } from "./bank/customers.js";

/** What the customer does at the bank. */
export interface Choice {
  /** The login id; the first sample customer unless told otherwise. */
  readonly customer?: string;
  /** The permissions that the customer allows; all that are asked for unless told otherwise. */
  readonly scopes?: readonly string[];
}

interface Page {
  readonly url: URL;
  readonly html: string;
}

interface Form {
  readonly action: URL;
  readonly fields: readonly Record<string, string>[];
}

/** Browsers follow redirects that are longer than what servers take by default. */
const LONGEST_HEADERS = 1024 * 1024;

/** A journey takes no more steps than this; a loop of redirects ends here. */
const MOST_STEPS = 15;

/** Goes through the bank's pages from an authorization URL; resolves with the URL back at the partner. */
export async function visitBank(
  authorizationUrl: URL,
  customer: SandboxCustomer,
  decision: "allow" | "deny",
  scopes: readonly string[] | undefined,
  ca: string,
): Promise<string> {
  const dispatcher = new Agent({ connect: { ca }, maxHeaderSize: LONGEST_HEADERS });
  const cookies = new Map<string, string>();
  const open = async (url: URL, form?: URLSearchParams) => {
    const headers: Record<string, string> = { accept: "text/html" };
    if (cookies.size > 0) headers["cookie"] = [...cookies].map(pair => pair.join("=")).join("; ");
    if (form !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
    const body = form === undefined ? null : form.toString();
    const response = await request(url, { dispatcher, method: form === undefined ? "GET" : "POST", headers, body });
    for (const cookie of [response.headers["set-cookie"] ?? []].flat()) keep(cookies, cookie);
    const html = await response.body.text();
    return { location: response.headers["location"], html, refused: response.statusCode >= 400 };
  };
  try {
    let url = authorizationUrl;
    let form: URLSearchParams | undefined;
    for (let step = 0; step < MOST_STEPS; step++) {
      const { location, html, refused } = await open(url, form);
      if (location === undefined) {
        // Also with a form, to be filled in again: this customer has nothing else to say.
        if (refused) throw new Error(`the bank refused: ${wordsOf(html)}`);
        ({ url, form } = fill({ url, html }, customer, decision, scopes));
        continue;
      }
      const next = new URL(String(location), url);
      if (next.origin !== authorizationUrl.origin) return next.href;
      [url, form] = [next, undefined];
    }
    throw new Error(`the bank's pages did not end after ${MOST_STEPS} steps`);
  } finally {
    await dispatcher.close();
  }
}

/** Fills in what a page asks for, as the customer would. */
function fill(
  page: Page,
  customer: SandboxCustomer,
  decision: "allow" | "deny",
  scopes: readonly string[] | undefined,
): { url: URL; form: URLSearchParams } {
  const found = formOf(page);
  if (found === undefined) throw new Error(`the bank refused: ${wordsOf(page.html)}`);
  const form = new URLSearchParams();
  for (const field of found.fields) {
    if (field["name"] === "customer") form.append("customer", customer.id);
    else if (field["name"] === "password") form.append("password", customer.password);
    else if (field["type"] !== "checkbox" || scopes === undefined || scopes.includes(field["value"] ?? "")) {
      if (!isButton(field)) form.append(field["name"] ?? "", field["value"] ?? "");
    }
  }
  const buttons = found.fields.filter(isButton).filter(({ name }) => name !== undefined);
  const pressed = buttons.find(({ value }) => value === decision) ?? buttons[0];
  if (pressed !== undefined) form.append(pressed["name"] ?? "", pressed["value"] ?? "");
  return { url: found.action, form };
}

function isButton(field: Record<string, string>): boolean {
  return field["tag"] === "button";
}

function formOf({ url, html }: Page): Form | undefined {
  const [, attributes, content] = /<form\b([^>]*)>(.*?)<\/form>/s.exec(html) ?? [];
  if (attributes === undefined || content === undefined) return undefined;
  const fields = [...content.matchAll(/<(input|button)\b([^>]*)>/g)].map(([, tag = "", rest = ""]) => ({
    ...attributesOf(rest),
    tag,
  }));
  return { action: new URL(attributesOf(attributes)["action"] ?? "", url), fields };
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, unescaped(value)]);
  return Object.fromEntries(pairs);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
  "&amp;": "&",
};

function unescaped(text: string): string {
  return text.replace(/&(lt|gt|quot|#39|amp);/g, entity => ENTITIES[entity] ?? entity);
}

function wordsOf(html: string): string {
  const [, main = html] = /<main>(.*)<\/main>/s.exec(html) ?? [];
  return unescaped(
    main
      .replace(/<[^>]*>/g, " ")
      .replace(/\s+/g, " ")
      .trim(),
  );
}

/** Names are unique here but for their signatures, and all paths are the bank's: no need to tell paths apart. */
function keep(cookies: Map<string, string>, header: string): void {
  const [pair = "", ...attributes] = header.split(";");
  const at = pair.indexOf("=");
  const name = pair.slice(0, at).trim();
  const expired = attributes.some(attribute => /^\s*expires=Thu, 01 Jan 1970/i.test(attribute));
  if (expired) cookies.delete(name);
  else cookies.set(name, pair.slice(at + 1));
}
