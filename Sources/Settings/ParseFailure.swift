/// Why a text is no YAML or JSON, and where.
struct ParseFailure: Error, Equatable {
  var position: SourcePosition
  var message: String
  var hint: String?
}
