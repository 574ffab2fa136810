/// A `datastore` map (PROTOCOL.md 3.7): where announcements are kept.
public struct DatastoreSettings: Hashable, Sendable {
  /// The kinds there are; `redis` of the reference is not supported yet.
  public enum StoreType: String, Hashable, Sendable, CaseIterable {
    /// A database file.
    case sqlite
    /// The file format of existing proxies.
    case file
    /// Nothing survives a restart.
    case memory
  }

  /// `type`, default `sqlite`.
  public var type: StoreType
  /// `settings.filename`, required but for `memory`: the file, relative to the working directory or absolute; created when absent.
  public var filename: String

  public init(type: StoreType = .sqlite, filename: String) {
    self.type = type
    self.filename = filename
  }
}

extension DatastoreSettings {
  init(_ section: Section) {
    let text = section.string("type") ?? StoreType.sqlite.rawValue
    guard let type = StoreType(rawValue: text) else {
      if text == "redis" {
        section.fail("type", "the datastore \"redis\" is not supported yet", hint: "use type: sqlite with settings.filename")
      } else {
        section.mismatch("type", expected: "sqlite, file or memory")
      }
      self.init(filename: "")
      return
    }
    let settings = section.section("settings", required: type != .memory)
    // A name that is not needed may stay, so that going from one type to another changes one word.
    if type == .memory { settings?.ignore("filename") }
    self.init(type: type, filename: type == .memory ? "" : settings?.requiredString("filename") ?? "")
    settings?.finish()
    section.finish()
  }
}
