export { HttpLedgerPeers, type HttpLedgerPeersOptions } from './http-ledger-peers';
export { PeerServer, type PeerServerOptions, REQUEST_AGE_MS_MAX } from './peer-server';
export { derivePeerKey, type PeerKey } from './signatures';
