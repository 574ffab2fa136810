/// Who is counted as one: an IPv4 address, or the first 64 bits of an IPv6 address, because whoever has one address of such a network has
/// all of them.
public struct Source: Hashable, Sendable {
  /// With all other bits zero.
  public let address: IPAddress

  public init(of address: IPAddress) {
    self.address = address.family == .v4 ? address : address.masked(bits: 64)
  }

  /// - Parameter address: as it is written, without brackets; nil for anything else.
  public init?(_ address: String) {
    guard let address = IPAddress(address) else { return nil }
    self.init(of: address)
  }
}

extension Source: CustomStringConvertible {
  /// `192.0.2.7`, or `2001:db8:0:1::/64`.
  public var description: String { address.family == .v4 ? "\(address)" : "\(address)/64" }
}
