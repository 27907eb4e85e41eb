/**
 * The tables of the store, in a schema of their own so that they stand beside a company's tables without touching them.
 *
 * @since 0.1.0
 */
import { Fingerprints, IdSet } from "@tributary/core/runtime"
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import { int4Set } from "./Columns.ts"

/**
 * What a fresh store is made of. Statements run in order, in one transaction.
 *
 * Numbers are dense: profiles, identifiers, computations and activations are known to each other, and to every set, by
 * `no`. Sets (`bits`) are portable Roaring bitmaps of one chunk of 65,536 numbers.
 */
const initial: ReadonlyArray<string> = [
  // Who there is.
  `create table tributary.profile (
     no int generated always as identity primary key,
     collection text not null, id text not null, source text not null,
     traits jsonb not null default '{}', gone boolean not null default false,
     unique (collection, id))`,
  // An identifier's number is for ever. One that is gone keeps its last owner until no ledger knows it, and its
  // "added_at" is when it went.
  `create table tributary.identifier (
     no int generated always as identity primary key,
     collection text not null, type text not null, value text not null,
     profile_no int not null, added_at timestamptz not null, gone boolean not null default false,
     unique (collection, type, value))`,
  `create index identifier_profile on tributary.identifier (profile_no)`,
  // Who left an account keeps the row, so that what follows from it can say when that was.
  `create table tributary.account_user (
     account_no int not null, user_no int not null, since timestamptz not null, gone boolean not null default false,
     primary key (account_no, user_no))`,
  `create index account_user_user on tributary.account_user (user_no)`,
  `create table tributary.source (
     id text primary key, imported_at timestamptz, error text)`,

  // What is known: the latest result of every computation, and how it came about.
  `create table tributary.computation (
     no int generated always as identity primary key,
     collection text not null, key text not null, kind text not null, name text not null,
     removed boolean not null default false, evaluated_at timestamptz, size bigint not null default 0,
     unknown bigint not null default 0, error text,
     unique (collection, key))`,
  `create table tributary.evaluation (
     no bigint generated always as identity primary key, computation_no int not null,
     at timestamptz not null, entered bigint not null, exited bigint not null, size bigint not null)`,
  `create index evaluation_computation on tributary.evaluation (computation_no, no)`,
  `create table tributary.change (
     computation_no int not null, chunk int not null, evaluation_no bigint not null,
     entered bytea not null, exited bytea not null, primary key (computation_no, chunk, evaluation_no))`,
  `create table tributary.snapshot (
     computation_no int not null, chunk int not null, bits bytea not null, primary key (computation_no, chunk))`,
  `create table tributary.value (
     computation_no int not null, profile_no int not null, value jsonb not null,
     primary key (computation_no, profile_no))`,

  // What is owed: activations, who may differ, and who is being told right now.
  `create table tributary.destination (
     id text primary key, plugin text not null, epoch bigint not null default 0, owner text,
     stopped text, sealed_token text)`,
  `create table tributary.prepared (
     destination text not null, field text not null, primary key (destination, field))`,
  `create table tributary.activation (
     no int generated always as identity primary key,
     id text not null unique, destination text not null, form text not null, computation_no int not null,
     collection text not null, removed boolean not null default false, paused boolean not null default false,
     held text, approved boolean not null default false, baseline_due boolean not null default false, mapping text not null default '',
     list_id text, list_name text, settled_at timestamptz, refreshed_at timestamptz)`,
  `create table tributary.dirty (
     activation_no int not null, chunk int not null, lane smallint not null, bits bytea not null,
     primary key (activation_no, chunk, lane))`,
  `create table tributary.claim (
     no bigint generated always as identity primary key, destination text not null, epoch bigint not null,
     activation_no int not null, chunk int not null, lane smallint not null, bits bytea not null)`,
  `create index claim_destination on tributary.claim (destination, chunk)`,
  `create table tributary.postponed (
     activation_no int not null, profile_no int not null, attempts int not null, not_before timestamptz not null,
     reason text not null, primary key (activation_no, profile_no))`,

  // What was told.
  `create table tributary.ledger (
     activation_no int not null, kind text not null, chunk int not null,
     bits bytea not null, fingerprints bytea not null, again bytea not null,
     primary key (activation_no, kind, chunk))`,
  // Fingerprints do not compress; trying costs more than it saves.
  `alter table tributary.ledger alter column fingerprints set storage external`,
  `create table tributary.rejection (
     activation_no int not null, kind text not null, identifier_no int not null, profile_no int not null,
     attempt bigint not null, reason text not null, payload jsonb, at timestamptz not null,
     primary key (activation_no, kind, identifier_no))`,
  `create index rejection_profile on tributary.rejection (profile_no)`,
  `create table tributary.receipt (
     no bigint generated always as identity primary key, destination text not null, form text not null,
     receipt text not null, accepted_at timestamptz not null, poll_at timestamptz not null,
     polls int not null default 0, settlements jsonb not null, profiles bytea not null)`,
  `create index receipt_destination on tributary.receipt (destination, poll_at)`,
  `create table tributary.sync (
     no bigint generated always as identity primary key, activation_no int not null,
     started_at timestamptz not null, ended_at timestamptz, ending text,
     delivered bigint not null default 0, rejected bigint not null default 0, postponed bigint not null default 0,
     unattributed jsonb not null default '[]')`,
  `create index sync_activation on tributary.sync (activation_no, no)`
]

