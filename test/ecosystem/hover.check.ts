/** What an editor shows of a name that the pointer rests on. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, expect, inject, test } from "vitest";

/** Of the compiler's language service, only what is used here: an older compiler than ours, installed in the project. */
interface Compiler {
  readonly ScriptSnapshot: { fromString(text: string): unknown };
  readonly ModuleKind: { readonly NodeNext: number };
  readonly ModuleResolutionKind: { readonly NodeNext: number };
  readonly ScriptTarget: { readonly ES2022: number };
  readonly sys: { readFile(file: string): string | undefined; fileExists(file: string): boolean };
  createLanguageService(host: object): {
    getQuickInfoAtPosition(file: string, at: number): { displayParts?: Part[]; documentation?: Part[] } | undefined;
  };
  displayPartsToString(parts: Part[] | undefined): string;
  getDefaultLibFilePath(options: object): string;
}

interface Part {
  readonly text: string;
}

const project = inject("project");
const file = join(project, "journey.mts");
let hover: (name: string) => { shown: string; said: string };

beforeAll(async () => {
  const ts: Compiler = createRequire(join(project, "x.js"))("typescript-5.9");
  const source = await readFile(file, "utf8");
  const options = {
    strict: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
  };
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: () => "1",
    getScriptSnapshot: (name: string) => {
      const text = ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => project,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
  });
  hover = name => {
    const at = source.indexOf(name) + Math.max(name.lastIndexOf(" "), name.lastIndexOf(".")) + 1;
    const info = service.getQuickInfoAtPosition(file, at);
    return { shown: ts.displayPartsToString(info?.displayParts), said: ts.displayPartsToString(info?.documentation) };
  };
});

test.each([
  [
    "optionsFromEnvironment",
    "function optionsFromEnvironment(environment?: Environment): ProfileOptions",
    "The options that the environment holds",
  ],
  ["type MinnaClientOptions", "type MinnaClientOptions = ProfileOptions & {", "The options of a client"],
  ["new MinnaClient", "new MinnaClient(options: MinnaClientOptions): MinnaClient", "It asks nobody"],
  ["const minna", "const minna: MinnaClient", ""],
  ["links.begin", "Links.begin(", "prepares the authorization and returns where to send the customer"],
  ["links.complete", "Links.complete(", "verifies the bank's response, then exchanges its code, once"],
  ["begun.authorizationUrl", "BegunLink.authorizationUrl: string", "Redirect the browser here"],
  ["const begun", "const begun: BegunLink", ""],
  ["const link", "const link: Link", ""],
  ["accounts.transactions", ": Rows<Transaction>", "oldest first, page by page"],
  ["debits.create", "Debits.create(", "once for each reference"],
  ["const debit", "const debit: WithInteractionId<Debit>", ""],
  ["minna.ready", "MinnaClient.ready(", "discovers the bank now"],
  ["error.sideEffect", "MinnaError.sideEffect: SideEffect", "can have changed something at the bank"],
  ["const bank", "const bank: Sandbox", ""],
  ["await startSandbox", "startSandbox(options?: SandboxOptions): Promise<Sandbox>", "Starts a bank"],
])("%s", (name, shown, said) => {
  const info = hover(name);
  expect(info.shown).toContain(shown);
  expect(info.said).toContain(said);
  expect(info.shown.length).toBeLessThan(300);
});
