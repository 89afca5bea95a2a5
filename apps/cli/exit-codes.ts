/** How the command line tool ends. Numbers from 64 on are those of sysexits.h; 1 is a bug, with a stack trace. */
export const EXIT = {
  /** Both stores hold the same whole record. */
  equal: 0,
  /** The stores differ, or the target holds something else; the first difference was named. */
  different: 3,
  /** What was compared is the same, but it is not all: the source went on, or the target does not hold it yet. */
  incomplete: 4,
  /** Arguments that cannot be used. */
  usage: 64,
  /** The source's record is damaged or holds what cannot be copied. */
  unusableRecord: 65,
  /** A store is away, in use, or cannot be opened; a copy can be run again to go on. */
  unavailable: 69,
  /** Ended by a signal (128 + SIGINT, as shells count); a copy can be run again to go on. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
