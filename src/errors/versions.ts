/**
 * The versions of what is at work.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { VERSION } from "../version.js";

const NAME = "minna-baas";
const DEPENDENCIES: readonly string[] = ["openid-client", "undici"];

let known: Readonly<Record<string, string>> | undefined;

/** The versions of this package, of Node and of OpenSSL; of the dependencies, too, where this package is not bundled. */
export function versionsAtWork(): Readonly<Record<string, string>> {
  known ??= Object.freeze({
    [NAME]: VERSION,
    node: process.versions.node,
    openssl: process.versions.openssl,
    ...dependencies(),
    platform: `${process.platform} ${process.arch}`,
  });
  return known;
}

function dependencies(): Readonly<Record<string, string>> {
  try {
    const here = createRequire(import.meta.url);
    // In a bundle, what lies around may be another version than what is inside.
    if (manifest(here.resolve("../../package.json")).name !== NAME) return {};
    return Object.fromEntries(DEPENDENCIES.map(name => [name, manifest(here.resolve(`${name}/package.json`)).version]));
  } catch {
    return {};
  }
}

function manifest(file: string): { readonly name: string; readonly version: string } {
  return JSON.parse(readFileSync(file, "utf8"));
}
