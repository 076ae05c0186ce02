// In Next.js: app/bank/callback/route.ts, with "@/lib/minna" and "@/lib/session" in the imports.
import { AuthorizationError, ValidationError } from "minna-baas";
import { bankCookie, cookieOf, minna, redirect } from "./minna.js";
import { customerIdOf } from "./session.js";

/** Needs Node (mutual TLS): not for the edge. */
export const runtime = "nodejs";

export async function GET(request: Request): Promise<Response> {
  const customerId = await customerIdOf(request);
  if (customerId === undefined) return redirect("/login");
  const forget = bankCookie("", 0);
  try {
    const link = await minna().links.complete(request, { transaction: cookieOf(request, "bank"), customerId });
    // Here keep link.id with your customer.
    return redirect(link.refusedScopes.includes("debit") ? "/bank/cannot-pay" : "/bank/linked", forget);
  } catch (error) {
    if (error instanceof AuthorizationError) {
      return redirect(`/bank/not-linked?why=${encodeURIComponent(error.code)}`, forget);
    }
    // Somebody else began it, perhaps to get this customer's account: nothing was linked.
    if (error instanceof ValidationError && error.check === "customer") {
      return new Response(null, { status: 403, headers: { "set-cookie": forget } });
    }
    // A reload, the back button, or the older of two tabs: the cookie may be the newer one's, so it stays.
    if (error instanceof ValidationError) return redirect("/bank/try-again");
    throw error; // to error.tsx
  }
}
