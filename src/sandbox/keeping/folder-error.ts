/**
 * Why a folder can't be used to keep a sandbox in.
 *
 * @module
 */

/**
 * What is in the way: the folder is not a sandbox's (`foreign`), another one is running on it (`in_use`), a file in it is
 * not what was written (`damaged`) or was written by another version (`other_version`), or what the bank knew was kept
 * beside other keys (`other_keys`).
 */
export type SandboxFolderProblem = "foreign" | "in_use" | "damaged" | "other_version" | "other_keys";

const SENTENCES: Readonly<Record<SandboxFolderProblem, string>> = {
  foreign: "is no sandbox's folder, and not empty: name another one; nothing in it was touched",
  in_use: "is in use by a sandbox that is running: stop that one, or name another folder",
  damaged: "is not as the sandbox wrote it: delete it to begin anew",
  other_version: "was written by another version of minna-baas: use that one, or delete it to begin anew",
  other_keys: "was kept beside other keys, which its tokens are bound to: name the folder of those, or delete it",
};

/** A folder that the sandbox was told to keep something in can't be used. Nothing in it has been changed. */
export class SandboxFolderError extends Error {
  /** What is in the way. */
  readonly code: SandboxFolderProblem;
  /** The folder, or the file in it. */
  readonly path: string;

  constructor(code: SandboxFolderProblem, path: string) {
    super(`${path} ${SENTENCES[code]}`);
    this.name = "SandboxFolderError";
    this.code = code;
    this.path = path;
  }
}
