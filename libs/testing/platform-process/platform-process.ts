import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrganizationId } from '#kernel';
import { loadMasterKey } from '#key-store';
import type { LedgerEvent, LedgerState } from '#ledger';
import { AdminClient } from './admin-client';
import { type Exit, PlatformChild } from './child-process';
import { type Ground, groundOf, releaseGround } from './ground';
import type { LogLine } from './log-lines';
import { eventsOfCall, foldLedger, type RecordedLedgerEvent, readAllEvents, readLedger } from './recorded-events';

export interface PlatformOptions {
  /** Settings beside the data directory and the port. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: a new one that `remove` deletes. */
  readonly dataDir?: string;
  /** Shares the record and the keys of the one with that data directory, where processes can. */
  readonly beside?: { readonly dataDir: string };
}

/** What `first-run.json` holds when the demo is on. */
export interface FirstRunSecrets {
  readonly url: string;
  readonly systemToken: string;
  readonly organizationId: OrganizationId;
  readonly projectId: string;
  readonly apiKeyId: string;
  readonly apiKey: string;
}

/** How long a start may take on a busy machine. */
const READY_MS_MAX = 60_000;
/** Longer than the lease of a gateway that died, and what has to be done after it. */
const LEDGER_MS_MAX = 90_000;
const LEDGER_POLL_MS = 100;

/** The real process, started, killed and started again on one data directory. */
export class PlatformProcess {
  readonly admin: AdminClient;
  #child: PlatformChild;
  #url = '';
  #earlierOutput = '';

  private constructor(
    private readonly ground: Ground,
    readonly dataDir: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {
    this.#child = this.#spawn();
    this.admin = new AdminClient(
      () => this.url,
      () => this.firstRun.systemToken,
    );
  }

  /** Resolves when it is ready. @throws Error with its output when it is not. */
  static async start({ environment = {}, dataDir, beside }: PlatformOptions = {}): Promise<PlatformProcess> {
    const directory = dataDir ?? mkdtempSync(join(tmpdir(), 'aiaas-data-'));
    const platform = new PlatformProcess(await groundOf(beside?.dataDir ?? directory), directory, environment);
    await platform.#ready();
    return platform;
  }

  /** Not ready yet, since what it needs is not there. */
  static async startWaiting({ environment = {}, dataDir = '' }: PlatformOptions): Promise<PlatformProcess> {
    return new PlatformProcess(await groundOf(dataDir), dataDir, environment);
  }

  /** A start that is expected to fail: what it writes and how it exits. */
  static async startInVain(options: PlatformOptions): Promise<Exit & { readonly stdout: string; stderr: string }> {
    const { environment = {}, dataDir = '' } = options;
    const ground = await groundOf(dataDir);
    const settings = { AIAAS_PORT: '0', AIAAS_DATA: dataDir, ...ground.environment, ...environment };
    const child = PlatformChild.spawn(ground.main, settings);
    const timer = setTimeout(() => child.signal('SIGKILL'), READY_MS_MAX);
    const exit = await child.exited;
    clearTimeout(timer);
    return { ...exit, stdout: child.logs.text, stderr: child.stderr };
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Where keys, kept answers and the secrets of the first run are. */
  get sharedDir(): string {
    return this.ground.sharedDir;
  }

  get masterKey(): Uint8Array {
    return loadMasterKey(this.ground.environment, this.sharedDir).key;
  }

  get firstRunFile(): string {
    return join(this.sharedDir, 'first-run.json');
  }

  get firstRun(): FirstRunSecrets {
    return JSON.parse(readFileSync(this.firstRunFile, 'utf8')) as FirstRunSecrets;
  }

  /** Structured lines of this run. */
  get logs(): readonly LogLine[] {
    return this.#child.logs.lines;
  }

  /** Everything that all runs have written, to both outputs. */
  get output(): string {
    return this.#earlierOutput + this.#child.logs.text + this.#child.stderr;
  }

  get stderr(): string {
    return this.#child.stderr;
  }

  /** A line of this run, past or to come. */
  logged(what: string, matches: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine> {
    return this.#child.logs.find(what, matches, timeoutMs);
  }

  /** The line that is written once a call is over and recorded. */
  callLogged(requestId: string): Promise<LogLine> {
    return this.logged(
      `line about call ${requestId}`,
      (line) => line.message === 'call' && line.requestId === requestId,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.signal(signal);
  }

  get exited(): Promise<Exit> {
    return this.#child.exited;
  }

  /** Resolves when the process has gone. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    return this.#child.kill(signal);
  }

  /** Starts again on the same data, after the process has gone. */
  async start(): Promise<void> {
    await this.#child.exited;
    this.#earlierOutput = this.output;
    this.#child = this.#spawn();
    await this.#ready();
  }

  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** Ends the process and deletes its data. */
  async remove(): Promise<void> {
    await this.kill();
    await releaseGround(this.dataDir);
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Takes the record away, where it is a server, until the returned function has resolved. */
  takeRecordAway(): Promise<() => Promise<void>> {
    return this.ground.takeRecordAway();
  }

  /** Keeps everybody from writing the record, until the returned function has resolved. */
  holdWrites(): Promise<() => Promise<void>> {
    return this.ground.holdWrites();
  }

  ledgerEvents(orgId: OrganizationId | string): Promise<readonly RecordedLedgerEvent[]> {
    return readLedger(() => this.ground.openRecord(), orgId as OrganizationId);
  }

  allEvents() {
    return readAllEvents(() => this.ground.openRecord());
  }

  /** What the record says of one call. */
  async callEvents(orgId: OrganizationId | string, callId: string): Promise<readonly LedgerEvent[]> {
    return eventsOfCall(await this.ledgerEvents(orgId), callId);
  }

  async ledgerState(orgId: OrganizationId | string): Promise<LedgerState> {
    return foldLedger(await this.ledgerEvents(orgId));
  }

  /**
   * Once the record says so. What a dead process held is ended before the next one is ready where a record has one
   * writer; where it has several, once the dead one's lease has lapsed.
   */
  async ledgerUntil(orgId: OrganizationId | string, holds: (state: LedgerState) => boolean): Promise<void> {
    const endMs = performance.now() + LEDGER_MS_MAX;
    while (!holds(await this.ledgerState(orgId))) {
      if (performance.now() > endMs)
        throw new Error(`the ledger did not get there; the last lines:\n${this.output.slice(-4_000)}`);
      await sleep(LEDGER_POLL_MS);
    }
  }

  /** Once calls are admitted: a gateway that was cut off from the record first has to know again what the others did. */
  async untilReady(): Promise<void> {
    const endMs = performance.now() + READY_MS_MAX;
    while (!(await fetch(`${this.url}/health/ready`)).ok) {
      if (performance.now() > endMs) throw new Error(`it is not ready; the last lines:\n${this.output.slice(-4_000)}`);
      await sleep(LEDGER_POLL_MS);
    }
  }

  #spawn(): PlatformChild {
    const { main, environment } = this.ground;
    const settings = { AIAAS_PORT: '0', AIAAS_DATA: this.dataDir, ...environment, ...this.environment };
    return PlatformChild.spawn(main, settings);
  }

  async #ready(): Promise<void> {
    const child = this.#child;
    try {
      const line = await child.logs.find('ready line', ({ message }) => message === 'ready', READY_MS_MAX);
      this.#url = String(line.url);
    } catch (error) {
      child.signal('SIGKILL');
      throw new Error(`the platform did not become ready: ${String(error)}\n${child.stderr}`);
    }
  }
}
