import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFile(join(root, path), "utf8");

/** What a snippet leaves to its reader, by the heading that it stands under: what was declared before, and what is theirs. */
const DECLARED: Readonly<Record<string, string>> = {
  "The journey": `
    declare const minna: import("minna-baas").MinnaClient;
    declare const saveLinkId: (customerId: string, id: string) => Promise<void>;
    interface Request {
      readonly url: string;
      readonly session: { readonly customerId: string };
      readonly cookies: Readonly<Record<string, string | undefined>> & { readonly bank: string | undefined };
    }
    interface Reply {
      setCookie(
        name: string,
        value: string,
        options: { httpOnly: boolean; secure: boolean; sameSite: "lax"; path: string; maxAge: number },
      ): Reply;
      clearCookie(name: string, options: { readonly path: string }): Reply;
      redirect(url: string): Reply;
      code(status: number): Reply;
      send(): Reply;
    }
    declare const app: { get(path: string, route: (request: Request, reply: Reply) => Promise<Reply>): void };`,
  Charging: `
    declare const minna: import("minna-baas").MinnaClient;
    declare const orders: {
      settle(reference: string, status: import("minna-baas").Debit["status"]): Promise<void>;
      reopen(reference: string): Promise<void>;
    };`,
  "The profiles": `
    import { readFile } from "node:fs/promises";
    import { type ExternalSigner, MinnaClient, type MinnaClientOptions, type Signing } from "minna-baas";
    declare const rest: Pick<MinnaClientOptions, "issuer" | "clientId" | "redirectUri" | "certificate" | "api">;
    declare const connectToKms: () => Promise<ExternalSigner>;
    declare const test: (name: string, run: () => Promise<void>) => void;`,
  "What the bank has not published": `
    import { MinnaClient, type MinnaClientOptions } from "minna-baas";
    declare const options: MinnaClientOptions;`,
  "A store that outlives the process": `
    import { MinnaClient, type MinnaClientOptions, type Store } from "minna-baas";
    declare const options: MinnaClientOptions;
    declare const openMyStore: () => Promise<Store>;
    declare const test: (name: string, run: () => Promise<void>) => void;`,
  Sealed: `
    import { MinnaClient, type MinnaClientOptions, type Store } from "minna-baas";
    declare const options: MinnaClientOptions;
    declare const store: Store;
    declare const newKey: Uint8Array;
    declare const oldKey: Uint8Array;`,
  "Certificates and keys, without a restart": `
    import { MinnaClient, type ProfileOptions, type SigningKey } from "minna-baas";
    declare const options: Extract<ProfileOptions, { readonly profile: "fapi2-message-signing" }>;
    declare const newSigningKey: SigningKey;
    declare const oldSigningKey: SigningKey;
    declare const cert: string;
    declare const key: string;`,
  "From FAPI 1.0 to FAPI 2.0": `
    import { MinnaClient, type ProfileOptions, type Store } from "minna-baas";
    declare const fapi1: ProfileOptions;
    declare const fapi2: ProfileOptions;
    declare const store: Store;`,
  "The sandbox": `
    declare const authorizationUrl: string;`,
};

/** A snippet, and where it stands. */
interface Snippet {
  readonly heading: string;
  readonly code: string;
}

function snippetsOf(markdown: string): Snippet[] {
  const blocks = /^#+ (?<heading>.+)$|^```ts\n(?<code>[\s\S]*?)^```$/gm;
  const snippets: Snippet[] = [];
  let heading = "";
  for (const { groups } of markdown.matchAll(blocks)) {
    heading = groups?.["heading"] ?? heading;
    if (groups?.["code"] !== undefined) snippets.push({ heading, code: groups["code"] });
  }
  return snippets;
}

it("every snippet of the README compiles, with nothing but what is declared for it", { timeout: 60_000 }, async () => {
  const snippets = snippetsOf(await read("README.md"));
  expect(snippets.length).toBeGreaterThan(10);
  // Within the package, so that "pg" and the types of Node are found.
  await mkdir(join(root, ".build"), { recursive: true });
  const folder = await mkdtemp(join(root, ".build/readme-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));

  const compilerOptions = {
    paths: {
      "minna-baas": ["../../src/index.ts"],
      "minna-baas/sandbox": ["../../src/sandbox/index.ts"],
      "minna-baas/testing": ["../../src/testing/index.ts"],
      "minna-baas/*": ["../../src/stores/*.ts"],
    },
    isolatedDeclarations: false,
    declaration: false,
    noUnusedLocals: false,
  };
  const names = snippets.map((_, at) => `snippet-${at + 1}.ts`);
  const files: [string, string][] = [
    ["tsconfig.json", JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["."] })],
    // What the compiler must refuse: else it has looked at nothing.
    ["wrong.ts", 'import type { Profile } from "minna-baas";\nexport const profile: Profile = "fapi3";\n'],
    ...snippets.map(({ heading, code }, at): [string, string] => [
      names[at] ?? "",
      `${DECLARED[heading] ?? ""}\nexport {};\n// README.md, ${heading}\n${code}`,
    ]),
  ];
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const compiled = await promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"]).catch(
    (error: { stdout: string }) => error,
  );
  const complaints = compiled.stdout.split("\n").filter(line => line.includes("error TS"));
  const [expected, ...others] = complaints.sort(
    (a, b) => Number(b.includes("wrong.ts")) - Number(a.includes("wrong.ts")),
  );
  const placed = others.map(line =>
    line.replace(/^.*?snippet-(\d+)\.ts/, (_, number) => `${snippets[number - 1]?.heading} (snippet ${number})`),
  );
  expect(placed).toEqual([]);
  expect(expected).toContain("wrong.ts");
});

it("the README's first screen is the example that is compiled and run", async () => {
  const [first] = snippetsOf(await read("README.md"));
  expect(first?.code).toBe(await read("examples/link-and-charge.ts"));
});

it("every error class has its row in the README", async () => {
  const errors = [...(await read("src/errors.ts")).matchAll(/^export \{.*?\b(?!Minna)(\w+Error)\b.* \} from/gm)].map(
    ([, name]) => name,
  );
  const readme = await read("README.md");
  expect(errors.length).toBeGreaterThan(8);
  for (const name of errors) expect(readme).toContain(`| \`${name}\` |`);
});
