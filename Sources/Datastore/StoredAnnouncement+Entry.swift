import Announcements
import FoundationEssentials
import HyperModel

/// Announcements as entries of the existing file format (PROTOCOL.md 10.8): what existing proxies do not know is in keys that they ignore.
extension StoredAnnouncement {
  /// There is no removal in the format: an expiry long past stands for it, here and for those who read the file besides us.
  static let removal = Date(timeIntervalSince1970: 0)

  /// Nil for an entry that is no announcement.
  init?(_ entry: DataEntry) {
    guard let kind = Kind(rawValue: Int(entry.type)), let json = try? JSONValue(parsing: String(decoding: entry.data, as: UTF8.self)),
      let domain = json["domain"]?.string, let peer = json[Self.peerKey(kind)]?.string
    else { return nil }
    func time(_ key: String) -> Date?? {
      switch json[key] {
      case nil, .null, "": .some(nil)
      case .string(let text): RFC3339.parse(text).map { .some($0) }
      default: nil
      }
    }
    guard let expiresAt = time("expires_at"), let since = time("since") else { return nil }
    func strings(_ key: String) -> [String] { json[key]?.array?.compactMap(\.string) ?? [] }
    self.init(
      kind: kind, domain: domain, peer: OperatorName(peer), instance: json["instance"]?.string.flatMap { InstanceID($0) },
      expiresAt: expiresAt, since: since, sharedWith: Set(strings("shared_with").map { OperatorName($0) }),
      allowedEndpoints: strings("allowed_endpoints"))
  }

  /// - Parameter id: random; 16 bytes.
  func entry(id: [UInt8]) -> DataEntry {
    func time(_ date: Date?) -> JSONValue { date.map { .string(RFC3339.format($0)) } ?? .null }
    var json: [String: JSONValue] = [
      "domain": .string(domain), Self.peerKey(kind): .string(peer.text), "expires_at": time(expiresAt),
    ]
    if let instance { json["instance"] = .string(instance.text) }
    if since != nil { json["since"] = time(since) }
    if !sharedWith.isEmpty { json["shared_with"] = .array(sharedWith.sorted().map { .string($0.text) }) }
    if !allowedEndpoints.isEmpty { json["allowed_endpoints"] = .array(allowedEndpoints.map { .string($0) }) }
    return DataEntry(type: UInt8(kind.rawValue), id: id, data: Array(JSONValue.object(json).text.utf8))
  }

  private static func peerKey(_ kind: Kind) -> String {
    switch kind {
    case .publicSide: "operator"
    case .privateSide: "proxy"
    }
  }
}
