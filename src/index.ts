/**
 * minna-baas: link customers' accounts at みんなの銀行 and charge them, over FAPI 1.0 Advanced or FAPI 2.0.
 *
 * @module minna-baas
 * @packageDocumentation
 */
export type { Introspection } from "./authorization/introspection.js";
export type { Callback } from "./authorization/response.js";
export type { UserInfo } from "./authorization/userinfo.js";
export type { Account, Accounts, Balance } from "./bank/accounts.js";
export type { Debit, DebitFailureCode, DebitKind } from "./bank/debit.js";
export type { CreateDebit } from "./bank/debit-order.js";
export type { Debits } from "./bank/debits.js";
export type { Identity, IdentityApi } from "./bank/identity.js";
export { compareKana, compareName, type NameComparison } from "./bank/names.js";
export type { OpenDebit, OpenDebits, RecoveredDebit, SettledDebit, UnsettledDebit } from "./bank/open-debits.js";
export type { Resealed } from "./bank/reseal.js";
export type { Deposit, Page, Rows, RowsRange, Transaction } from "./bank/rows.js";
export { toVerifiedClaims, type VerifiedClaims } from "./bank/verified-claims.js";
export { type Link, MinnaClient, type MinnaClientOptions, type ReadyOptions, type RotatedKeys } from "./client.js";
export type { ClientCertificate, ClientCertificateLoader } from "./config/certificate.js";
export type { ClientCertificateFiles } from "./config/certificate-source.js";
export type { CompanionScope, ContractOptions, HeaderName, PathName, QueryName, Scope } from "./config/contract.js";
export type {
  Decryption,
  DecryptionKey,
  DecryptionLoader,
  EncryptedResponse,
  KeyManagementAlgorithm,
} from "./config/decryption.js";
export { type Environment, optionsFromEnvironment } from "./config/environment.js";
export type { JstDate, JstDateTime } from "./config/jst.js";
export type { PrivateKey } from "./config/key.js";
export type {
  Codes,
  CodeTable,
  Operation,
  OperationAnswer,
  OperationName,
  OperationRequest,
  Operations,
} from "./config/operations.js";
export type {
  CommonOptions,
  Fapi1AdvancedOptions,
  Fapi2MessageSigningOptions,
  Fapi2SecurityOptions,
  ProfileOptions,
} from "./config/options.js";
export type { Profile, SigningAlgorithm } from "./config/profile.js";
export type { SealingKey, SealingOptions } from "./config/sealing.js";
export type { SigningKeys, SigningKeysLoader } from "./config/signers.js";
export type { ExternalSigner, Signing, SigningKey } from "./config/signing.js";
export {
  ApiError,
  ArgumentError,
  AuthorizationError,
  ConfigurationError,
  type ConfigurationProblem,
  DebitOutcomeUnknownError,
  LinkError,
  MinnaError,
  type MinnaErrorDetails,
  type OAuthEndpoint,
  OAuthError,
  type SideEffect,
  SigningError,
  StoreError,
  type SupportBundle,
  type SupportRequest,
  TransportError,
  type ValidationCheck,
  ValidationError,
} from "./errors.js";
export type { WithInteractionId } from "./links/decode.js";
export type { ExpiringLink } from "./links/expiring.js";
export type { Grant, GrantStatus } from "./links/grant.js";
export type { BeginLink, BegunLink, Links } from "./links/links.js";
export { MemoryStore } from "./links/memory-store.js";
export type { MigrationCount, MigrationReport } from "./links/migration.js";
export type { LinkInfo } from "./links/record.js";
export type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "./links/store.js";
export type { CallOptions } from "./transport/call.js";
export type { CloseOptions } from "./transport/calls.js";
export {
  type CallMessage,
  type CallName,
  type CertificateMessage,
  CHANNELS,
  type DebitMessage,
  type RefreshMessage,
  type RequestMessage,
  type StoreMessage,
  type TracedMessage,
} from "./transport/channels.js";
export type { CertificateInUse } from "./transport/generation.js";
