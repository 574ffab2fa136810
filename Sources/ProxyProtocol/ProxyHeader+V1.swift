import Addresses

extension ProxyHeader {
  /// Section 2.1: `PROXY TCP4 192.0.2.7 198.51.100.1 52011 443`, at most 107 bytes with its line end.
  var textLine: [UInt8] {
    guard let client else { return Array("PROXY UNKNOWN\r\n".utf8) }
    let ends = ends(of: client)
    let family = client.address.family == .v4 ? "TCP4" : "TCP6"
    let addresses = "\(ends.client.address) \(ends.destination.address)"
    return Array("PROXY \(family) \(addresses) \(ends.client.port) \(ends.destination.port)\r\n".utf8)
  }
}
