import { runProcess } from '#hosting';
import { embedded } from '#hosting/embedded';

/** All roles in one process, on this machine's disk. */
runProcess({ name: 'platform', command: 'npm start --', engines: embedded });
