/// A `jsonrpc_client` map (PROTOCOL.md 3.4, and our addition for Unix sockets).
public struct JSONRPCClientSettings: Hashable, Sendable {
  /// `endpoint`, required: `https://…`, `http://…` or `unix:PATH`; with the last one `path` (default `/jsonrpc`) is the HTTP path.
  public var endpoint: JSONRPCEndpoint
  /// `tls`: roots and certificate for https. Default: the system's roots and no certificate.
  public var tls: TLSSettings?

  public init(endpoint: JSONRPCEndpoint, tls: TLSSettings? = nil) {
    self.endpoint = endpoint
    self.tls = tls
  }
}

extension JSONRPCClientSettings {
  init(_ section: Section) {
    let path = section.text("path", default: JSONRPCServerSettings.defaultPath, httpPath)
    self.init(
      endpoint: section.required("endpoint", placeholder: .unix(path: "", httpPath: path)) { text throws(TextMismatch) in
        try JSONRPCEndpoint(parsing: text, httpPath: path)
      },
      tls: section.section("tls").map { TLSSettings($0, for: .jsonrpcClient) })
    section.unsupported("proxy_url")
    section.dead("local", "has no effect")
    section.dead("server_name", "has no effect here", hint: "the key belongs into tls")
    switch endpoint {
    case .https, .http:
      if section.has("path") { section.fail("path", "only possible with endpoint: unix:PATH", hint: "the path of a URL stands in the URL") }
    case .unix: break
    }
    if case .https = endpoint {} else if tls != nil { section.warn("tls", "has no effect with this endpoint, which is not https") }
    section.finish()
  }
}
