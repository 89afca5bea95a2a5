import 'reflect-metadata';
import { type DynamicModule, Inject, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, DiscoveryModule, HttpAdapterHost } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import type { FastifyInstance } from 'fastify';
import { AccessGuard } from './access/access.guard';
import { AccessCheck } from './access/access-check';
import { admissionOf, guardPlane } from './access/access-door';
import { keepAccessTrail } from './access/access-trail';
import { ADMIN_PREFIX } from './access/routes';
import { ApiKeysController } from './controllers/api-keys.controller';
import { BackendsController, ModelsController } from './controllers/catalogue.controllers';
import { BudgetsController, LimitsController } from './controllers/ledger.controllers';
import {
  ProjectsController,
  ServiceAccountsController,
  TeamsController,
} from './controllers/organization-parts.controllers';
import { OrganizationsController } from './controllers/organizations.controller';
import { BackendServiceController, RoutingController } from './controllers/routing.controllers';
import { SystemTokensController } from './controllers/system-tokens.controller';
import { CallsController, UnresolvedPolicyController } from './controllers/unresolved.controllers';
import { COMMAND_HANDLERS } from './dispatch/command-handlers';
import { OneHandlerEach } from './dispatch/one-handler-each';
import { QUERY_HANDLERS } from './dispatch/query-handlers';
import { Edge } from './edge/edge';
import { OrganizationParts } from './edge/organization-parts';
import { QueryGuard } from './edge/query.guard';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from './options';
import { ProblemFilter } from './problems/problem.filter';
import { nameRequests, requireJson } from './request-identity';
import { takeJsonBodies } from './take-bodies';

/**
 * The command plane, `/admin/v1`, on Nest's Fastify adapter. It also names every request outside `/v1`, reads its body,
 * holds every query to what its route documents, and answers every failure there, so it belongs into the application's
 * root module once, and the application is made with `bodyParser: false`.
 */
@Module({})
export class AdminHttpModule {
  static register(options: AdminHttpOptions): DynamicModule {
    return {
      module: AdminHttpModule,
      imports: [CqrsModule.forRoot(), DiscoveryModule],
      controllers: [
        OrganizationsController,
        ProjectsController,
        TeamsController,
        ServiceAccountsController,
        ApiKeysController,
        BudgetsController,
        LimitsController,
        CallsController,
        UnresolvedPolicyController,
        BackendsController,
        BackendServiceController,
        ModelsController,
        SystemTokensController,
        RoutingController,
      ],
      providers: [
        { provide: ADMIN_HTTP_OPTIONS, useValue: options },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: QueryGuard },
        AccessGuard,
        AccessCheck,
        OneHandlerEach,
        Edge,
        OrganizationParts,
        ...COMMAND_HANDLERS,
        ...QUERY_HANDLERS,
      ],
    };
  }

  constructor(@Inject(ADMIN_HTTP_OPTIONS) { control, rates, bodyMemory }: AdminHttpOptions, host: HttpAdapterHost) {
    const server: FastifyInstance = host.httpAdapter.getInstance();
    nameRequests(server, control.surroundings.identifiers);
    guardPlane(server, { control, rates });
    requireJson(server);
    takeJsonBodies(server, bodyMemory);
    keepAccessTrail(server, {
      control,
      prefix: ADMIN_PREFIX,
      accessorOf: (request) => admissionOf(request)?.principal,
      commandsLeaveEvents: true,
    });
  }
}
