/** Which faults meet whom. */
import type { Profile } from "../../src/index.js";
import { FAULT_NAMES, type FaultName } from "../../src/sandbox/index.js";

const LINKING = /^(discovery|metadata|jwks|par|response|error|jarm|id-token|token)-/;

/** Faults that strike while an account is linked. Without JARM there is none to falsify. */
export function linkingFaults(profile: Profile): readonly FaultName[] {
  const signed = profile !== "fapi2-security";
  return FAULT_NAMES.filter(name => LINKING.test(name) && (signed || !name.startsWith("jarm-")));
}

/** Faults that strike while a link is used. */
export const USING_FAULTS: readonly FaultName[] = FAULT_NAMES.filter(name => !LINKING.test(name));
/** Faults of encryption, for a client that has registered it. */
export const ENCRYPTION_FAULTS: readonly FaultName[] = FAULT_NAMES.filter(name => /encrypt/.test(name));
