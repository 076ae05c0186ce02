// CommonJS in an older TypeScript: the types by name, the values by import().
import type { MinnaClient } from "minna-baas" with { "resolution-mode": "import" };

export async function client(): Promise<MinnaClient> {
  const { MinnaClient } = await import("minna-baas");
  const { startSandbox } = await import("minna-baas/sandbox");
  return new MinnaClient((await startSandbox()).client("fapi2-security"));
}
