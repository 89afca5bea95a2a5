import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { type ApiKeyId, brandedField, type OrganizationId, type ProjectId } from '#kernel';
import type { FirstRun, FirstRunFile } from './first-run';

const schema = z.object({
  url: z.string(),
  systemToken: z.string(),
  organizationId: brandedField<OrganizationId>().exactOptional(),
  projectId: brandedField<ProjectId>().exactOptional(),
  apiKeyId: brandedField<ApiKeyId>().exactOptional(),
  apiKey: z.string().exactOptional(),
});

const OWNER_ONLY = 0o600;

/** `first-run.json` in the data directory, readable by its owner alone. */
export function firstRunFile(path: string): FirstRunFile {
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      return text === undefined ? undefined : parseFirstRun(text);
    },
    async write(plan) {
      const next = `${path}.next`;
      await mkdir(dirname(path), { recursive: true });
      // A rest of an earlier try may be readable by others: what is created anew has the right mode from the start.
      await rm(next, { force: true });
      const file = await open(next, 'wx', OWNER_ONLY);
      try {
        await file.writeFile(`${JSON.stringify(plan, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(next, path);
      const directory = await open(dirname(path), 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
  };
}

/** A file that is damaged or edited is taken for none: a new plan replaces it. */
function parseFirstRun(text: string): FirstRun | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
