/**
 * The checks in their order, from the outside in: none needs what comes after it.
 *
 * @module
 */
import { api } from "./api.js";
import { certificate } from "./certificate.js";
import type { Check } from "./check.js";
import { clock } from "./clock.js";
import { discovery } from "./discovery.js";
import { issuerHost } from "./issuer-host.js";
import { jwks } from "./jwks.js";
import { keys } from "./keys.js";
import { mtls } from "./mtls.js";
import { options } from "./options.js";
import { push } from "./push.js";
import { runtime } from "./runtime.js";
import { store } from "./store.js";
import { surroundings } from "./surroundings.js";
import { versionEnd } from "./version-end.js";

export const CHECKS: readonly Check[] = [
  runtime,
  surroundings,
  options,
  certificate,
  keys,
  versionEnd,
  issuerHost,
  discovery,
  mtls,
  api,
  jwks,
  clock,
  store,
  push,
];
