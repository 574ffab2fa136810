/// Where a value or a key was written: it survives includes, references, substitution and merging.
public struct SourcePosition: Hashable, Sendable {
  /// The file as shown to people: relative to the working directory when it lies below it, else absolute.
  public var file: String
  /// Counted from 1.
  public var line: Int
  /// Counted from 1, in Unicode scalars.
  public var column: Int

  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }
}

extension SourcePosition: CustomStringConvertible {
  public var description: String { "\(file):\(line):\(column)" }
}
