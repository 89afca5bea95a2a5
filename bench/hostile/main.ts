import { type AttackCount, type Attackers, besiege } from './attacks';

export type HostileMessage = 'ready' | Readonly<Record<string, AttackCount>>;

/** Attacks end by themselves, also when nobody says so any more. */
const ATTACK_MS_MAX = 120_000;

/** The attackers' process: attacks at the first message from the bench, ends at the second, and tells what it did. */
const [given] = process.argv.slice(2);
if (given === undefined) throw new Error('whom to attack is the first argument');
const attackers = JSON.parse(given) as Attackers;
let isOver = false;
const tell = (message: HostileMessage): void => {
  process.send?.(message);
};

process.once('message', () => {
  const end = setTimeout(() => {
    isOver = true;
  }, ATTACK_MS_MAX);
  process.once('message', () => {
    isOver = true;
  });
  void besiege(attackers, () => isOver).then((counts) => {
    clearTimeout(end);
    tell(counts);
    process.disconnect();
  });
});
process.once('disconnect', () => process.exit(0));
tell('ready');
