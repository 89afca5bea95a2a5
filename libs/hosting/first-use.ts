import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Configuration } from '#configuration';
import {
  applyConfigurationFile,
  ConfigurationFileError,
  type FirstRun,
  firstRun,
  firstRunFile,
  readConfigurationFile,
} from '#control';
import type { Services } from './services';

/** Two gateways that start at once may be in each other's way once for each thing that the file names. */
const APPLY_TRIES_MAX = 10;

/** A line that works when it is pasted; the secret itself only where a person reads it. */
function curlLine(url: string, key: string): string {
  const body = JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'Hello' }] });
  return `curl ${url}/v1/chat/completions -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" -d '${body}'`;
}

function announcement({ url, apiKey }: FirstRun, file: string, isTerminal: boolean): string {
  const inFile = `$(node -p "require('${file}').apiKey")`;
  const lines = [
    `AIaaS listens on ${url}. Secrets of this first run are in ${file}: keep them elsewhere and delete it.`,
  ];
  if (apiKey !== undefined) lines.push('Try:', `  ${curlLine(url, isTerminal ? apiKey : inFile)}`);
  return `\n${lines.join('\n')}\n\n`;
}

/** The file is read as a whole before anything of it is applied. @throws ConfigurationFileError */
function readConfigured({ configFile }: Configuration, environment: NodeJS.ProcessEnv) {
  if (configFile === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(configFile, 'utf8');
  } catch (error) {
    throw new ConfigurationFileError(configFile, [
      `it cannot be read (${error instanceof Error ? error.message : error})`,
    ]);
  }
  return readConfigurationFile(configFile, text, environment);
}

/** Applies the configuration file, if there is one, through the same commands that people use. */
export async function applyConfiguration(
  { control, configuration, node }: Services,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const read = readConfigured(configuration, environment);
  if (read === undefined) return;
  for (let tries = 1; ; tries += 1)
    try {
      return await applyConfigurationFile(control, read);
    } catch (error) {
      // Another gateway that applies the same file may have been quicker: what it made is found by the next try.
      if (node === undefined || tries >= APPLY_TRIES_MAX || !(error instanceof ConfigurationFileError)) throw error;
      await control.catchUp();
    }
}

/** Makes an empty platform usable, and tells its person what to do next. */
export async function prepareFirstUse(
  { control, configuration, engines, node }: Services,
  url: string,
): Promise<string | undefined> {
  // Gateways that start together know each other by now, and one of them makes the first run.
  if (node?.membership.isEldest() === false) return undefined;
  // Absolute, so that the printed lines work wherever they are pasted.
  const path = resolve(engines.firstRunFile);
  const plan = await firstRun({ control, file: firstRunFile(path), url, demo: configuration.demo });
  return plan === undefined ? undefined : announcement(plan, path, process.stdout.isTTY === true);
}
