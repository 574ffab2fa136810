import GRDB

/// The tables, and how an older file becomes a present one. Steps that were released are never edited.
enum Schema {
  /// Marks a file as ours (`PRAGMA application_id`): "Hypr" in ASCII.
  static let applicationID = 0x4879_7072

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 announcements") { database in
      try database.execute(sql: "PRAGMA application_id = \(applicationID)")
      try database.execute(
        sql: """
          CREATE TABLE announcement (
            kind INTEGER NOT NULL CHECK (kind IN (1, 2)),  -- StoredAnnouncement.Kind
            domain TEXT NOT NULL,
            peer TEXT NOT NULL,
            expires_at REAL,  -- seconds since 2001-01-01T00:00:00Z, exactly as in memory; NULL: never
            allowed_endpoints TEXT NOT NULL,  -- a JSON list of strings
            PRIMARY KEY (kind, domain, peer)
          ) STRICT, WITHOUT ROWID;
          -- On the public side a name has one owner.
          CREATE UNIQUE INDEX announcement_owner ON announcement (domain) WHERE kind = 1;
          """)
    }
    migrator.registerMigration("2 instances and partners") { database in
      try database.execute(
        sql: """
          CREATE TABLE announcement_2 (
            kind INTEGER NOT NULL CHECK (kind IN (1, 2)),  -- StoredAnnouncement.Kind
            domain TEXT NOT NULL,
            peer TEXT NOT NULL,
            instance TEXT NOT NULL,  -- empty: does not say
            expires_at REAL,  -- seconds since 2001-01-01T00:00:00Z, exactly as in memory; NULL: never
            since REAL,  -- likewise; NULL: not known
            shared_with TEXT NOT NULL,  -- a JSON list of strings
            allowed_endpoints TEXT NOT NULL,  -- a JSON list of strings
            PRIMARY KEY (kind, domain, peer, instance)
          ) STRICT, WITHOUT ROWID;
          INSERT INTO announcement_2 (kind, domain, peer, instance, expires_at, shared_with, allowed_endpoints)
            SELECT kind, domain, peer, '', expires_at, '[]', allowed_endpoints FROM announcement;
          DROP TABLE announcement;
          ALTER TABLE announcement_2 RENAME TO announcement;
          """)
    }
    return migrator
  }

  /// Refuses a database that belongs to something else, before anything is written to it.
  static func checkOwnership(_ database: Database) throws {
    let id = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
    guard id != applicationID else { return }
    let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
    guard id == 0, tables == 0 else { throw SchemaProblem.foreign }
  }

  /// Refuses a damaged file, and one that a later version has changed.
  static func checkHealth(_ database: Database) throws {
    let finding = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "no answer"
    guard finding == "ok" else { throw SchemaProblem.damaged(finding) }
    if try migrator.hasBeenSuperseded(database) { throw SchemaProblem.fromLaterVersion }
  }
}

/// Why a file cannot be used although SQLite can read it.
enum SchemaProblem: Error {
  case foreign
  case damaged(String)
  case fromLaterVersion
  case badRow(String)
}
