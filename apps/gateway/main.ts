import { runProcess } from '#hosting';
import { distributed } from '#hosting/distributed';

/** One of many gateways on one record. */
runProcess({ name: 'gateway', command: 'npm run start:gateway --', engines: distributed });
