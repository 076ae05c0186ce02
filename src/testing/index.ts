/**
 * Contracts that a partner's own parts must keep, as tests for any runner.
 *
 * @module minna-baas/testing
 * @packageDocumentation
 */
export type { PrivateKey } from "../config/key.js";
export type { SigningAlgorithm } from "../config/profile.js";
export type { ExternalSigner, Signing, SigningKey } from "../config/signing.js";
export type { StoreError } from "../errors.js";
export type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "../links/store.js";
export type { ContractTest } from "./contract.js";
export { type SignerContractOptions, signerContract } from "./signer.js";
export { type StoreContractOptions, storeContract } from "./store.js";
