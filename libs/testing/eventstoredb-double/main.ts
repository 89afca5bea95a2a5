import { createInterface } from 'node:readline';
import { EventStoreDbDouble } from './eventstoredb-double';

/**
 * The double as a process of its own. It writes where it is, takes orders from its input (`hold` keeps every append
 * waiting, `go` lets them go, `cut` resets every connection; each is answered with its own name), and ends with whoever started it.
 */
async function main(): Promise<void> {
  const double = await EventStoreDbDouble.start();
  process.stdout.write(`${JSON.stringify({ connectionString: double.connectionString })}\n`);
  const orders = createInterface({ input: process.stdin });
  orders.on('line', (order) => {
    if (order === 'hold') double.appendFaults.hold();
    else if (order === 'go') double.appendFaults.letGo();
    else if (order === 'cut') double.cutConnections();
    process.stdout.write(`${order}\n`);
  });
  // The pipe ends with the test too, even where that was killed.
  orders.on('close', () => process.exit(0));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
