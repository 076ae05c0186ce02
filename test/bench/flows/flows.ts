/** The flows that are measured, in the order of the report. */
import type { BenchCase, CountCase } from "../case.js";
import { expiry } from "./expiry.js";
import { linkFapi1, linkFapi2, linkRequests, linkSigned } from "./link.js";
import { processes } from "./processes.js";
import { refreshing } from "./refresh.js";
import { rotation } from "./rotation.js";
import { signEs256, signPs256 } from "./sign.js";
import { verifyJarm } from "./verify.js";

export const FLOWS: readonly (BenchCase | CountCase)[] = [
  linkFapi1,
  linkFapi2,
  linkSigned,
  linkRequests,
  refreshing,
  expiry,
  processes,
  rotation,
  verifyJarm,
  signPs256,
  signEs256,
];
