import { Controller, Get, Module, Post, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Command, CommandHandler, CqrsModule, type ICommandHandler } from '@nestjs/cqrs';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { startPlatform, type TestPlatform, testMachine } from '#control/testing';
import { AccessGuard } from './access/access.guard';
import { AdminHttpModule } from './admin-http.module';
import { ADMIN_HTTP_OPTIONS } from './options';
import { generousRates } from './testing/test-server';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform(testMachine());
});
afterAll(() => platform.close());

/** Boots the admin plane with something beside it, and ends it again. */
async function boot(beside: { controllers?: Type[]; providers?: Type[] }): Promise<void> {
  @Module({})
  class Beside {}
  const options = { provide: ADMIN_HTTP_OPTIONS, useValue: { control: platform.control, rates: generousRates() } };
  const root = {
    module: Beside,
    imports: [CqrsModule.forRoot(), AdminHttpModule.register(options.useValue)],
    controllers: beside.controllers ?? [],
    providers: [options, ...(beside.providers ?? [])],
  };
  const application = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  try {
    await application.init();
  } finally {
    await application.close();
  }
}

describe('the application does not start', () => {
  it('with a route that has no row in the access table', async () => {
    @Controller('admin/v1/secrets')
    @UseGuards(AccessGuard)
    class Secrets {
      @Get(':id')
      read() {}
    }
    await expect(boot({ controllers: [Secrets] })).rejects.toThrow('GET /admin/v1/secrets/:id has no row');
  });

  it('with a route of the admin plane that nobody guards', async () => {
    @Controller('admin/v1/doors')
    class Unguarded {
      @Post(':id/open')
      open() {}
    }
    await expect(boot({ controllers: [Unguarded] })).rejects.toThrow('served without the access guard');
  });

  it('with two handlers of one command', async () => {
    class Order extends Command<void> {}
    @CommandHandler(Order)
    class First implements ICommandHandler<Order> {
      async execute() {}
    }
    @CommandHandler(Order)
    class Second implements ICommandHandler<Order> {
      async execute() {}
    }
    await expect(boot({ providers: [First, Second] })).rejects.toThrow('Order has two handlers: First and Second');
  });
});

it('starts with routes of other planes beside it', async () => {
  @Controller('elsewhere')
  class Elsewhere {
    @Get()
    read() {}
  }
  await expect(boot({ controllers: [Elsewhere] })).resolves.toBeUndefined();
});
