/// How much of a client's address is written to logs and metrics.
public enum AddressPrivacy: String, Hashable, Sendable, CaseIterable {
  /// The address and the port.
  case full
  /// The network: the first 24 bits of IPv4, 48 of IPv6. Enough to see where trouble comes from, not whose it is.
  case truncated
  /// A pseudonym under a key that is drawn every day and never kept: the same client can be followed for a day.
  case hashed
  /// Nothing.
  case none
}

/// How much of a client's address the PROXY header carries.
public enum HeaderPrivacy: String, Hashable, Sendable, CaseIterable {
  /// The address and the port.
  case full
  /// The network, as in `AddressPrivacy.truncated`, with port 0.
  case truncated
  /// Nothing: the header says that the client is unknown.
  case none

  /// What of a client's address may be written; nil for nothing.
  public func reduced(_ address: IPAddress, port: Int) -> (address: IPAddress, port: Int)? {
    switch self {
    case .full: (address, port)
    case .truncated: (address.network, 0)
    case .none: nil
    }
  }
}

/// Writes addresses as far as they may be written.
///
/// A value without clock: the day is an argument, the key is drawn from the generator when the day is another than last time.
/// Keys live in memory only, so pseudonyms of different days, or of different runs of a program, cannot be linked.
public struct AddressWriter: Sendable {
  public let privacy: AddressPrivacy
  private var key: (UInt64, UInt64)?
  private var day = 0

  public init(_ privacy: AddressPrivacy) {
    self.privacy = privacy
  }

  /// - Parameters:
  ///   - port: part of the text only where the whole address is.
  ///   - day: any number that changes when the key has to.
  /// - Returns: nil when nothing may be written.
  public mutating func text(
    _ address: IPAddress, port: Int? = nil, day: Int, using generator: inout some RandomNumberGenerator
  ) -> String? {
    switch privacy {
    case .full:
      guard let port else { return "\(address)" }
      return address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    case .truncated:
      return "\(address.network)/\(address.networkBits)"
    case .hashed:
      let key = self.key(of: day, using: &generator)
      // By source: clients of one IPv6 customer change their addresses by themselves.
      return "client-" + Self.hex(SipHash.hash(address.source.address.bytes, key: key))
    case .none:
      return nil
    }
  }

  private mutating func key(of day: Int, using generator: inout some RandomNumberGenerator) -> (UInt64, UInt64) {
    if let key, self.day == day { return key }
    let fresh: (UInt64, UInt64) = (generator.next(), generator.next())
    key = fresh
    self.day = day
    return fresh
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
