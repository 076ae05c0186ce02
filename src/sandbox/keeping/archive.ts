/**
 * What the bank keeps of what it knows: tables of records, which outlive the process where there is a file for them.
 *
 * @module
 */

/** Records of one kind by their ids, in the order in which they were first put. */
export interface Table<Value> {
  /** Those of before, for who begins. */
  readonly kept: readonly (readonly [id: string, value: Value])[];
  /** Notes a record as it is, or will be when the archive is next saved. To be called again after each change. */
  put(id: string, value: Value): void;
  delete(id: string): void;
}

export interface Archive {
  table<Value>(name: string): Table<Value>;
  /** Writes what has changed, in one step. Called before each answer leaves. */
  save(): void;
}

/** Keeps nothing. */
export const NO_ARCHIVE: Archive = {
  table: () => ({ kept: [], put() {}, delete() {} }),
  save() {},
};
