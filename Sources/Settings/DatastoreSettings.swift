/// A `datastore` map (PROTOCOL.md 3.7): where announcements are kept.
///
/// `type` is `sqlite` (the default); `file` and `redis` of the reference are not supported yet.
public struct DatastoreSettings: Hashable, Sendable {
  /// `settings.filename`, required: the SQLite file, relative to the working directory or absolute; created when absent.
  public var filename: String

  public init(filename: String) {
    self.filename = filename
  }
}

extension DatastoreSettings {
  init(_ section: Section) {
    let type = section.string("type") ?? "sqlite"
    guard type == "sqlite" else {
      if ["file", "redis"].contains(type) {
        section.fail("type", "the datastore \"\(type)\" is not supported yet", hint: "use type: sqlite with settings.filename")
      } else {
        section.mismatch("type", expected: "sqlite")
      }
      self.init(filename: "")
      return
    }
    let settings = section.section("settings", required: true)
    self.init(filename: settings?.requiredString("filename") ?? "")
    settings?.finish()
    section.finish()
  }
}
