/**
 * A bank to build against: FAPI 1.0 Advanced and FAPI 2.0 over real mutual TLS, customers, money, and misbehaviour by
 * name. For development and tests; it listens on this machine only.
 *
 * @module minna-baas/sandbox
 */
export type { SandboxAccount, SandboxCustomer } from "./bank/customers.js";
export type { LedgerEntry, SandboxLedger } from "./bank/ledger.js";
export type { Choice as SandboxChoice } from "./browser.js";
export type {
  EncryptedResponse,
  EncryptionOptions,
  RegisteredClient,
  RegisteredDecryption,
  RegisteredKey,
  ReregisteredClient,
  SandboxClient,
  SandboxClients,
  SandboxProfile,
} from "./client.js";
export type { SandboxChannel, SandboxEndpoint, SandboxEvent } from "./events.js";
export type { FaultOdds } from "./faults/chance.js";
export { FAULT_NAMES, type FaultName } from "./faults/fault-name.js";
export type { FaultScope, SandboxFaults } from "./faults/faults.js";
export { SandboxFolderError, type SandboxFolderProblem } from "./keeping/folder-error.js";
export type { SandboxOptions } from "./options.js";
export { type Sandbox, startSandbox } from "./sandbox.js";
export type { CertificateOptions } from "./tls/authorities.js";
export type { CertificatePair } from "./tls/authority.js";
