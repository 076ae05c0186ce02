// In Next.js: lib/session.ts. A stand-in for the login that you have; its cookie must be SameSite=Lax.
import { cookieOf } from "./minna.js";

export const sessions: Map<string, string> = new Map();

/** Who is logged in at your site. */
export async function customerIdOf(request: Request): Promise<string | undefined> {
  return sessions.get(cookieOf(request, "session") ?? "");
}
