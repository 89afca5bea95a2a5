import type { ApiKeyRefusal, OrganizationRefusal, SlugRefusal, SystemTokenRefusal } from '#identity';
import type { CATALOGUE_REFUSALS } from '#inference/catalogue';
import type { Refusal } from '#kernel';
import type { LedgerCommandRefusal } from '#ledger';

/** Why a command of people or automation is not accepted: what the deciders say, and what no single one of them sees. */
export type ControlRefusalCode =
  | OrganizationRefusal['code']
  | SlugRefusal['code']
  | ApiKeyRefusal['code']
  | SystemTokenRefusal['code']
  | LedgerCommandRefusal['code']
  | (typeof CATALOGUE_REFUSALS)[number]
  | 'member_not_found'
  | 'last_system_token';

export type ControlRefusal = Refusal<ControlRefusalCode>;

export function refuse(code: ControlRefusalCode, message: string) {
  return { kind: 'refused' as const, refusal: { code, message } satisfies ControlRefusal };
}
