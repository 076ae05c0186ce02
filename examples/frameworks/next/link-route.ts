// In Next.js: app/bank/link/route.ts, with "@/lib/minna" and "@/lib/session" in the imports.
// A route of its own, and an <a> to it, not a <Link>: that one would prefetch it.
import { bankCookie, minna, redirect } from "./minna.js";
import { customerIdOf } from "./session.js";

/** Needs Node (mutual TLS): not for the edge. */
export const runtime = "nodejs";

export async function GET(request: Request): Promise<Response> {
  const customerId = await customerIdOf(request);
  if (customerId === undefined) return redirect("/login");
  const begun = await minna().links.begin({ customerId, scopes: ["balance", "debit"] });
  return redirect(begun.authorizationUrl, bankCookie(begun.transaction, begun.expiresIn));
}
