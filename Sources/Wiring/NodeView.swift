public import HyperModel

/// What the own node says about its connections (`_connections`, docs/compatibility.md).
public struct NodeView: Hashable, Sendable {
  /// Grows with every change, as long as the node lives.
  public var version: Int64
  /// What the own node calls itself.
  public var node: String
  /// Operators that have a connection, with the names of their nodes: none for nodes that do not say theirs.
  public var peers: [OperatorName: Set<String>]
  /// Operators without a connection whom the node would dial: whether they are there is not known.
  public var dialable: Set<OperatorName>

  public init(version: Int64, node: String, peers: [OperatorName: Set<String>], dialable: Set<OperatorName> = []) {
    self.version = version
    self.node = node
    self.peers = peers
    self.dialable = dialable
  }

  /// Nil for anything else than the answer of such a node.
  init?(_ result: JSONValue?) {
    guard let version = result?["version"]?.integer, let node = result?["node"]?.string, let list = result?["peers"]?.array else {
      return nil
    }
    var peers: [OperatorName: Set<String>] = [:]
    for peer in list {
      guard let name = peer["name"]?.string else { return nil }
      peers[OperatorName(name)] = Set(peer["nodes"]?.array?.compactMap(\.string) ?? [])
    }
    let dialable = result?["dialable"]?.array?.compactMap(\.string) ?? []
    self.init(version: version, node: node, peers: peers, dialable: Set(dialable.map { OperatorName($0) }))
  }

  /// Whether a peer's node is one that repeats and understands what ours do.
  public func isOurs(_ peer: OperatorName) -> Bool { peers[peer]?.isEmpty == false }

  /// A connection: an operator, and which of its nodes when that says so.
  public struct Peer: Hashable, Sendable {
    public var name: OperatorName
    public var node: String?

    public init(name: OperatorName, node: String? = nil) {
      self.name = name
      self.node = node
    }
  }

  /// Every connection by itself.
  public var connections: Set<Peer> {
    Set(
      peers.flatMap { name, nodes in
        nodes.isEmpty ? [Peer(name: name, node: nil)] : nodes.map { Peer(name: name, node: $0) }
      })
  }
}
