/**
 * What a snippet of a page leaves to its reader: what was declared before, and what is theirs. By the page and the heading
 * that it stands under; a Japanese page has what its English one has.
 *
 * @module
 */
export const DECLARED: Readonly<Record<string, string>> = {
  "docs/production.md#The two routes, in full": `
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
  "README.md#Charging": `
    declare const minna: import("minna-baas").MinnaClient;
    declare const orders: {
      settle(reference: string, status: import("minna-baas").Debit["status"]): Promise<void>;
      reopen(reference: string): Promise<void>;
    };`,
  "docs/profiles.md#The signing key": `
    import { readFile } from "node:fs/promises";
    import { type ExternalSigner, MinnaClient, type MinnaClientOptions, type Signing } from "minna-baas";
    declare const rest: Pick<MinnaClientOptions, "issuer" | "clientId" | "redirectUri" | "certificate" | "api">;
    declare const connectToKms: () => Promise<ExternalSigner>;
    declare const test: (name: string, run: () => Promise<void>) => void;`,
  "docs/telemetry.md#With OpenTelemetry": `
    import { MinnaClient, type MinnaClientOptions } from "minna-baas";
    declare const options: MinnaClientOptions;`,
  "docs/telemetry.md#How many debits are open": `
    declare const minna: import("minna-baas").MinnaClient;`,
  "docs/telemetry.md#With anything else": `
    declare const log: { warn(entry: object): void };`,
  "docs/bank.md#How to change it": `
    import { type ContractOptions, MinnaClient, type MinnaClientOptions } from "minna-baas";
    declare const options: MinnaClientOptions;`,
  "docs/operations.md#A store that outlives the process": `
    import { MinnaClient, type MinnaClientOptions, type Store } from "minna-baas";
    declare const options: MinnaClientOptions;
    declare const openMyStore: () => Promise<Store>;
    declare const test: (name: string, run: () => Promise<void>) => void;`,
  "docs/operations.md#Sealed": `
    import { MinnaClient, type MinnaClientOptions, type Store } from "minna-baas";
    declare const options: MinnaClientOptions;
    declare const store: Store;
    declare const newKey: Uint8Array;
    declare const oldKey: Uint8Array;`,
  "docs/operations.md#Certificates and keys, without a restart": `
    import { MinnaClient, type ProfileOptions, type SigningKey } from "minna-baas";
    declare const options: Extract<ProfileOptions, { readonly profile: "fapi2-message-signing" }>;
    declare const newSigningKey: SigningKey;
    declare const oldSigningKey: SigningKey;
    declare const cert: string;
    declare const key: string;`,
  "docs/operations.md#From FAPI 1.0 to FAPI 2.0": `
    import { MinnaClient, type ProfileOptions, type Store } from "minna-baas";
    declare const fapi1: ProfileOptions;
    declare const fapi2: ProfileOptions;
    declare const store: Store;`,
  "docs/errors.md#Errors": `
    import { type MinnaClient, MinnaError } from "minna-baas";
    declare const minna: MinnaClient;
    declare const linkId: string;
    declare const log: Record<"error" | "warn", (line: string) => void>;`,
  "docs/errors.md#debit_outcome_unknown": `
    declare const minna: import("minna-baas").MinnaClient;
    declare const log: Record<"error" | "warn", (line: string) => void>;
    declare const orders: {
      settle(reference: string, status: import("minna-baas").Debit["status"]): Promise<void>;
      reopen(reference: string): Promise<void>;
    };`,
};
