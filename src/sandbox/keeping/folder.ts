/**
 * A folder that a sandbox keeps something in: for its owner's eyes, and for one sandbox at a time.
 *
 * @module
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { SandboxFolderError } from "./folder-error.js";
import { type Lock, takeLock } from "./lock.js";

const MARKER = ".minna-baas-sandbox";
const IGNORE = ".gitignore";
const LOCK = "sandbox.lock";

export class Folder {
  readonly path: string;
  readonly #lock: Lock;

  private constructor(path: string, lock: Lock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Opens a sandbox's folder, or makes one.
   *
   * @throws SandboxFolderError where it is another's, or in use.
   */
  static async open(given: string): Promise<Folder> {
    const path = resolve(given);
    claim(path);
    const lock = await takeLock(join(path, LOCK));
    if (lock === undefined) throw new SandboxFolderError("in_use", path);
    return new Folder(path, lock);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The text of a file; `undefined` where there is none. */
  read(name: string): string | undefined {
    const file = this.file(name);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  }

  /** Writes a whole file: whoever dies meanwhile leaves the old one or the new one. */
  replace(name: string, text: string): void {
    const file = this.file(name);
    // What is left of somebody who died is not written into: it may be a link, or have another mode.
    rmSync(`${file}.new`, { force: true });
    writeFileSync(`${file}.new`, text, { mode: 0o600, flag: "wx" });
    renameSync(`${file}.new`, file);
  }

  close(): void {
    this.#lock.release();
  }
}

/** Makes the folder a sandbox's, unless it is already, or holds what is not ours. */
function claim(path: string): void {
  const found = existsSync(path) ? entriesOf(path) : undefined;
  const ours = found?.includes(MARKER) === true;
  if (!ours && found !== undefined && found.length > 0) throw new SandboxFolderError("foreign", path);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // Also where it is ours: this fails in a folder that another user owns, who could put keys of their own into it.
  chmodSync(path, 0o700);
  if (!ours) {
    // First of all: a folder with this file in it is ours, whatever became of who made it.
    writeFileSync(join(path, MARKER), "Made by the sandbox of minna-baas. Private keys: for development only.\n", {
      mode: 0o600,
    });
  }
  // A copy of the folder, or somebody's tidying, may have left it out.
  if (!found?.includes(IGNORE)) writeFileSync(join(path, IGNORE), "*\n", { mode: 0o600 });
}

function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") throw new SandboxFolderError("foreign", path);
    throw error;
  }
}
