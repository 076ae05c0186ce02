/**
 * Loads oidc-provider, the optional peer, when the first sandbox starts.
 *
 * @module
 */

type OidcProvider = typeof import("oidc-provider");

let loading: Promise<OidcProvider> | undefined;

export function loadProvider(): Promise<OidcProvider> {
  loading ??= importQuietly().catch((cause: unknown) => {
    loading = undefined;
    throw new Error("the sandbox needs oidc-provider: npm i -D oidc-provider@9", { cause });
  });
  return loading;
}

/** On Node 20 it prints that it wants Node 22. What the sandbox uses of it is tested on both: only that line is left out. */
async function importQuietly(): Promise<OidcProvider> {
  const { warn } = console;
  console.warn = (...line: unknown[]) => {
    if (!String(line[0]).includes("Unsupported runtime")) warn(...line);
  };
  try {
    return await import("oidc-provider");
  } finally {
    console.warn = warn;
  }
}
