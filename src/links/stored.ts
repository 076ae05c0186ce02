/**
 * Values as they come back from the store.
 *
 * @module
 */
import { StoreError } from "../errors.js";
import type { StoreEntry } from "./store.js";

/** Reads what was put as JSON. A value that is cut off or garbled is the store's failure. */
export function parseStored<T>({ value }: StoreEntry): T {
  try {
    return JSON.parse(value) as T;
  } catch {
    throw new StoreError("get", "store_failed", "an entry that is not what was put");
  }
}
