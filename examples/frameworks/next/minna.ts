// In Next.js: lib/minna.ts. In next.config: serverExternalPackages: ["minna-baas"], so that it stays a package of Node.
import { MinnaClient, optionsFromEnvironment } from "minna-baas";

const kept = globalThis as { minna?: MinnaClient };

/**
 * The one client of this process. Made at the first request, because `next build` loads the routes without your secrets;
 * kept on globalThis, because `next dev` loads this file anew with each change. Give it a `store` that outlives the process:
 * the callback may come to another instance than the one that began the link.
 */
export function minna(): MinnaClient {
  kept.minna ??= new MinnaClient(optionsFromEnvironment());
  return kept.minna;
}

/** The attributes of the cookie `bank`. Browsers send no Secure cookie to http, and Safari makes no exception for localhost. */
export function bankCookie(value: string, maxAge: number): string {
  const secure = process.env["NODE_ENV"] === "production" ? "; Secure" : "";
  return `bank=${value}; Path=/bank; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
}

/** A cookie of a request. In Next.js also: `(await cookies()).get(name)?.value`, of next/headers. */
export function cookieOf(request: Request, name: string): string | undefined {
  const cookies = request.headers.get("cookie")?.split(/; */) ?? [];
  return cookies.find(cookie => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** A redirect to a path of this site, or to a URL. Paths stay paths: behind a proxy `request.url` has the inner host. */
export function redirect(location: string, cookie?: string): Response {
  const headers = new Headers({ location, "cache-control": "no-store" });
  if (cookie !== undefined) headers.set("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}