const loader = Migrator.fromRecord({
  "0001_initial": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (const statement of initial) yield* sql.unsafe(statement)
  }),
  // The fingerprint of the plugin's version and settings that rejections were last made under (R34).
  "0002_destination_version": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.destination add column version text`
  }),
  // What a claim is about to send: triples of int4 (kind, profile, identifier). After a crash it is in doubt.
  "0003_claim_intents": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.claim add column intents bytea not null default ''`
  }),
  // Destinations that rest, what was used of daily budgets, and why a sync ran and what went wrong in it.
  "0004_rest_budgets_history": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.destination add column failures int not null default 0,
      add column resting text, add column rests_until timestamptz, add column was_asked boolean not null default false`
    yield* sql`create table tributary.budget (
      no bigint generated always as identity primary key, name text not null, weight int not null, at timestamptz)`
    yield* sql`create index budget_name on tributary.budget (name, no)`
    yield* sql`alter table tributary.sync add column why text not null default 'changes',
      add column errors jsonb not null default '[]'`
    yield* sql`alter table tributary.activation add column cause text`
    // How often an import took identifiers from one profile to another.
    yield* sql`alter table tributary.source add column moves int not null default 0`
    // Activations that everybody is to leave: since when, and what an activation was like when it was removed.
    yield* sql`alter table tributary.activation add column on_removal text not null default 'leave',
      add column leaving text, add column leaving_at timestamptz, add column told_as jsonb`
  }),
  // What was told of traits, in blocks of 4,096 identifiers: a settled batch rewrites 40 kB and not 650.
  "0005_told_values": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`create table tributary.told_value (
      activation_no int not null, kind text not null, block int not null, fingerprints bytea not null,
      primary key (activation_no, kind, block))`
    yield* sql`alter table tributary.told_value alter column fingerprints set storage external`
    const rows = yield* sql<{ activation_no: number; kind: string; chunk: number; fingerprints: Uint8Array }>`
      select activation_no, kind, chunk, fingerprints from tributary.ledger where length(fingerprints) > 0`
    for (const { activation_no, chunk, fingerprints, kind } of rows) {
      const blocks = Map.groupBy(Fingerprints.decode(chunk, fingerprints), ([no]) => no >> 12)
      for (const [block, entries] of blocks) {
        yield* sql`insert into tributary.told_value (activation_no, kind, block, fingerprints)
          values (${activation_no}, ${kind}, ${block}, ${Fingerprints.encode(new Map(entries))}::bytea)`
      }
    }
    yield* sql`alter table tributary.ledger drop column fingerprints`
  }),
  // In blocks of 1,024 identifiers: a settled batch rewrites 10 kB and not 40. Intents are written once and read never.
  "0006_smaller_blocks": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.claim alter column intents set storage external`
    yield* sql`alter table tributary.told_value rename to told_value_4096`
    yield* sql`alter index tributary.told_value_pkey rename to told_value_4096_pkey`
    yield* sql`create table tributary.told_value (
      activation_no int not null, kind text not null, block int not null, fingerprints bytea not null,
      primary key (activation_no, kind, block))`
    yield* sql`alter table tributary.told_value alter column fingerprints set storage external`
    const keys = yield* sql<{ activation_no: number; kind: string; block: number }>`
      select activation_no, kind, block from tributary.told_value_4096 order by activation_no, kind, block`
    for (const { activation_no, block, kind } of keys) {
      const [row] = yield* sql<{ fingerprints: Uint8Array }>`select fingerprints from tributary.told_value_4096
        where activation_no = ${activation_no} and kind = ${kind} and block = ${block}`
      const entries = Fingerprints.decode(block >> 4, row?.fingerprints ?? new Uint8Array(0))
      for (const [smaller, own] of Map.groupBy(entries, ([no]) => no >> 10)) {
        yield* sql`insert into tributary.told_value (activation_no, kind, block, fingerprints)
          values (${activation_no}, ${kind}, ${smaller}, ${Fingerprints.encode(new Map(own))}::bytea)`
      }
    }
    yield* sql`drop table tributary.told_value_4096`
  }),
  // That ten million profiles lie in 153 chunks, which no planner would guess: it would sort them all.
  "0007_chunk_statistics": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`create statistics tributary.profile_chunk on (no >> 16) from tributary.profile`
    yield* sql`analyze tributary.profile`
  }),
  // How far the changes of a source were read, under which configuration, and when everything was read last. Profiles
  // that came since a computation was evaluated are evaluated with its next changes.
  "0008_changes": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (const table of ["source", "computation"]) {
      yield* sql`alter table tributary.${sql(table)} add column position text, add column position_type text,
        add column basis text, add column full_at timestamptz`
    }
    yield* sql`create table tributary.newcomer (
      computation_no int not null, profile_no int not null, primary key (computation_no, profile_no))`
  }),
  // A few identifiers of a large chunk are kept beside it, and a claim is one set, however many chunks it reaches over.
  "0009_few_of_many": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.claim drop column chunk`
    yield* sql`create index claim_destination on tributary.claim (destination)`
    yield* sql`alter table tributary.ledger add column told_since bytea not null default '',
      add column forgotten_since bytea not null default ''`
  }),
  // What a job was told, as sets: ten thousand members with two identifiers were a megabyte of JSON.
  "0010_receipt_sets": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`create table tributary.receipt_told (
      receipt_no bigint not null, activation_no int not null, kind text not null, identifiers bytea not null,
      primary key (receipt_no, activation_no, kind))`
    const rows = yield* sql<{ receipt_no: bigint; activation_no: number; kind: string; identifiers: Uint8Array }>`
      select r.no as receipt_no, (s->>0)::int as activation_no, s->>1 as kind,
        string_agg(int4send((s->>2)::int), ''::bytea) as identifiers
      from tributary.receipt r cross join jsonb_array_elements(r.settlements) s group by 1, 2, 3`
    for (const { activation_no, identifiers, kind, receipt_no } of rows) {
      yield* sql`insert into tributary.receipt_told (receipt_no, activation_no, kind, identifiers)
        values (${receipt_no}::bigint, ${activation_no}, ${kind}, ${IdSet.encode(int4Set(identifiers))}::bytea)`
    }
    yield* sql`alter table tributary.receipt drop column settlements`
  }),
  // An activation that changes nothing when it is removed is one that keeps: "leave" said the same of two things.
  "0011_keep_on_removal": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.activation alter column on_removal set default 'keep'`
    yield* sql`update tributary.activation set on_removal = 'keep' where on_removal = 'leave'`
  }),
  // How a sync ended, as data: a `SyncResult`, or that it was interrupted. It was "settled", "interrupted" or
  // "Tag: reason".
  "0012_sync_results": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.sync add column result jsonb`
    yield* sql`update tributary.sync set result = case ending
        when 'settled' then jsonb_build_object('_tag', 'Synced')
        when 'interrupted' then jsonb_build_object('_tag', 'Interrupted')
        else jsonb_build_object('_tag', split_part(ending, ': ', 1), 'reason', substr(ending, strpos(ending, ': ') + 2))
      end where ending is not null`
    yield* sql`alter table tributary.sync drop column ending`
  }),
  // Spellings of identifiers that a destination's vendor cannot tell apart: only those that are not their own key. Up to
  // which identifier they were looked for, and under which version and settings of the plugin.
  "0013_keys": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`create table tributary.spelling (
      destination text not null, identifier_no int not null, key_no int not null,
      primary key (destination, identifier_no))`
    yield* sql`create index spelling_key on tributary.spelling (destination, key_no)`
    yield* sql`alter table tributary.destination add column keyed_to int not null default 0, add column key_basis text`
  }),
  // How often a source was imported, and how often an operator or a configuration made exits due: a hold is looked at
  // again then. Identifiers that are gone are few, and are counted before a sync.
  "0014_holds": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.source add column imports int not null default 0`
    yield* sql`alter table tributary.activation add column news int not null default 0`
    yield* sql`create index identifier_gone on tributary.identifier (profile_no) where gone`
  }),
  // The sync that a job was sent in, whether it removes, and which identifiers another job moved the other way meanwhile.
  // How often in a row identifiers were sent again because a job failed, and what the vendor did not confirm even so.
  "0015_unconfirmed": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* sql`alter table tributary.receipt_told add column sync_no bigint,
      add column removes boolean not null default false, add column unordered bytea not null default ''`
    yield* sql`update tributary.receipt_told t set sync_no = (
      select max(s.no) from tributary.sync s where s.activation_no = t.activation_no)`
    yield* sql`alter table tributary.sync add column not_confirmed bigint not null default 0`
    yield* sql`create table tributary.resend (
      activation_no int not null, kind text not null, times int not null, identifiers bytea not null,
      primary key (activation_no, kind, times))`
    yield* sql`create table tributary.not_confirmed (
      no bigint generated always as identity primary key, activation_no int not null, kind text not null,
      reason text not null, count int not null, at timestamptz not null, identifiers bytea not null)`
    yield* sql`create index not_confirmed_activation on tributary.not_confirmed (activation_no)`
  })
})

/**
 * Brings the store's tables up to date.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create schema if not exists tributary`
  yield* Migrator.make({})({ loader, table: "tributary.migration" })
})
