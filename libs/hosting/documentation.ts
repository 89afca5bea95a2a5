import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { inferencePaths } from '#gateway';
import { version } from './version';

/** The OpenAPI document at /openapi.json, and a page to try it at /docs. */
export function mountDocumentation(application: NestFastifyApplication): void {
  const configuration = new DocumentBuilder()
    .setTitle('AIaaS')
    .setDescription(
      'Inference as a service: every call authorized against budgets, metered to the nano-dollar, recorded.',
    )
    .setVersion(version)
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key on /v1; a token on /admin/v1.' })
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(application, configuration);
  Object.assign(document.paths, inferencePaths());
  SwaggerModule.setup('docs', application, document, { jsonDocumentUrl: 'openapi.json' });
}
