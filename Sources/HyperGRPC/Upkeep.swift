import HyperModel

/// Whom the client channel can dial, and to whom it keeps a connection with a `ServerCall` stream (PROTOCOL.md 7.4). Pure.
///
/// Deviations from the deployed nodes: the group `*` counts, and an entry that makes no sense affects only itself.
struct Upkeep: Hashable, Sendable {
  struct Target: Hashable, Sendable {
    var address: PeerAddress
    /// The peer needs our `ServerCall` stream to reach us.
    var isKept: Bool
  }

  var targets: [OperatorName: Target] = [:]
  /// Entries that cannot be used, with the reason.
  var problems: [OperatorName: String] = [:]

  init(ownName: OperatorName, directory: DirectorySnapshot) {
    let own = directory[ownName]
    let callers = Set(
      (own?.services ?? []).flatMap { service in (service.permissions + service.methods.flatMap(\.permissions)).map(\.group) })
    let isDialable = own.map { Self.server(of: $0)?.isDirect ?? false } ?? false
    for (name, entry) in directory.entries where name != ownName {
      guard let server = Self.server(of: entry), server.isDirect else { continue }
      guard let text = server.address, let address = PeerAddress(parsing: text) else {
        problems[name] =
          "the address of its grpc_server channel is \(server.address.map { "\"\(shortened($0))\"" } ?? "missing"), not host:port"
        continue
      }
      let mayCallUs = callers.contains("*") || !callers.isDisjoint(with: entry.groups)
      let canDialUs = isDialable && entry.channels.contains { $0.type == "grpc_client" }
      targets[name] = Target(address: address, isKept: mayCallUs && !canDialUs)
    }
  }

  /// Where to dial one operator; nil when it cannot be dialled from here.
  static func address(of name: OperatorName, in directory: DirectorySnapshot) -> PeerAddress? {
    guard let entry = directory[name], let server = server(of: entry), server.isDirect else { return nil }
    return server.address.flatMap(PeerAddress.init(parsing:))
  }

  private struct Server {
    var address: String?
    /// Neither internal nor behind a proxy. Dialling through proxies (PROTOCOL.md 10.7) is not supported yet.
    var isDirect: Bool
  }

  private static func server(of entry: DirectoryEntry) -> Server? {
    guard let channel = entry.channels.first(where: { $0.type == "grpc_server" }) else { return nil }
    let isInternal = channel.settings?["internal"]?.bool ?? false
    let proxy = channel.settings?["proxy"]?.string ?? ""
    return Server(address: channel.settings?["address"]?.string, isDirect: !isInternal && proxy.isEmpty)
  }
}
