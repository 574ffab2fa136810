/// The directory at one moment: an immutable value, cheap to copy and safe to share.
public struct DirectorySnapshot: Sendable {
  /// Grows with every change of content; equal versions of one reader have equal content.
  public let version: UInt64
  public let entries: [OperatorName: DirectoryEntry]

  public init(version: UInt64, entries: [OperatorName: DirectoryEntry]) {
    self.version = version
    self.entries = entries
  }

  /// Replays change records in order; each replaces one section of one operator (PROTOCOL.md 8.1).
  ///
  /// Data that is not in the form of its section, which `ChangeRecord.init(json:)` does not let in, counts as an empty section.
  public init(version: UInt64, replaying records: [ChangeRecord]) {
    var entries: [OperatorName: DirectoryEntry] = [:]
    for record in records {
      let data = JSONCursor(record.data)
      // The reason is of no use here: whoever made the record has checked it, and there is nobody to tell.
      let content = (try? SectionContent(record.section, reading: data)) ?? (try? SectionContent(record.section, reading: JSONCursor([])))
      var entry = entries[record.name] ?? DirectoryEntry(name: record.name)
      if let content { entry.replace(with: content) }
      entry.records.append(record)
      entries[record.name] = entry
    }
    self.init(version: version, entries: entries)
  }

  public static let empty = DirectorySnapshot(version: 0, entries: [:])

  public subscript(name: OperatorName) -> DirectoryEntry? { entries[name] }

  /// The fingerprints (lower-case hex SHA-256 of the leaf's DER) pinned for an operator's connections (PROTOCOL.md 4.2).
  public func encryptionPins(for name: OperatorName) -> Set<String> {
    guard let entry = entries[name] else { return [] }
    return Set(entry.certificates.lazy.filter { $0.keyUsage == "encryption" }.map { $0.fingerprint.lowercased() })
  }
}
