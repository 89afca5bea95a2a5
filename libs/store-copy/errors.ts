/** The source's record cannot be copied whole; the sentence says which event or stream stands in the way. */
export class RecordNotWholeError extends Error {
  override readonly name = 'RecordNotWholeError';
}

/** Somebody else appends to the target while it is being written. */
export class TargetInUseError extends Error {
  override readonly name = 'TargetInUseError';
}
