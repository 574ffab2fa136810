/// A `cors` map (PROTOCOL.md 3.3).
public struct CORSSettings: Hashable, Sendable {
  /// `allowed_hosts`, default none: regular expressions, one of which must match the whole origin of a page.
  public var allowedHosts: [String]
  /// `allowed_headers`, default none: request headers that pages may set besides `content-type`.
  public var allowedHeaders: [String]
  /// `allowed_methods`, default all of `methods`.
  public var allowedMethods: [String]
  /// `allow_credentials`, default false: browsers may send client certificates and cookies.
  public var allowCredentials: Bool

  public static let methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]

  public init(
    allowedHosts: [String] = [], allowedHeaders: [String] = [], allowedMethods: [String] = methods, allowCredentials: Bool = false
  ) {
    self.allowedHosts = allowedHosts
    self.allowedHeaders = allowedHeaders
    self.allowedMethods = allowedMethods
    self.allowCredentials = allowCredentials
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
    let header: (String) throws(TextMismatch) -> String = { text throws(TextMismatch) in
      guard text.utf8.allSatisfy(isTokenByte) else { throw TextMismatch("the name of an HTTP header") }
      return text
    }
    let method: (String) throws(TextMismatch) -> String = { text throws(TextMismatch) in
      guard Self.methods.contains(text) else { throw TextMismatch("one of \(Self.methods.joined(separator: ", "))") }
      return text
    }
    self.init(
      allowedHosts: section.texts("allowed_hosts", expression),
      allowedHeaders: section.texts("allowed_headers", header),
      allowedMethods: section.has("allowed_methods") ? section.texts("allowed_methods", method) : Self.methods,
      allowCredentials: section.bool("allow_credentials", default: false))
    section.finish()
  }
}

/// RFC 9110, 5.6.2: what names of header fields are made of.
private func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
  default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}
