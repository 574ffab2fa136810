extension String {
  /// The text for a message or a log line: what cannot be printed is escaped, and only the beginning of a long text is kept.
  public var excerpt: String {
    let head = unicodeScalars.prefix(Self.excerptLimit).map(\.forMessage).joined()
    return unicodeScalars.dropFirst(Self.excerptLimit).isEmpty ? head : "\(head)…"
  }

  /// The same in single quotes.
  public var shortened: String { "'\(excerpt)'" }

  /// In characters: longer than real operators, methods and ids, short enough for a line.
  private static let excerptLimit = 128
}

extension Unicode.Scalar {
  fileprivate var forMessage: String {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: escaped(asASCII: true)
    default: String(self)
    }
  }
}
