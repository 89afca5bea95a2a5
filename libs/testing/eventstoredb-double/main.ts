import { createInterface } from 'node:readline';
import { EventStoreDbDouble } from './eventstoredb-double';

async function obey(double: EventStoreDbDouble, order: string): Promise<void> {
  switch (order) {
    case 'hold':
      return double.appendFaults.hold();
    case 'go':
      return double.appendFaults.letGo();
    case 'cut':
      return double.cutConnections();
    case 'down':
      return double.kill();
    case 'up':
      return double.startAgain();
    default:
      throw new Error(`"${order}" is no order`);
  }
}

/**
 * The double as a process of its own. It writes where it is, takes orders from its input, each answered with its own
 * name once it is done (`hold` keeps every append waiting, `go` lets them go, `cut` resets every connection, `down` ends
 * the server, `up` starts it again), and ends with whoever started it.
 */
async function main(): Promise<void> {
  const double = await EventStoreDbDouble.start();
  process.stdout.write(`${JSON.stringify({ connectionString: double.connectionString })}\n`);
  const orders = createInterface({ input: process.stdin });
  // The pipe ends with the test too, even where that was killed.
  orders.on('close', () => process.exit(0));
  for await (const order of orders) {
    await obey(double, order);
    process.stdout.write(`${order}\n`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
