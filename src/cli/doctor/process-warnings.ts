/**
 * What this package warns the process of, while something is tried.
 *
 * @module
 */

export interface ProcessWarning {
  readonly code: string;
  readonly message: string;
  readonly detail: string;
}

/** Runs the work, and collects this package's warnings in the place of printing them. Others' are printed as always. */
export async function listening<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly warnings: readonly ProcessWarning[] }> {
  const warnings: ProcessWarning[] = [];
  const usual = process.listeners("warning");
  const listener = (warning: Error & { readonly code?: string; readonly detail?: string }): void => {
    const { code = "", message, detail = "" } = warning;
    if (warning.name === "MinnaBaasWarning") warnings.push({ code, message, detail });
    else for (const one of usual) one.call(process, warning);
  };
  process.removeAllListeners("warning");
  process.on("warning", listener);
  try {
    const value = await work();
    // A warning is emitted in the next tick.
    await new Promise(resolve => setImmediate(resolve));
    return { value, warnings };
  } finally {
    process.removeListener("warning", listener);
    for (const one of usual) process.on("warning", one);
  }
}
