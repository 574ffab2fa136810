import Testing

extension EndToEnd {
  /// The compatibility rules of PROTOCOL.md 19, one test for each rule or part of one, with reference nodes at the other end.
  ///
  /// The peers are played with Python's grpcio and, below gRPC, by hand (`Tests/HyperGRPCTests/peer`), each with the peculiarities of a
  /// deployed node. The second stream of rule 7 needs a clock of its own: `LifeTests` in HyperGRPCTests. Rule 15 is the directory
  /// server's, and 17 is proved with the proxies (`FaultTests`, `RoutingTests`).
  @Suite("rules of the network", .network) enum RuleTests {}
}
