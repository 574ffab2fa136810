/// The merged settings of one program, not yet checked against its keys.
public struct LoadedTree: Sendable, Equatable {
  /// Always a map.
  public var root: SettingsValue
  /// The files that were read, included ones too, in the order of reading; as shown to people.
  public var files: [String]

  public init(root: SettingsValue, files: [String]) {
    self.root = root
    self.files = files
  }
}
