public import HyperModel

/// Which end of the connection the peer is, and with that what its certificate must show.
public enum PeerRole: Hashable, Sendable {
  /// The peer dialled us: any name, as far as the pins allow.
  case client
  /// We dialled the peer under this name: a DNS SAN must match it.
  case server(expectedName: OperatorName)
}

/// The pinned fingerprints (lower-case hexadecimal) of an operator; asked at every handshake, so it must answer from memory.
public typealias Pins = @Sendable (OperatorName) -> Set<String>
