/// The engine's figures since its start, and how many there are right now. A sum over the loops; each figure is exact by
/// itself, but they are not read at one instant.
public struct RelayCounters: Hashable, Sendable {
  /// Streams being relayed now.
  public internal(set) var relaying: UInt64 = 0
  /// Clients waiting for a decision or for their private side now.
  public internal(set) var waiting: UInt64 = 0
  /// Streams in any phase now.
  public internal(set) var streams: UInt64 = 0
  /// Bytes of hellos without a destination now.
  public internal(set) var helloBytesHeld: UInt64 = 0

  public internal(set) var clientsAccepted: UInt64 = 0
  public internal(set) var tokenConnectionsAccepted: UInt64 = 0
  /// How many connections each bound turned away, those that were refused with an alert included.
  public internal(set) var limitsReached: [RelayLimit: UInt64] = [:]
  /// Closed at once for want of descriptors.
  public internal(set) var descriptorsExhausted: UInt64 = 0
  public internal(set) var acceptFailures: UInt64 = 0

  public internal(set) var hellosRead: UInt64 = 0
  public internal(set) var hellosRefused: UInt64 = 0
  /// What those that were read were like.
  public internal(set) var hellos = HelloFigures()
  public internal(set) var tokensDrawn: UInt64 = 0
  public internal(set) var tokensMatched: UInt64 = 0
  /// Wrong, late, repeated, short or slow.
  public internal(set) var tokensRefused: UInt64 = 0

  public internal(set) var dialsStarted: UInt64 = 0
  public internal(set) var dialsFailed: UInt64 = 0

  /// Bytes delivered towards servers and towards clients.
  public internal(set) var bytesUp: UInt64 = 0
  public internal(set) var bytesDown: UInt64 = 0
  /// The part of both that went through a pipe and was never copied by us.
  public internal(set) var bytesSpliced: UInt64 = 0
  /// How often a direction that moved bulk had to copy: no pipe, or sockets that cannot be spliced.
  public internal(set) var spliceFallbacks: UInt64 = 0
  /// Bytes in pipes now: what receivers that do not read have left there.
  public internal(set) var bytesParked: UInt64 = 0
  /// Pipes that are open now, lent or idle.
  public internal(set) var pipes: UInt64 = 0
  /// Alerts written.
  public internal(set) var alerts: UInt64 = 0

  /// Events and orders that found no room.
  public internal(set) var eventsDropped: UInt64 = 0
  public internal(set) var ordersDropped: UInt64 = 0

  /// How many streams ended, by cause; causes that never occurred are missing.
  public internal(set) var ended: [EndCause: UInt64] = [:]
}
