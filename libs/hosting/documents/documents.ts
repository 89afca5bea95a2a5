import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { apiDocument } from './api-document';
import { type StoredDocument, storedDocument } from './stored-document';

const HTML = 'text/html; charset=utf-8';
const JAVASCRIPT = 'text/javascript; charset=utf-8';

/** The page runs its own scripts only, and asks nobody but the platform. Its styles are set by its script, element by element. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>AIaaS</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-init.js"></script>
</body>
</html>
`;

const INIT = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });
`;

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': JAVASCRIPT,
  'favicon-32x32.png': 'image/png',
};

function assetsDirectory(): string {
  return dirname(require.resolve('swagger-ui-dist/package.json'));
}

/** The OpenAPI document at /openapi.json, and a page to try it at /docs; all made once, at the start. */
export async function makeDocuments(application: NestFastifyApplication): Promise<readonly StoredDocument[]> {
  const page = { type: HTML, bytes: Buffer.from(PAGE), contentSecurityPolicy: PAGE_POLICY };
  const directory = assetsDirectory();
  const assets = Object.entries(ASSETS).map(async ([name, type]) => ({
    path: `/docs/${name}`,
    type,
    bytes: await readFile(join(directory, name)),
  }));
  const contents = [
    {
      path: '/openapi.json',
      type: 'application/json; charset=utf-8',
      bytes: Buffer.from(JSON.stringify(apiDocument(application))),
    },
    { ...page, path: '/docs' },
    { ...page, path: '/docs/' },
    { path: '/docs/swagger-ui-init.js', type: JAVASCRIPT, bytes: Buffer.from(INIT) },
    ...(await Promise.all(assets)),
  ];
  return Promise.all(contents.map(storedDocument));
}
