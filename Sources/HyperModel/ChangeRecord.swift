/// One change to the directory: it replaces one section of one operator completely (PROTOCOL.md 8.1).
public struct ChangeRecord: Hashable, Sendable {
  public var name: OperatorName
  public var section: Section
  /// The section's content in the normalised form of PROTOCOL.md 21 (unknown keys dropped).
  public var data: JSONValue
  /// RFC 3339, as written.
  public var createdAt: String

  public enum Section: String, Hashable, Sendable, CaseIterable {
    case channels, certificates, services, preferences, settings, groups
  }

  public init(name: OperatorName, section: Section, data: JSONValue, createdAt: String) {
    self.name = name
    self.section = section
    self.data = data
    self.createdAt = createdAt
  }
}

extension ChangeRecord {
  /// Reads a record and normalises its data.
  ///
  /// - Throws: `ShapeError` naming the first place that does not fit.
  public init(json: JSONValue) throws(ShapeError) {
    let record = JSONCursor(json)
    _ = try record.object()
    let name = try record["name"].string()
    if name.isEmpty { throw record["name"].unexpected("the name of an operator") }
    guard let section = Section(rawValue: try record["section"].string()) else {
      throw record["section"].unexpected("one of \(Section.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let createdAt = try record["created_at"].string()
    if RFC3339.parse(createdAt) == nil { throw record["created_at"].unexpected("an RFC 3339 time such as 2026-01-31T12:00:00Z") }
    let content = try SectionContent(section, reading: record["data"])
    self.init(name: OperatorName(name), section: section, data: content.json, createdAt: createdAt)
  }

  /// The record as it stands in a directory file.
  public var json: JSONValue {
    ["name": .string(name.text), "section": .string(section.rawValue), "data": data, "created_at": .string(createdAt)]
  }
}
