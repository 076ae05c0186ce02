/**
 * The hand of the faults on an answer that is complete.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { KoaContextWithOIDC } from "oidc-provider";
import type { OAuthAnswer } from "../faults/hooks.js";

/** Lets faults change an answer, hold it back, or drop it with its connection. */
export async function falsify(
  ctx: KoaContextWithOIDC,
  faults: readonly ((answer: OAuthAnswer) => void)[],
): Promise<void> {
  if (faults.length === 0) return;
  const answer: OAuthAnswer = {
    status: ctx.status,
    headers: {},
    body: ctx.body as OAuthAnswer["body"],
    dropped: false,
    delay: 0,
  };
  for (const fault of faults) fault(answer);
  if (answer.delay > 0) await sleep(answer.delay);
  if (answer.dropped) {
    ctx.respond = false;
    ctx.req.socket.destroy();
    return;
  }
  ctx.body = answer.body;
  ctx.status = answer.status;
  ctx.set(answer.headers);
}
