/// Which web pages may call a server from a browser (the CORS protocol of the Fetch standard, section 3.2).
///
/// It decides what the browser tells the page, no more: who may call at all is decided by certificates and users. A request without an
/// `Origin` is not from a page and is none of its business.
public struct CORSPolicy: Sendable, Hashable {
  /// Regular expressions for origins; one of them must match a whole origin, such as `https://example.org:8443`.
  public var allowedOrigins: [String]
  /// Request headers that pages may set besides the ones every page may and `content-type`; lower case.
  public var allowedHeaders: [String]
  public var allowedMethods: [String]
  /// Whether browsers may send what they have for this server: client certificates, cookies.
  public var allowsCredentials: Bool

  /// How long a browser may remember a preflight; what deployed nodes say.
  static let maxAge: Duration = .seconds(60)
  /// No real origin is longer; bounds the work of matching.
  static let originLimit = 1024

  public init(allowedOrigins: [String], allowedHeaders: [String], allowedMethods: [String], allowsCredentials: Bool) {
    self.allowedOrigins = allowedOrigins
    self.allowedHeaders = allowedHeaders.map { $0.lowercased() }
    self.allowedMethods = allowedMethods
    self.allowsCredentials = allowsCredentials
  }

  /// Whether pages of an origin may call. The opaque origin `null` (sandboxed pages, local files) has to be listed by that very word,
  /// because anybody can make one.
  func allows(origin: String) -> Bool {
    if origin == "null" { return allowedOrigins.contains("null") }
    guard origin.utf8.count <= Self.originLimit else { return false }
    return allowedOrigins.contains { expression in
      // The settings were checked, so an expression that cannot be read does not come here; it would allow nothing.
      guard let expression = try? Regex(expression) else { return false }
      return (try? expression.wholeMatch(in: origin)) != nil
    }
  }

  /// What every answer carries, whoever asked: caches must know that it depends on the origin.
  func fields(origin: String?) -> [HTTPField] {
    var fields = [HTTPField("vary", "origin")]
    if let origin, allows(origin: origin) { fields += allowance(origin) }
    return fields
  }

  /// The answer to a preflight: what a browser asks before a call that no form could make. Nil when it is none.
  ///
  /// A browser sends it without client certificate, so it is answered before anybody is identified. It tells nothing but this policy.
  func preflight(_ request: HTTPRequest) -> Preflight? {
    guard request.method == "OPTIONS", let origin = request.header("origin"), request.header("access-control-request-method") != nil else {
      return nil
    }
    let vary = HTTPField("vary", "origin, access-control-request-method, access-control-request-headers")
    guard allows(origin: origin) else {
      var response = HTTPResponse.text(403, "pages of this origin may not call here\n")
      response.fields = [vary]
      return Preflight(isAllowed: false, response: response)
    }
    var response = HTTPResponse.noContent
    response.fields = [vary] + allowance(origin)
    response.fields.append(HTTPField("access-control-allow-methods", allowedMethods.joined(separator: ", ")))
    response.fields.append(HTTPField("access-control-allow-headers", (["content-type"] + allowedHeaders).joined(separator: ", ")))
    response.fields.append(HTTPField("access-control-max-age", String(Self.maxAge.components.seconds)))
    return Preflight(isAllowed: true, response: response)
  }

  struct Preflight {
    var isAllowed: Bool
    var response: HTTPResponse
  }

  private func allowance(_ origin: String) -> [HTTPField] {
    let allowed = HTTPField("access-control-allow-origin", origin)
    return allowsCredentials ? [allowed, HTTPField("access-control-allow-credentials", "true")] : [allowed]
  }
}
