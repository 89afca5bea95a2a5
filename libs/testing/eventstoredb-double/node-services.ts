import { randomUUID } from 'node:crypto';
import { ClusterInfo, EndPoint, MemberInfo } from '@eventstore/db-client/generated/gossip_pb';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb';
import { UUID } from '@eventstore/db-client/generated/shared_pb';

/** The version whose behaviour the double shows. */
const SERVER_VERSION = '23.10.6';

const STREAMS_METHODS: readonly { readonly name: string; readonly features: readonly string[] }[] = [
  { name: 'read', features: ['position', 'events'] },
  { name: 'append', features: [] },
  { name: 'delete', features: [] },
  { name: 'tombstone', features: [] },
  { name: 'batchappend', features: ['deadline_duration'] },
];

/** What clients ask first: which calls there are. */
export function supportedMethods(): SupportedMethods {
  const methods = STREAMS_METHODS.map(({ name, features }) => {
    const method = new SupportedMethod();
    method.setServiceName('event_store.client.streams.streams');
    method.setMethodName(name);
    method.setFeaturesList([...features]);
    return method;
  });
  const answer = new SupportedMethods();
  answer.setEventStoreServerVersion(SERVER_VERSION);
  answer.setMethodsList(methods);
  return answer;
}

/** A cluster of this one node, which leads. */
export function clusterInfo(host: string, port: number): ClusterInfo {
  const id = new UUID();
  id.setString(randomUUID());
  const endpoint = new EndPoint();
  endpoint.setAddress(host);
  endpoint.setPort(port);
  const member = new MemberInfo();
  member.setInstanceId(id);
  member.setTimeStamp((BigInt(Date.now()) * 10_000n).toString());
  member.setState(MemberInfo.VNodeState.LEADER);
  member.setIsAlive(true);
  member.setHttpEndPoint(endpoint);
  const info = new ClusterInfo();
  info.setMembersList([member]);
  return info;
}
