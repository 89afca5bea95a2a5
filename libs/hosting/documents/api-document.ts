import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { inferencePaths } from '#gateway';
import { version } from '../version';

/** The OpenAPI document of all planes. */
export function apiDocument(application: NestFastifyApplication): OpenAPIObject {
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
  return document;
}
