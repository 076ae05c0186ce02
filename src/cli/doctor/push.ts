/**
 * A real authorization request, pushed by the client itself. Nothing is opened, and no customer sees it.
 *
 * @module
 */
import { startAuthorization } from "../../authorization/request.js";
import { AuthorizationServer } from "../../authorization/server.js";
import type { Configuration } from "../../config/configuration.js";
import { COMPANION_SCOPES, SCOPES } from "../../config/contract.js";
import { MinnaError, OAuthError, ValidationError } from "../../errors.js";
import { withCall } from "../../transport/call.js";
import { Door } from "../../transport/door.js";
import { Generations } from "../../transport/generation.js";
import type { Bilingual } from "../language.js";
import { type Check, check } from "./check.js";
import { type Finding, ok, problem, skipped, warning } from "./finding.js";

export const push: Check = check({
  id: "push",
  title: { en: "Pushed authorization request", ja: "認可リクエスト(PAR)" },
  needs: ["configuration", "metadata", "certificateAccepted"],
  network: true,
  run: async ({ configuration }, { push: wanted, timeout }) => {
    if (!wanted) {
      const found = {
        en: "Not tried (--no-push): whether the bank knows this clientId, certificate, redirectUri and signing key",
        ja: "確認していません(--no-push)。clientId、証明書、redirectUri、署名鍵が登録どおりかどうかは分かりません",
      };
      return { findings: [skipped("push", found)] };
    }
    if (configuration.requestDelivery === "by-value") {
      const found = { en: "Requests go by value: there is nothing to push", ja: "by-value のため、PAR は使用しません" };
      return { findings: [skipped("push", found)] };
    }
    return { findings: [await pushOne(configuration, timeout)] };
  },
});

/** All that the contract has a scope for: what was not registered shows. */
function scopesOf({ contract }: Configuration): readonly string[] {
  return [...new Set([...COMPANION_SCOPES, ...SCOPES].flatMap(name => contract.scopes[name] ?? []))];
}

async function pushOne(configuration: Configuration, timeout: number): Promise<Finding> {
  const generations = new Generations(configuration);
  const server = new AuthorizationServer(configuration, new Door(generations));
  const scopes = scopesOf(configuration);
  try {
    const { expiresIn } = await withCall(undefined, timeout, call =>
      startAuthorization({ scopes }, { configuration, server, call }),
    );
    return ok("push.accepted", {
      en: `The bank took the request (${scopes.join(" ")}); it is over in ${expiresIn} s`,
      ja: `銀行が認可リクエストを受け付けました(${scopes.join(" ")}、有効期間 ${expiresIn} 秒)`,
    });
  } catch (error) {
    if (!(error instanceof MinnaError)) throw error;
    return explain(error, configuration);
  } finally {
    await generations.close();
  }
}

interface Meaning {
  readonly why: Bilingual;
  readonly fix: Bilingual;
}

/** What a refusal means here, and what to do. */
export function explain(error: MinnaError, configuration: Configuration): Finding {
  const id = error instanceof ValidationError ? error.check : error.code;
  const status = error instanceof OAuthError ? `(HTTP ${error.status})` : "";
  // Our own errors say nothing secret.
  const found = { en: error.message, ja: `失敗しました: ${id}${status}` };
  const interaction = error.interactionId === undefined ? undefined : `x-fapi-interaction-id ${error.interactionId}`;
  if (error instanceof OAuthError && (error.status === 429 || error.status >= 500)) {
    return warning("push.refused", found, BUSY, interaction);
  }
  return problem("push.refused", found, MEANINGS[id]?.(configuration) ?? OTHER, interaction);
}

const MEANINGS: Readonly<Record<string, (configuration: Configuration) => Meaning>> = {
  invalid_client: ({ clientId }) => ({
    why: {
      en: `The bank does not take the certificate for that of ${clientId}.`,
      ja: `証明書が、クライアント ${clientId} のものとして認められていません。`,
    },
    fix: {
      en: "Compare clientId, and the subject and x5t#S256 in this report, with the registration at the bank; after a renewal of the certificate, have the new one registered.",
      ja: "clientId と、この診断結果の subject・x5t#S256 を銀行の登録内容と照合してください。証明書の更新後は、新しい証明書の登録が必要なことがあります。",
    },
  }),
  invalid_request: ({ redirectUri, profile }) => ({
    why: {
      en: `Something in the request is not as registered: most often redirectUri (${redirectUri}), or the profile (${profile}).`,
      ja: `リクエストが登録内容と異なります。多くの場合、redirectUri(${redirectUri})かプロファイル(${profile})です。`,
    },
    fix: {
      en: "Compare redirectUri to the letter (slash, port, http or https), and ask which profile the client is registered for.",
      ja: "redirectUri を末尾の /、ポート、http・https まで照合し、登録されているプロファイルを銀行に確認してください。",
    },
  }),
  invalid_redirect_uri: ({ redirectUri }) => ({
    why: { en: `${redirectUri} is not registered.`, ja: `${redirectUri} は登録されていません。` },
    fix: {
      en: "Have it registered at the bank, or set redirectUri (MINNA_REDIRECT_URI) to the registered one.",
      ja: "銀行に登録するか、redirectUri(MINNA_REDIRECT_URI)を登録済みの値にしてください。",
    },
  }),
  invalid_scope: () => ({
    why: {
      en: "The client is not registered for one of the scopes.",
      ja: "登録されていないスコープが含まれています。",
    },
    fix: {
      en: "Set contract.scopes to the registered strings; null for a companion scope that the bank does not have.",
      ja: "contract.scopes を登録済みの値に合わせてください(銀行にない付随スコープは null)。",
    },
  }),
  invalid_request_object: () => ({
    why: {
      en: "The bank can't verify the signed request: another key, kid or algorithm than it has registered, or a wrong clock.",
      ja: "署名付きリクエストを検証できません。鍵・kid・アルゴリズムが登録内容と異なるか、時計がずれています。",
    },
    fix: {
      en: "Compare kid and RFC 7638 thumbprint in this report with what the bank has (publicJwks()), and the profile; see the clock in this report.",
      ja: "この診断結果の kid と RFC 7638 の値を銀行の登録内容(publicJwks())と照合し、プロファイルと時計も確認してください。",
    },
  }),
  unauthorized_client: ({ profile }) => ({
    why: { en: `The client may not do so in ${profile}.`, ja: `${profile} での利用が許可されていません。` },
    fix: {
      en: "Ask the bank what the client is registered for.",
      ja: "クライアントの登録内容を銀行に確認してください。",
    },
  }),
};

const BUSY: Meaning = {
  why: { en: "The bank is busy, or in maintenance.", ja: "銀行側の混雑、またはメンテナンスです。" },
  fix: { en: "Try again later.", ja: "時間をおいて再度実行してください。" },
};
const OTHER: Meaning = {
  why: { en: "links.begin() will fail in the same way.", ja: "links.begin() も同じように失敗します。" },
  fix: {
    en: "Give the bank's support the interaction id.",
    ja: "x-fapi-interaction-id を添えて、銀行のサポートに問い合わせてください。",
  },
};
