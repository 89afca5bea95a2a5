import { EventStoreDbDouble } from './eventstoredb-double';

/** The double as a process of its own: it writes where it is, and ends with whoever started it. */
async function main(): Promise<void> {
  const double = await EventStoreDbDouble.start();
  process.stdout.write(`${JSON.stringify({ connectionString: double.connectionString })}\n`);
  // Nothing is ever sent: that the pipe ends is how a test that was killed is noticed.
  process.stdin.on('end', () => process.exit(0)).resume();
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
