/// What a change record puts into an entry.
enum SectionContent {
  case groups([String])
  case channels([DirectoryEntry.Channel])
  case services([DirectoryEntry.Service])
  case certificates([DirectoryEntry.Certificate])
  case settings([DirectoryEntry.Setting])
  case preferences([DirectoryEntry.Setting])

  init(_ section: ChangeRecord.Section, reading data: JSONCursor) throws(ShapeError) {
    let elements = try data.elements()
    self =
      switch section {
      case .groups: .groups(try elements.map { (place) throws(ShapeError) in try place.string() })
      case .channels: .channels(try elements.map(DirectoryEntry.Channel.init(reading:)))
      case .services: .services(try elements.map(DirectoryEntry.Service.init(reading:)))
      case .certificates: .certificates(try elements.map(DirectoryEntry.Certificate.init(reading:)))
      case .settings: .settings(try elements.map(DirectoryEntry.Setting.init(reading:)))
      case .preferences: .preferences(try elements.map(DirectoryEntry.Setting.init(reading:)))
      }
  }

  /// The normalised data of a record (PROTOCOL.md 21, 8.1): what is absent by choice stays absent.
  var json: JSONValue {
    switch self {
    case .groups(let groups): .array(groups.map(JSONValue.string))
    case .channels(let channels): .array(channels.map { $0.json(absent: nil) })
    case .services(let services): .array(services.map { $0.json(absent: nil) })
    case .certificates(let certificates): .array(certificates.map(\.json))
    case .settings(let settings), .preferences(let settings): .array(settings.map(\.json))
    }
  }
}

extension DirectoryEntry {
  mutating func replace(with content: SectionContent) {
    switch content {
    case .groups(let groups): self.groups = groups
    case .channels(let channels): self.channels = channels
    case .services(let services): self.services = services
    case .certificates(let certificates): self.certificates = certificates
    case .settings(let settings): self.settings = settings
    case .preferences(let preferences): self.preferences = preferences
    }
  }
}
