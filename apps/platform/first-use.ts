import { type FirstRun, firstRun, firstRunFile } from '#control';
import { dataPaths } from './engines';
import type { Services } from './services';

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

/** Makes an empty platform usable, and tells its person what to do next. */
export async function prepareFirstUse({ control, configuration }: Services, url: string): Promise<string | undefined> {
  const path = dataPaths(configuration.dataDir).firstRun;
  const plan = await firstRun({ control, file: firstRunFile(path), url, demo: configuration.demo });
  return plan === undefined ? undefined : announcement(plan, path, process.stdout.isTTY === true);
}
