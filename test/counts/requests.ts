/** The requests that a sandbox received, as they stand in a table. */
import type { Sandbox } from "../../src/sandbox/index.js";

/** What the bank received since a point, browsers aside: `POST token`; of the API with its path, without ids. */
export function requestsSince(bank: Sandbox, since: number): string[] {
  return bank.events.slice(since).map(({ method, endpoint, path }) => {
    const shown = path.replace(/(?<=\/accounts\/)[^/]+/, "{id}");
    return endpoint === "api" ? `${method} ${endpoint} ${shown}` : `${method} ${endpoint}`;
  });
}

/** How often the bank received each request since a point. */
export function countsSince(bank: Sandbox, since: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const request of requestsSince(bank, since)) counts[request] = (counts[request] ?? 0) + 1;
  return counts;
}
