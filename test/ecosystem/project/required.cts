// CommonJS in TypeScript: from 5.8 its compiler knows that Node lets modules be required.
import { ConfigurationError, MinnaClient } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";

export async function client(): Promise<MinnaClient> {
  return new MinnaClient((await startSandbox()).client("fapi2-security"));
}

export function isWrong(error: unknown): error is ConfigurationError {
  return error instanceof ConfigurationError;
}
