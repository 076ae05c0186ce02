/** Everything that is measured, in the order of the report. */
import type { BenchCase, CountCase } from "./case.js";

export const CASES: readonly (BenchCase | CountCase)[] = [];
