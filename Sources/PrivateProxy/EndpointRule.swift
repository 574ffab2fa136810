import HyperModel

/// Which token ports the private proxy dials (issue of trust: a member of the network must not make it dial anything else).
enum EndpointRule {
  /// The port of the token port where the directory names no endpoint (PROTOCOL.md 3.5).
  static let defaultTokenPort = 9999

  /// The endpoints that a notice of this public proxy may name.
  ///
  /// `allowed` is what the announcement allows; when it allows nothing in particular, the `internal_endpoint` in the public proxy's directory
  /// entry counts (settings of service `proxy`), and without that the host of its `grpc_server` address with port 9999.
  static func endpoints(allowed: [String], entry: DirectoryEntry, ownName: OperatorName) -> [String] {
    if !allowed.isEmpty { return allowed }
    if let endpoint = entry.settings(service: "proxy", for: ownName)?["internal_endpoint"]?.string { return [endpoint] }
    return entry.channels.compactMap { channel in
      guard channel.type == "grpc_server", let address = channel.settings?["address"]?.string, let host = host(of: address) else {
        return nil
      }
      return "\(host):\(defaultTokenPort)"
    }
  }

  /// Host names compare without case; the texts must otherwise be equal.
  static func permits(_ endpoint: String, among endpoints: [String]) -> Bool {
    endpoints.contains { $0.lowercased() == endpoint.lowercased() }
  }

  private static func host(of address: String) -> String? {
    guard let colon = address.lastIndex(of: ":"), colon > address.startIndex else { return nil }
    return String(address[..<colon])
  }
}
