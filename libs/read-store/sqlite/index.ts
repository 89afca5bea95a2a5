export { SNAPSHOTS_WAITING_MAX, SqliteReadStore } from './sqlite-read-store';
