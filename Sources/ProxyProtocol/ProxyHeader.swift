public import Addresses

/// What stands before the first byte of a connection that a proxy passes on, so that the server learns whose it is
/// (HAProxy's proxy-protocol.txt).
public struct ProxyHeader: Hashable, Sendable {
  public enum Version: String, Hashable, Sendable, CaseIterable {
    /// One line of text: the addresses only.
    case v1
    /// Binary: the addresses, and what else is known.
    case v2
  }

  /// An address with its port.
  public struct Endpoint: Hashable, Sendable {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  /// Whose connection it is; nil when that is not known. The server then takes the address of the connection itself.
  public var client: Endpoint?
  /// Where the client connected to; nil when that is not known, which is written as the unspecified address and port 0.
  public var destination: Endpoint?
  /// The name that the client asked for.
  public var authority: String?
  /// The protocols that the client offers. A header can name one only, the one in use; which that will be is known here only
  /// when there is no choice, so with several nothing is written.
  public var offeredProtocols: [[UInt8]]
  /// What the stream is called in our logs.
  public var uniqueID: [UInt8]

  public init(
    client: Endpoint?, destination: Endpoint? = nil, authority: String? = nil, offeredProtocols: [[UInt8]] = [],
    uniqueID: [UInt8] = []
  ) {
    self.client = client
    self.destination = destination
    self.authority = authority
    self.offeredProtocols = offeredProtocols
    self.uniqueID = uniqueID
  }

  /// The header, ready to be written before anything else and in one piece.
  public func bytes(_ version: Version) -> [UInt8] {
    switch version {
    case .v1: textLine
    case .v2: binary
    }
  }

  /// Both ends in one family: an end of the other one, or none, becomes the unspecified address of the client's.
  func ends(of client: Endpoint) -> (client: Endpoint, destination: Endpoint) {
    let unspecified = Endpoint(address: .unspecified(client.address.family), port: 0)
    guard let destination, destination.address.family == client.address.family else { return (client, unspecified) }
    return (client, destination)
  }
}
