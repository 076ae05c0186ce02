/** Which faults meet whom. */
import type { Profile } from "../../src/index.js";
import { FAULT_NAMES, type FaultName } from "../../src/sandbox/index.js";

const LINKING = /^(server-certificate|tls|discovery|metadata|jwks|par|response|error|jarm|id-token|token)-/;
const ENCRYPTION = /-encrypt/;

/** What needs a refresh to strike, or strikes there too. */
const REFRESHING = /^refresh-|-on-refresh$|^id-token-signature-bad$|^token-(scope-narrowed|response-html|type-dpop)$/;

/** What can't strike while an account is linked in a profile: there is no such answer. */
const ABSENT: Readonly<Record<Profile, RegExp>> = {
  "fapi1-advanced": /^response-(iss-missing|jarm-when-plain-expected)$/,
  "fapi2-security": /^jarm-|^response-plain-when-jarm-expected$/,
  "fapi2-message-signing": /^response-(iss-missing|jarm-when-plain-expected)$/,
};

/** Faults that strike while an account is linked. */
export function linkingFaults(profile: Profile): readonly FaultName[] {
  const absent = ABSENT[profile];
  return FAULT_NAMES.filter(
    name => LINKING.test(name) && !ENCRYPTION.test(name) && !name.endsWith("-on-refresh") && !absent.test(name),
  );
}

/** Faults that strike while a link is used. */
export const USING_FAULTS: readonly FaultName[] = FAULT_NAMES.filter(name => !LINKING.test(name) || isRefreshing(name));

/** Whether the fault wants a refresh. */
export function isRefreshing(name: FaultName): boolean {
  return REFRESHING.test(name);
}

/** Faults of encryption, for a client that has registered it. */
export function encryptionFaults(profile: Profile): readonly FaultName[] {
  return FAULT_NAMES.filter(name => ENCRYPTION.test(name) && !ABSENT[profile].test(name));
}
