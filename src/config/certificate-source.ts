/**
 * The ways in which a partner hands over the client certificate.
 *
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ConfigurationError } from "../errors.js";
import {
  type CheckedCertificate,
  type ClientCertificate,
  checkCertificate,
  checkLoadedCertificate,
} from "./certificate.js";
import { isObject, kindOf, type Problems } from "./problems.js";
import { givenSource, type Loader, loadedSource, type Source } from "./source.js";

/**
 * A client certificate in files, which are read when it is first needed, and again when they have changed: they are looked
 * at every ten seconds at most, while calls are made. A pair of which only one half has been written is tried again.
 */
export interface ClientCertificateFiles {
  /** The file of {@link ClientCertificate.cert}, PEM: a path or a `file:` URL. */
  readonly certFile: string | URL;
  /** The file of {@link ClientCertificate.key}, PEM. */
  readonly keyFile: string | URL;
  /** The passphrase of the key, where it is encrypted. */
  readonly passphrase?: string;
  /** A file with certificates of a private CA, as {@link ClientCertificate.ca}. */
  readonly caFile?: string | URL;
}

/** The files by what they hold. */
type Files = Readonly<Partial<Record<"cert" | "key" | "ca", string>>>;

const NAMES = ["certFile", "keyFile", "passphrase", "caFile"];
const TEN_SECONDS = 10_000;
const A_MINUTE = 60_000;

/** Checks `certificate` as far as it can be without I/O, and notes what is wrong with it. */
export function certificateSource(value: unknown, problems: Problems): Source<CheckedCertificate> {
  if (typeof value === "function") {
    return loadedSource("certificate", value as () => unknown, "{ cert, key }", checkLoadedCertificate);
  }
  if (!isObject(value)) {
    problems.add("certificate", "{ cert, key }, { certFile, keyFile } or a function that loads them", kindOf(value));
    return { option: "certificate", check: checkLoadedCertificate };
  }
  if ("certFile" in value || "keyFile" in value) return filesSource(value, problems);
  return givenSource("certificate", checkCertificate(value, problems) as CheckedCertificate, checkLoadedCertificate);
}

function filesSource(value: object, problems: Problems): Source<CheckedCertificate> {
  const given = value as Partial<Record<keyof ClientCertificateFiles, unknown>>;
  for (const name of Object.keys(given)) {
    if (!NAMES.includes(name)) problems.add(`certificate.${name}`, `one of ${NAMES.join(", ")}`, "an unknown option");
  }
  const { passphrase, caFile } = given;
  if (passphrase !== undefined && typeof passphrase !== "string") {
    problems.add("certificate.passphrase", "a string", kindOf(passphrase));
  }
  const files = {
    cert: readPath("certificate.certFile", given.certFile, problems),
    key: readPath("certificate.keyFile", given.keyFile, problems),
    ...(caFile === undefined ? {} : { ca: readPath("certificate.caFile", caFile, problems) }),
  };
  const secret = passphrase === undefined ? {} : { passphrase: passphrase as string };
  return Object.freeze({ option: "certificate", loader: watch(files, secret), check: checkLoadedCertificate });
}

function readPath(option: string, value: unknown, problems: Problems): string {
  try {
    const path = value instanceof URL ? fileURLToPath(value) : value;
    if (typeof path === "string" && path !== "" && !path.includes("\0")) return path;
  } catch {
    // A URL of something else than a file here.
  }
  problems.add(option, "the path of a file, or a file: URL", value instanceof URL ? "another URL" : kindOf(value));
  return "";
}

function watch(files: Files, passphrase: Pick<ClientCertificate, "passphrase">): Loader<CheckedCertificate> {
  let seen: string | undefined;
  return {
    every: TEN_SECONDS,
    patience: A_MINUTE,
    load: async (before, forced) => {
      // Before they are read: what changes meanwhile is seen the next time.
      const marks = (await eachOf(files, markOf)).join(" ");
      if (before !== undefined && !forced && marks === seen) return before;
      const [cert = "", key = "", ca] = await eachOf(files, path => readFile(path, "utf8"));
      const next = checkLoadedCertificate({ cert, key, ...passphrase, ...(ca === undefined ? {} : { ca }) }, before);
      // Only of what can be used: anything else is read again.
      seen = marks;
      return next;
    },
  };
}

/** A file that is replaced is another one, also behind a link and within the same second. */
async function markOf(path: string): Promise<string> {
  const { mtimeNs, size, ino } = await stat(path, { bigint: true });
  return `${mtimeNs}/${size}/${ino}`;
}

async function eachOf<T>(files: Files, read: (path: string) => Promise<T>): Promise<T[]> {
  return Promise.all(
    Object.entries(files).map(async ([name, path]) => {
      try {
        return await read(path);
      } catch (error) {
        // The path is the partner's own, and would be in the system's message.
        const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
        const option = `certificate.${name}File`;
        throw new ConfigurationError([
          { option, expected: "a file that can be read", found: `one that can't be (${code})` },
        ]);
      }
    }),
  );
}
