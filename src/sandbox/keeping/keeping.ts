/**
 * What a sandbox keeps for the next time: its keys, and what the bank knows, in one folder or in two.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { Settings } from "../options.js";
import { type Archive, NO_ARCHIVE } from "./archive.js";
import { Folder } from "./folder.js";
import { JournalArchive } from "./journal-archive.js";
import { Keyring } from "./keyring.js";

export interface Keeping {
  readonly keyring: Keyring;
  /** Opens what the bank knew, beside the authority that its tokens' certificates come from. */
  openArchive(authority: string): Archive;
  /** Saves, and gives the folders back. */
  close(): void;
}

/** Opens the folders, or none of them. */
export async function openKeeping({ keys, state }: Pick<Settings, "keys" | "state">): Promise<Keeping> {
  const folders = new Map<string, Folder>();
  const open = async (path: string | undefined): Promise<Folder | undefined> => {
    if (path === undefined) return undefined;
    const folder = folders.get(resolve(path)) ?? (await Folder.open(path));
    folders.set(resolve(path), folder);
    return folder;
  };
  let archive: JournalArchive | undefined;
  const close = () => {
    try {
      archive?.close();
    } finally {
      for (const folder of folders.values()) folder.close();
    }
  };
  try {
    // Tokens are bound to certificates: who keeps the one keeps the other.
    const keyring = Keyring.open(await open(keys ?? state));
    const stateFolder = await open(state);
    return {
      keyring,
      openArchive(authority) {
        if (stateFolder === undefined) return NO_ARCHIVE;
        archive = JournalArchive.open(stateFolder, createHash("sha256").update(authority).digest("base64url"));
        return archive;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
