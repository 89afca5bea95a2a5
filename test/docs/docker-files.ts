import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '#testing/platform-process';

export interface HealthCheck {
  readonly test?: readonly string[];
  readonly disable?: boolean;
}

/** What these tests look at of a service; everything else is Docker's business. */
export interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
  readonly user?: string;
  readonly pid?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly restart?: string;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly stop_grace_period?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: HealthCheck;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly privileged?: boolean;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks?: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, { readonly file: string }>>;
}

export function readProjectFile(path: string): string {
  return readFileSync(join(projectRoot(), path), 'utf8');
}

export function readCompose(path: string): ComposeFile {
  return parse(readProjectFile(path), { merge: true, strict: true, uniqueKeys: true });
}

function mergeService(base: Service, over: Service): Service {
  return {
    ...base,
    ...over,
    environment: { ...base.environment, ...over.environment },
    depends_on: { ...base.depends_on, ...over.depends_on },
  };
}

/** Two compose files as `docker compose -f one -f other` reads them, as far as these files go. */
export function mergeCompose(base: ComposeFile, over: ComposeFile): ComposeFile {
  const services = { ...base.services };
  for (const [name, service] of Object.entries(over.services)) {
    const known = services[name];
    services[name] = known === undefined ? service : mergeService(known, service);
  }
  return { ...base, services, volumes: { ...base.volumes, ...over.volumes } };
}

export interface Instruction {
  readonly keyword: string;
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, continuation lines joined, arguments of the file filled in. */
export function readStages(path: string): readonly Stage[] {
  const text = readProjectFile(path)
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '');
  const given = new Map<string, string>();
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const [, keyword = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (keyword === '') throw new Error(`${path}: "${line}" is no instruction`);
    if (keyword === 'ARG' && stages.length === 0) {
      const [name = '', value = ''] = rest.split('=');
      given.set(name, value);
    } else if (keyword === 'FROM') {
      const [from = '', , name = ''] = rest.split(' ');
      stages.push({
        name,
        from: from.replace(/\$\{(\w+)\}/, (_, arg: string) => given.get(arg) ?? ''),
        instructions: [],
      });
    } else stages.at(-1)?.instructions.push({ keyword, text: rest });
  }
  return stages;
}

/** The instructions that shape an image: those of its stage and of the stages that it is made from. */
export function instructionsOf(stages: readonly Stage[], name: string): readonly Instruction[] {
  const stage = stages.find((one) => one.name === name);
  return stage === undefined ? [] : [...instructionsOf(stages, stage.from), ...stage.instructions];
}

/** The environment that an image sets. */
export function environmentOf(instructions: readonly Instruction[]): Readonly<Record<string, string>> {
  const pairs = instructions.filter(({ keyword }) => keyword === 'ENV').flatMap(({ text }) => text.split(' '));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}
