/**
 * The partner's own store: whether it keeps what the client needs it to keep. With keys of its own, which it takes away.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { isObject } from "../../config/problems.js";
import { StoreError } from "../../errors.js";
import { GuardedStore } from "../../links/guarded-store.js";
import { MemoryStore } from "../../links/memory-store.js";
import type { Store } from "../../links/store.js";
import { type Check, check } from "./check.js";
import { type Finding, ok, problem, quoted, skipped, warning } from "./finding.js";
import { listening } from "./process-warnings.js";
import { STORE_STEPS, type StoreStep } from "./store-steps.js";

/** Milliseconds of a round trip that a customer begins to notice, since a link takes several. */
const SLOW = 100;

export const store: Check = check({
  id: "store",
  title: { en: "Store", ja: "ストア" },
  needs: ["configurations"],
  run: async ({ configurations, store: given }, { file, content, timeout }) => {
    if (content.kind === "environment") {
      const found = {
        en: "A file of variables holds no store: give a module that exports options with `store`",
        ja: "環境変数ファイルにはストアが含まれません。store を含む options をエクスポートするモジュールを指定してください",
      };
      return { findings: [skipped("store", found)] };
    }
    const { sealing } = configurations;
    const sealed = examineSealing(content.options, [...sealing.keys.keys()], sealing.current);
    if (given === undefined || isMemory(given)) return { findings: [inMemory(), ...sealed] };
    return { findings: [...(await examineStore(given, file, timeout)), ...sealed] };
  },
});

/** Another copy of this package has another class. */
function isMemory(given: Store): boolean {
  return given instanceof MemoryStore || given.constructor.name === "MemoryStore";
}

/** Goes through what a store must do, and stops at the first thing that it does not. */
export async function examineStore(given: Store, file: string, timeout: number): Promise<readonly Finding[]> {
  const guarded = new GuardedStore(given, timeout);
  const name = `minna-baas-doctor:${randomUUID()}`;
  const { value: findings, warnings } = await listening(() => goThrough(guarded, name, file));
  const warned = warnings.map(({ code, message, detail }) =>
    warning(
      "store.durable",
      { en: message, ja: message },
      {
        why: {
          en: "A debit in doubt must outlive a crash.",
          ja: "結果不明の口座振替は、障害後も残っている必要があります。",
        },
        fix: { en: detail, ja: detail },
      },
      code,
    ),
  );
  return [...findings, ...warned];
}

async function goThrough(store: Store, name: string, file: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  try {
    const begun = performance.now();
    await store.get(name);
    // The first one opens connections, and makes tables where it may.
    const opened = performance.now();
    await store.get(name);
    const time = Math.round(performance.now() - opened);
    findings.push(reached(time, Math.round(opened - begun)));
    for (const step of STORE_STEPS) {
      if (await step.run(store, name)) findings.push(ok(`store.${step.id}`, step.kept));
      else findings.push(broken(step));
    }
  } catch (error) {
    findings.push(failed(error, file));
  } finally {
    await Promise.allSettled([store.take(name), store.unlock(name, "one"), store.unlock(name, "two")]);
  }
  return findings;
}

function reached(time: number, first: number): Finding {
  const found = {
    en: `Reachable: ${time} ms for a round trip (the first took ${first} ms)`,
    ja: `接続可能: 往復 ${time} ms(初回 ${first} ms)`,
  };
  if (time <= SLOW) return ok("store.reachable", found);
  return warning("store.reachable", found, {
    why: {
      en: "Each call of the bank takes several round trips.",
      ja: "銀行への 1 回の呼び出しで、ストアと数回やり取りします。",
    },
    fix: {
      en: "Put the database near the application.",
      ja: "データベースをアプリケーションの近くに配置してください。",
    },
  });
}

function broken({ id, lost }: StoreStep): Finding {
  return problem(`store.${id}`, lost, {
    why: {
      en: "Links and debits rely on it: a debit could be sent twice, or a link lost.",
      ja: "口座連携と口座振替の前提です。口座振替の二重送信や、連携の消失につながります。",
    },
    fix: {
      en: "Run storeContract() of minna-baas/testing against the store: it tells what is missing.",
      ja: "minna-baas/testing の storeContract() をストアに対して実行し、不足を確認してください。",
    },
  });
}

