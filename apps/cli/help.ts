export const HELP = `Usage: aiaas <command> [options]

Commands:
  store copy     copy a record of events from one event store to another, and compare them
  store verify   compare the records of two event stores

  --help         this text, or that of a command: aiaas store --help
  --version
`;

export const STORE_HELP = `Usage: aiaas store copy   --from <store> --to <store> [options]
       aiaas store verify --from <store> --to <store> [options]

A store is one of
  lmdb:<directory>   an embedded platform's data directory, or its events directory
  esdb://…           an EventStoreDB connection string; esdb+discover:// for a DNS name

copy appends to the target what it lacks of the source's record, in the source's order: every event keeps its id,
type, stream, revision and bytes. The target must be empty or hold the beginning of that record: run the command again
to go on after an interruption. Then both stores are read anew and compared. verify only compares.

Options:
  --from <store>         the source
  --to <store>           the target
  --from-env <NAME>      take the source from an environment variable, so that no password is in the list of processes
  --to-env <NAME>        the same for the target
  --live                 copy from a directory that a platform is using, as far as its record goes at this moment;
                         run it again without --live, with the platform stopped, to copy the rest
  --in-flight <n>        appends begun before the first is answered (1 to 1024). Default: 1 to EventStoreDB, which is
                         certain to keep the order; 256 to a directory
  --patience <seconds>   how long one outage of a store is waited out. Default: 60
  --json                 progress as JSON lines on standard error, the result as JSON on standard output

Exit codes:
  0    both stores hold the same whole record
  3    they differ, or the target holds something else; nothing was written to it
  4    what was compared is the same, but it is not all: the source went on, or the target ends earlier
  64   arguments that cannot be used
  65   the source's record is damaged or holds what cannot be copied
  69   a store is away, in use, or cannot be opened
  74   the disk of the target refused a write
  130  interrupted; run the command again to go on
`;
