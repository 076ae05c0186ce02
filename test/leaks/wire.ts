/** Writes down what travels between the partner and the bank, which runs in the same process. */
import { IncomingMessage, ServerResponse } from "node:http";
import { vi } from "vitest";
import { type Canaries, PERSONAL } from "./canaries.js";

/** Secrets in the forms that the partner sends. */
const SENT = ["code", "code_verifier", "refresh_token", "token", "state", "nonce", "code_challenge"];
/** Secrets in the answers of the bank. */
const ANSWERED: ReadonlySet<string> = new Set([...PERSONAL, "access_token", "refresh_token", "request_uri"]);
const JWT = /^[\w-]+(\.[\w-]*){2,4}$/;

/** Notes the secrets of every request and every answer, until all mocks are restored. */
export function tapTheWire(canaries: Canaries): void {
  const { push } = IncomingMessage.prototype;
  vi.spyOn(IncomingMessage.prototype, "push").mockImplementation(function (this: IncomingMessage, ...given) {
    const [chunk] = given;
    if (Buffer.isBuffer(chunk)) noteForm(canaries, new URLSearchParams(chunk.toString()));
    return push.apply(this, given);
  });
  const { end } = ServerResponse.prototype as { end(...given: readonly unknown[]): ServerResponse };
  vi.spyOn(ServerResponse.prototype, "end").mockImplementation(function (this: ServerResponse, ...given) {
    const [body] = given as readonly unknown[];
    if (typeof body === "string" || Buffer.isBuffer(body)) noteAnswer(canaries, body.toString());
    return end.apply(this, given);
  });
}

function noteForm(canaries: Canaries, form: URLSearchParams): void {
  for (const name of SENT) canaries.add(`sent ${name}`, form.get(name));
  canaries.addJwt("sent request object", form.get("request"));
}

function noteAnswer(canaries: Canaries, body: string): void {
  if (JWT.test(body)) canaries.addJwt("answered JWT", body);
  const said = parsed(body);
  canaries.addMembers("answered", said, ANSWERED);
  canaries.addJwt("answered ID Token", said?.id_token);
}

/** A fault may have spoiled it. */
function parsed(body: string): { readonly id_token?: unknown } | undefined {
  try {
    return JSON.parse(body) ?? undefined;
  } catch {
    return undefined;
  }
}
