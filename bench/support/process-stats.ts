import { readFileSync } from 'node:fs';

/** What the operating system says of a process; `undefined` where it has no /proc. */
export interface ProcessStats {
  readonly rssMiB: number;
  /** Without mapped files: the record itself is mapped, and its pages belong to the cache of the disk. */
  readonly ownMiB: number;
  /** User and system time of all threads since its start. */
  readonly cpuMs: number;
}

/** Linux counts processor time in hundredths of a second on every machine that Node runs on. */
const TICK_MS = 10;

export function processStats(pid: number): ProcessStats | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1_024;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in the second field may hold spaces; what follows its closing parenthesis does not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { rssMiB: mib('VmRSS'), ownMiB: mib('RssAnon'), cpuMs: ticks * TICK_MS };
  } catch {
    return undefined;
  }
}

function machineTicks(): { readonly busy: number; readonly all: number } | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    const [user = 0, nice = 0, system = 0, idle = 0, ...rest] = line.split(/\s+/).slice(1).map(Number);
    const [wait = 0, ...interrupts] = rest;
    const busy = user + nice + system + interrupts.slice(0, 3).reduce((sum, ticks) => sum + ticks, 0);
    return { busy, all: busy + idle + wait };
  } catch {
    return undefined;
  }
}

/** Begins to watch; the answer tells the share of the machine that was busy since, with whatever it was. */
export function watchMachine(): () => number | undefined {
  const before = machineTicks();
  return () => {
    const after = machineTicks();
    if (before === undefined || after === undefined || after.all === before.all) return undefined;
    return (after.busy - before.busy) / (after.all - before.all);
  };
}
