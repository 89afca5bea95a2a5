import { createServer } from 'node:net';
import { failureOf } from './expected-errors';

/** What listening there fails with. */
function failureToListen(host: string, port: number): Promise<Error> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', resolve);
    server.listen(port, host, () => {
      server.close();
      reject(new Error(`${host} can be listened on`));
    });
  });
}

describe('a process that cannot start says in one sentence', () => {
  it.each([
    // An address that documents use, and no machine has (RFC 5737).
    ['that its address is not one of this machine', '192.0.2.1', 'EADDRNOTAVAIL'],
    ['that nobody knows the name that it should listen on', 'name.invalid', 'E(?:NOTFOUND|AI_AGAIN)'],
  ])('%s', async (_, host, code) => {
    expect(failureOf(await failureToListen(host, 0))).toEqual({
      text: expect.stringMatching(
        new RegExp(`^The address cannot be used \\(${code}\\); set AIAAS_PORT or AIAAS_HOST`),
      ),
      code: 78,
    });
  });

  it('nothing about addresses where a directory is refused with the same code', () => {
    const error = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', syscall: 'mkdir' });
    expect(failureOf(error).code).toBe(1);
  });
});
