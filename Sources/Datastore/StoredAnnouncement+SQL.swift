import FoundationEssentials
import GRDB
import HyperModel

extension StoredAnnouncement {
  static func fetchAll(_ database: Database) throws -> [StoredAnnouncement] {
    let rows = try Row.fetchCursor(
      database,
      sql: "SELECT kind, domain, peer, expires_at, allowed_endpoints FROM announcement ORDER BY kind, domain, peer")
    var announcements: [StoredAnnouncement] = []
    while let row = try rows.next() { announcements.append(try StoredAnnouncement(row)) }
    return announcements
  }

  private init(_ row: Row) throws {
    let domain: String = row["domain"]
    guard let kind = Kind(rawValue: row["kind"]) else { throw SchemaProblem.badRow(domain) }
    let seconds: Double? = row["expires_at"]
    self.init(
      kind: kind, domain: domain, peer: OperatorName(row["peer"]),
      expiresAt: seconds.map { Date(timeIntervalSinceReferenceDate: $0) },
      allowedEndpoints: try Self.endpoints(row["allowed_endpoints"], of: domain))
  }

  private static func endpoints(_ text: String, of domain: String) throws -> [String] {
    guard let list = try JSONValue(parsing: text).array else { throw SchemaProblem.badRow(domain) }
    return try list.map { entry in
      guard let endpoint = entry.string else { throw SchemaProblem.badRow(domain) }
      return endpoint
    }
  }

  /// Replaces the row with the same key, and on the public side the one with the same name (unique index).
  func save(_ database: Database) throws {
    try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO announcement (kind, domain, peer, expires_at, allowed_endpoints) VALUES (?, ?, ?, ?, ?)"
    ).execute(arguments: [
      kind.rawValue, domain, peer.text, expiresAt?.timeIntervalSinceReferenceDate,
      JSONValue.array(allowedEndpoints.map { .string($0) }).text,
    ])
  }

  func remove(_ database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM announcement WHERE kind = ? AND domain = ? AND peer = ?")
      .execute(arguments: [kind.rawValue, domain, peer.text])
  }
}
