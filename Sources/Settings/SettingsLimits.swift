/// Bounds of the loader. Settings are small; these stop a wrong path or a runaway include, not a real file.
enum SettingsLimits {
  /// A file may have 1 MiB: a hundred times the largest settings known.
  static let fileBytes = 1 << 20
  /// Files of one program with all includes. A file that includes the next one twice would otherwise double at each step.
  static let files = 256
  /// Includes inside includes.
  static let includeDepth = 16
  /// Maps and lists inside each other; the deepest key has 7.
  static let nesting = 64
  /// Values of one tree, aliases and references counted each time they are used: stops an alias bomb from unfolding.
  static let values = 20_000
}