function failed(error: unknown, file: string): Finding {
  const code = error instanceof StoreError ? error.code : "store_failed";
  // GuardedStore repeats names and codes only.
  const message = error instanceof StoreError ? error.message : "";
  if (code === "store_not_migrated") {
    const found = { en: "Its tables are not there, or not up to date", ja: "テーブルがないか、最新ではありません" };
    return problem("store.migrated", found, {
      why: { en: "Every call that needs the store fails.", ja: "ストアを使う処理がすべて失敗します。" },
      fix: {
        en: "Migrate: the module must export the store, as `store` or by default. Where only others may, --print shows the SQL.",
        ja: "マイグレーションを実行してください(モジュールが store としてストアをエクスポートしている必要があります)。権限がない場合は、--print の SQL を管理者に渡してください。",
      },
      command: `npx minna-baas migrate ${quoted(file)}`,
    });
  }
  if (code === "store_not_durable") {
    return problem(
      "store.durable",
      { en: message, ja: `口座振替の記録を失うおそれのある設定です(${message})` },
      {
        why: {
          en: "The store refuses to keep debits: debits.create() fails.",
          ja: "ストアが口座振替の記録を拒否し、debits.create() が失敗します。",
        },
        fix: {
          en: "Set the database so that it outlives a crash; Redis: appendonly yes, appendfsync always, maxmemory-policy noeviction.",
          ja: "障害後もデータが残る設定にしてください(Redis: appendonly yes、appendfsync always、maxmemory-policy noeviction)。",
        },
        command: "redis-cli CONFIG GET 'append*'",
      },
    );
  }
  return problem(
    "store.reachable",
    { en: message || "It failed", ja: `ストアの処理に失敗しました(${message})` },
    {
      why: {
        en: "Without the store nothing can be linked or charged.",
        ja: "ストアがないと、口座連携も口座振替もできません。",
      },
      fix: {
        en: "Look at the database's address, credentials and log, and whether this machine may reach it.",
        ja: "データベースのアドレス・認証情報・ログと、この機械から接続できるかを確認してください。",
      },
    },
  );
}

function inMemory(): Finding {
  const found = { en: "Everything is kept in memory (MemoryStore)", ja: "すべてメモリ上に保存されます(MemoryStore)" };
  return warning("store.persistent", found, {
    why: {
      en: "Links, and debits in doubt, die with the process.",
      ja: "プロセスが終了すると、口座連携も、結果不明の口座振替の記録も失われます。",
    },
    fix: {
      en: "Before production: postgresStore() of minna-baas/postgres, or redisStore() of minna-baas/redis.",
      ja: "本番前に、minna-baas/postgres の postgresStore() か minna-baas/redis の redisStore() を使ってください。",
    },
  });
}

function examineSealing(options: object, kids: readonly string[], current: string | undefined): readonly Finding[] {
  const id = "store.sealing";
  if (kids.length === 0) {
    const found = { en: "What is stored is not sealed", ja: "保存データは暗号化されていません" };
    return [
      warning(id, found, {
        why: {
          en: "Who reads the database reads tokens and personal data.",
          ja: "データベースを読める者は、トークンや個人情報も読めます。",
        },
        fix: {
          en: "Give sealing.keys: 32 random bytes, from your secret manager.",
          ja: "sealing.keys に 32 バイトの乱数の鍵を、シークレットマネージャーから渡してください。",
        },
        command: `node -p "crypto.randomBytes(32).toString('base64url')"`,
      }),
    ];
  }
  const plain =
    "sealing" in options && isObject(options.sealing) && "plain" in options.sealing ? options.sealing.plain : "refuse";
  const list = kids.join(", ");
  const under = current ?? "-";
  const found = { en: `Sealed under ${under}; keys: ${list}`, ja: `暗号化の鍵: ${under}(登録済み: ${list})` };
  if (plain === "refuse") return [ok(id, found)];
  return [
    warning(
      id,
      { en: `${found.en}; plain: ${plain}`, ja: `${found.ja}、plain: ${plain}` },
      {
        why: {
          en: "Entries that are not sealed are taken: this is for the time of the change only.",
          ja: "暗号化されていないデータも受け付ける、移行期間用の設定です。",
        },
        fix: {
          en: "Go on with the change: reseal, then remove `plain`.",
          ja: "移行を進め、reseal の後に plain を削除してください。",
        },
        command: "npx minna-baas reseal MODULE",
      },
    ),
  ];
}
