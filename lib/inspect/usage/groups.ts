// Sums of usage by the keys that were asked for: one group a combination of keys and currency.
import { Money } from "../../policy/money.ts";
import type { UsageKey } from "../../policy/usage-key.ts";
import type { UsageRecord } from "../../records/runtime-kinds.ts";
import type { UsedTurn } from "../../sources/source.ts";

const FIELDS: { readonly [key in UsageKey]: keyof UsageRecord } = {
  day: "day",
  workspace: "workspace_id",
  session: "session_id",
  turn: "turn_id",
  agent: "agent_name",
  provider: "provider",
  model: "model",
};

const TOKENS = [
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "thought_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
] as const;

type TurnUsage = Pick<UsedTurn, "timestamp" | "tokens" | "cost" | "currency">;

export type UsageIdentity = Pick<UsageRecord, "runtime" | "home">;

/** Values of the keys of one turn. */
export type KeyValues = { readonly [key in UsageKey]?: string | null };

export class UsageGroups {
  #keys: readonly UsageKey[];
  #groups = new Map<string, Group>();

  /** Without keys everything falls into one group a currency. */
  constructor(keys: readonly UsageKey[]) {
    this.#keys = keys;
  }

  add(used: TurnUsage, values: KeyValues): void {
    const own = this.#keys.map((key) => values[key] ?? null);
    const id = JSON.stringify([...own, used.currency]);
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, (group = new Group(own, used.currency)));
    group.add(used);
  }

  /** Takes the groups out, sorted by their keys. */
  *drain(identity: UsageIdentity): Generator<UsageRecord> {
    const groups = [...this.#groups.values()].sort((a, b) => compareNames(a.names, b.names));
    this.#groups.clear();
    for (const group of groups) yield group.record(identity, this.#keys);
  }
}

class Group {
  readonly names: readonly (string | null)[];
  #values: readonly (string | null)[];
  #currency: string | null;
  #turns = 0;
  #tokens: (number | null)[] = TOKENS.map(() => null);
  #cost: Money | undefined;
  #first: string | undefined;
  #last: string | undefined;

  constructor(values: readonly (string | null)[], currency: string | null) {
    this.#values = values;
    this.#currency = currency;
    this.names = [...values, currency];
  }

  add({ timestamp, tokens, cost }: TurnUsage): void {
    this.#turns++;
    for (let at = 0; at < tokens.length; at++) {
      const count = tokens[at];
      if (typeof count === "number") this.#tokens[at] = (this.#tokens[at] ?? 0) + count;
    }
    if (cost !== null) (this.#cost ??= new Money()).add(cost);
    if (this.#first === undefined || timestamp < this.#first) this.#first = timestamp;
    if (this.#last === undefined || timestamp > this.#last) this.#last = timestamp;
  }

  record({ runtime, home }: UsageIdentity, keys: readonly UsageKey[]): UsageRecord {
    const named = Object.fromEntries(keys.map((key, at) => [FIELDS[key], this.#values[at]!]));
    return {
      kind: "usage",
      runtime,
      home,
      id: keys.length === 0 ? ["total", ...currencyPart(this.#currency)].join("/") : idOf(this.names),
      ...named,
      turns: this.#turns,
      ...(Object.fromEntries(TOKENS.map((name, at) => [name, this.#tokens[at]!])) as Tokens),
      tokens_basis: this.#tokens.some((count) => count !== null) ? "reported" : "unknown",
      cost_amount: this.#cost?.amount ?? null,
      cost_currency: this.#currency,
      cost_basis: this.#cost ? "reported" : "unknown",
      first_at: this.#first ?? null,
      last_at: this.#last ?? null,
    };
  }
}

type Tokens = Pick<UsageRecord, (typeof TOKENS)[number]>;

const currencyPart = (currency: string | null): string[] => (currency === null ? [] : [currency]);

/** The keys joined; a key without a value is `-`. */
function idOf(names: readonly (string | null)[]): string {
  const keys = names.slice(0, -1).map((name) => name ?? "-");
  return [...keys, ...currencyPart(names.at(-1) ?? null)].join("/");
}

/** Part by part; null comes first. */
function compareNames(a: readonly (string | null)[], b: readonly (string | null)[]): number {
  for (let at = 0; at < a.length; at++) {
    const [one, two] = [a[at] ?? "", b[at] ?? ""];
    if (one !== two) return one < two ? -1 : 1;
  }
  return 0;
}
