/** Ajv, whose CommonJS default exports look different to Node and to TypeScript. */

import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

export type { ValidateFunction } from "ajv/dist/2020.js";
export { Ajv2020 };
export const addFormats: typeof formats.default = formats as unknown as typeof formats.default;
