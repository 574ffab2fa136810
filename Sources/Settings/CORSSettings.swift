/// A `cors` map (PROTOCOL.md 3.3).
public struct CORSSettings: Hashable, Sendable {
  /// `allowed_hosts`, default none: regular expressions for the origin.
  public var allowedHosts: [String]
  /// `allowed_headers`, default none.
  public var allowedHeaders: [String]
  /// `allowed_methods`, default all of `methods`.
  public var allowedMethods: [String]

  public static let methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]

  public init(allowedHosts: [String] = [], allowedHeaders: [String] = [], allowedMethods: [String] = methods) {
    self.allowedHosts = allowedHosts
    self.allowedHeaders = allowedHeaders
    self.allowedMethods = allowedMethods
  }
}

extension CORSSettings {
  init(_ section: Section) {
    let expression: (String) throws(TextMismatch) -> String = { text throws(TextMismatch) in
      do {
        _ = try Regex(text)
        return text
      } catch {
        throw TextMismatch("a regular expression")
      }
    }
    let method: (String) throws(TextMismatch) -> String = { text throws(TextMismatch) in
      guard Self.methods.contains(text) else { throw TextMismatch("one of \(Self.methods.joined(separator: ", "))") }
      return text
    }
    self.init(
      allowedHosts: section.texts("allowed_hosts", expression),
      allowedHeaders: section.strings("allowed_headers"),
      allowedMethods: section.has("allowed_methods") ? section.texts("allowed_methods", method) : Self.methods)
    section.finish()
  }
}
