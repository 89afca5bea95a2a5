import { type ChildProcess, fork } from 'node:child_process';

/** Time in which a helper process must say that it is ready. */
const READY_MS_MAX = 10_000;

/**
 * Starts one of the bench's own processes and waits for its first message.
 * @throws Error when it ends or stays silent.
 */
export function forkReady<T>(module: string, args: readonly string[]): Promise<{ child: ChildProcess; message: T }> {
  const child = fork(module, [...args]);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('said nothing'), READY_MS_MAX);
    const fail = (what: string): void => {
      clearTimeout(timer);
      child.kill();
      reject(new Error(`${module} ${what}`));
    };
    child.once('exit', (code) => fail(`ended with ${code}`));
    child.once('message', (message) => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve({ child, message: message as T });
    });
  });
}
