/**
 * 本人確認済情報照会: what the bank knows of the person from its own check.
 *
 * @module
 */
import { json } from "./answer.js";
import type { Operation } from "./call.js";

export const readIdentity: Operation = {
  method: "GET",
  path: /^\/identity$/,
  scopes: ["identity"],
  run: ({ access }) => json(200, access.customer.identity),
};
