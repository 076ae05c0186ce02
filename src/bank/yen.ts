/**
 * Money: integer yen.
 *
 * @module
 */
import { z } from "zod";

/** An amount in yen, an integer. On the wire it may be a decimal string; beyond 2^53-1 it is refused, never rounded. */
export const yen: z.ZodType<number> = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?(0|[1-9]\d{0,15})$/)
      .transform(Number),
  ])
  .refine(Number.isSafeInteger);
