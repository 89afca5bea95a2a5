/** The connection that a request is written to. */
export interface Connection {
  /** Counts the request; answers whether it is not the connection's first. */
  serve(): boolean;
}
