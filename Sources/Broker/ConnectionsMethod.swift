import HyperModel
public import Operations

/// `_connections`: whom this node has connections to, for the own service alone (docs/compatibility.md).
///
/// Parameters: `after`, the version that the caller knows; the answer then comes with the next change, or after `wait` seconds.
public struct ConnectionsMethod: Sendable {
  static let name = "_connections"
  /// Shorter than any deadline of a call.
  private static let longestWait: Duration = .seconds(20)

  private let nodeName: String
  private let peers: PeerConnections

  /// - Parameter nodeName: what this node calls itself among those of its operator.
  public init(nodeName: String, peers: PeerConnections) {
    self.nodeName = nodeName
    self.peers = peers
  }

  /// - Parameter canDial: whether an operator without a connection can be reached all the same.
  func answer(
    _ params: [String: JSONValue], in directory: DirectorySnapshot, deadline: ContinuousClock.Instant,
    canDial: (OperatorName) -> Bool
  ) async -> JSONValue {
    let known = params["after"]?.integer.flatMap { UInt64(exactly: $0) } ?? 0
    let wanted = params["wait"]?.integer.map { Duration.seconds(min(max($0, 0), 60)) } ?? .zero
    // A second is left for the answer's way.
    let limit = min(wanted, Self.longestWait, ContinuousClock.now.duration(to: deadline) - .seconds(1))
    let view = await peers.view(after: known, within: max(limit, .zero))
    let nodes = Dictionary(grouping: view.peers, by: \.name).mapValues { $0.compactMap(\.node).sorted() }
    let dialable = directory.entries.keys.filter { nodes[$0.text] == nil && canDial($0) }.sorted()
    return [
      "version": .integer(Int64(clamping: view.version)), "node": .string(nodeName),
      "peers": .array(
        nodes.sorted { $0.key < $1.key }.map { ["name": .string($0.key), "nodes": .array($0.value.map { .string($0) })] }),
      "dialable": .array(dialable.map { .string($0.text) }),
    ]
  }
}
