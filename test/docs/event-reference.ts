import { z } from 'zod';
import { GATEWAY_STREAM_PREFIX, gatewayCodec } from '#cluster';
import {
  ACCESS_STREAM_PREFIX,
  accessCodec,
  CLAIM_STREAM_PREFIX,
  COMMAND_KEY_STREAM_PREFIX,
  claimCodec,
  commandKeyCodec,
  INSTALLATION_STREAM,
  installationCodec,
  SECURITY_STREAM_PREFIX,
  securityCodec,
} from '#control';
import {
  API_KEY_STREAM_PREFIX,
  apiKeyCodec,
  ORGANIZATION_STREAM_PREFIX,
  organizationCodec,
  SLUG_STREAM_PREFIX,
  SYSTEM_TOKEN_STREAM_PREFIX,
  slugCodec,
  systemTokenCodec,
} from '#identity';
import { CATALOGUE_STREAM, catalogueCodec } from '#inference/catalogue';
import type { DomainEvent, EventCodec, EventSchema } from '#kernel';
import { LEDGER_STREAM_PREFIX, ledgerCodec } from '#ledger';
import * as meanings from './event-meanings';

/** The part of JSON Schema that event schemas come to. */
interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

const LINE_WIDTH_MAX = 100;

function fieldsOf({ properties = {}, required = [] }: JsonSchema, indent: string): readonly string[] {
  return Object.entries(properties).map(
    ([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeText(schema, indent)}`,
  );
}

function objectText(schema: JsonSchema, indent: string): string {
  const inLine = `{ ${fieldsOf(schema, indent).join('; ')} }`;
  if (inLine.length <= LINE_WIDTH_MAX && !inLine.includes('\n')) return inLine;
  const deeper = `${indent}  `;
  const lines = fieldsOf(schema, deeper).map((field) => `${deeper}${field};\n`);
  return `{\n${lines.join('')}${indent}}`;
}

/** A stored shape, written as TypeScript would. */
function typeText(schema: JsonSchema, indent: string): string {
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return variants.map((variant) => typeText(variant, indent)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  switch (schema.type) {
    case 'object':
      return objectText(schema, indent);
    case 'array': {
      const item = typeText(schema.items ?? {}, indent);
      return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
    }
    case 'integer':
      return schema.minimum === 0 ? 'count' : 'integer';
    case 'string':
      return schema.pattern === undefined ? 'string' : 'decimal';
    case 'boolean':
      return 'boolean';
    default:
      throw new Error(`an event holds ${JSON.stringify(schema)}, which the reference cannot describe`);
  }
}

function eventSection(type: string, { version, data }: EventSchema<object>, meaning: string): string {
  const schema = z.toJSONSchema(data, { io: 'input' }) as JsonSchema;
  const fields = fieldsOf(schema, '  ').map((field) => `  ${field};\n`);
  const shape = fields.length === 0 ? '{}' : `{\n${fields.join('')}}`;
  return `### ${type}\n\n${meaning} Version ${version}.\n\n\`\`\`ts\n${shape}\n\`\`\`\n`;
}

function context<E extends DomainEvent>(
  title: string,
  stream: string,
  codec: EventCodec<E>,
  meaningOf: Readonly<Record<E['type'], string>>,
): string {
  const sections = Object.entries(codec.schemas).map(([type, schema]) =>
    eventSection(type, schema, meaningOf[type as E['type']]),
  );
  return `## ${title}\n\nStream: \`${stream}\`.\n\n${sections.join('\n')}`;
}

/** The whole of docs/events.md. */
export function eventReference(): string {
  return [
    meanings.PREFACE,
    context('Calls, budgets and limits', `${LEDGER_STREAM_PREFIX}<organization id>`, ledgerCodec, meanings.LEDGER),
    context(
      'Organizations',
      `${ORGANIZATION_STREAM_PREFIX}<organization id>`,
      organizationCodec,
      meanings.ORGANIZATION,
    ),
    context('Slugs', `${SLUG_STREAM_PREFIX}<slug>`, slugCodec, meanings.SLUG),
    context('API keys', `${API_KEY_STREAM_PREFIX}<key id>`, apiKeyCodec, meanings.API_KEY),
    context('Tokens', `${SYSTEM_TOKEN_STREAM_PREFIX}<token id>`, systemTokenCodec, meanings.SYSTEM_TOKEN),
    context('Backends, models and prices', CATALOGUE_STREAM, catalogueCodec, meanings.CATALOGUE),
    context('Security', `${SECURITY_STREAM_PREFIX}<yyyymmdd>`, securityCodec, meanings.SECURITY),
    context('The installation', INSTALLATION_STREAM, installationCodec, meanings.INSTALLATION),
    context('Accesses', `${ACCESS_STREAM_PREFIX}<yyyymmdd>`, accessCodec, meanings.ACCESS),
    context(
      'Idempotency-Keys of commands',
      `${COMMAND_KEY_STREAM_PREFIX}<digest>`,
      commandKeyCodec,
      meanings.COMMAND_KEY,
    ),
    context('Claims', `${CLAIM_STREAM_PREFIX}<organization id, or system-tokens>`, claimCodec, meanings.CLAIM),
    context('Gateways', `${GATEWAY_STREAM_PREFIX}<boot id>`, gatewayCodec, meanings.GATEWAY),
  ].join('\n');
}
