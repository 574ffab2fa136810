import Announcements
import FoundationEssentials
import GRDB
import HyperModel

extension StoredAnnouncement {
  private static let columns = "kind, domain, peer, instance, expires_at, since, shared_with, allowed_endpoints"

  static func fetchAll(_ database: Database) throws -> [StoredAnnouncement] {
    let rows = try Row.fetchCursor(database, sql: "SELECT \(columns) FROM announcement ORDER BY kind, domain, peer, instance")
    var announcements: [StoredAnnouncement] = []
    while let row = try rows.next() { announcements.append(try StoredAnnouncement(row)) }
    return announcements
  }

  private init(_ row: Row) throws {
    let domain: String = row["domain"]
    guard let kind = Kind(rawValue: row["kind"]) else { throw SchemaProblem.badRow(domain) }
    let instance: String = row["instance"]
    guard instance.isEmpty || InstanceID(instance) != nil else { throw SchemaProblem.badRow(domain) }
    let (expiry, since): (Double?, Double?) = (row["expires_at"], row["since"])
    self.init(
      kind: kind, domain: domain, peer: OperatorName(row["peer"]), instance: InstanceID(instance),
      expiresAt: expiry.map { Date(timeIntervalSinceReferenceDate: $0) }, since: since.map { Date(timeIntervalSinceReferenceDate: $0) },
      sharedWith: Set(try Self.strings(row["shared_with"], of: domain).map { OperatorName($0) }),
      allowedEndpoints: try Self.strings(row["allowed_endpoints"], of: domain))
  }

  private static func strings(_ text: String, of domain: String) throws -> [String] {
    guard let list = try JSONValue(parsing: text).array else { throw SchemaProblem.badRow(domain) }
    return try list.map { entry in
      guard let string = entry.string else { throw SchemaProblem.badRow(domain) }
      return string
    }
  }

  /// Replaces the row with the same key.
  func save(_ database: Database) throws {
    try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO announcement (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    ).execute(arguments: [
      kind.rawValue, domain, peer.text, instance?.text ?? "", expiresAt?.timeIntervalSinceReferenceDate,
      since?.timeIntervalSinceReferenceDate, JSONValue.array(sharedWith.sorted().map { .string($0.text) }).text,
      JSONValue.array(allowedEndpoints.map { .string($0) }).text,
    ])
  }

  func remove(_ database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM announcement WHERE kind = ? AND domain = ? AND peer = ? AND instance = ?")
      .execute(arguments: [kind.rawValue, domain, peer.text, instance?.text ?? ""])
  }
}
