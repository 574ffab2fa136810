import Limits

/// The two connections of a stream: the one towards the client and the one towards the server.
enum End: UInt8, CaseIterable {
  case downstream = 0
  case upstream = 1

  var other: End { self == .downstream ? .upstream : .downstream }
}

/// The two directions of a stream.
enum Direction: UInt8 {
  /// From the client to the server.
  case up
  case down

  var source: End { self == .up ? .downstream : .upstream }
  var sink: End { self == .up ? .upstream : .downstream }

  init(from source: End) { self = source == .downstream ? .up : .down }
}

/// Where a stream is in its life.
enum StreamPhase: UInt8 {
  /// Nobody's. To `hello`, `presenting`, `dialing`.
  case free
  /// A client's hello is being read, from the client or over a leg. To `deciding`, `discarding`, `free`.
  case hello
  /// The control plane was asked. To `waiting`, `dialing`, `connecting`, `discarding`, `free`.
  case deciding
  /// The token is out; the private side is to come. To `relaying`, `discarding`, `free`.
  case waiting
  /// A connection on the token port that has not shown its token. To `free` (its descriptor moves on).
  case presenting
  /// One or both connections are being made. To `relaying`, `hello` (a leg whose server is not known), `discarding`, `free`.
  case dialing
  /// The one address of a route is being connected to. To `relaying`, `discarding`, `free`.
  case connecting
  /// Bytes flow. To `free`.
  case relaying
  /// An alert was written; input is thrown away for a moment. To `free`.
  case discarding
}

/// One socket of a stream.
struct SocketState {
  /// Owned by the slot; -1 when there is none.
  var descriptor: Int32 = -1
  var readiness: Readiness = []

  var isOpen: Bool { descriptor >= 0 }
}

/// Everything that is known about one stream, in one piece of a loop's slab. No object of its own, no buffer while idle.
struct StreamSlot {
  var downstream = SocketState()
  var upstream = SocketState()
  var up = Flow()
  var down = Flow()

  /// Raised when the slot is freed, so that late events and orders miss.
  var generation: UInt32 = 1
  var phase = StreamPhase.free
  /// The cause that is reported when a `discarding` stream ends.
  var cause = EndCause.finished
  var isInReadyList = false
  /// The control plane has been told of it.
  var isKnown = false
  /// The kernel has been told to probe its peers.
  var isKeptAlive = false
  /// The bound that it was refused for.
  var refusedFor: RelayLimit?
  /// The next free slot, while this one is free.
  var nextFree = UInt32.max
  /// The last byte in either direction, in ticks of the timer wheel.
  var lastActivity: UInt32 = 0
  /// Not 0: the serial number that names the stream, which was ordered and not accepted.
  var serial: UInt32 = 0
  /// What is left of the bytes that may be discarded.
  var discardLeft: UInt32 = 0
  /// Bytes of hello counted against the budgets.
  var helloHeld: UInt32 = 0
  /// Accept or order, in milliseconds of the loop's clock.
  var startedAt: UInt64 = 0
  var client = PeerAddress.none
  var sourceBucket = Bucket(number: 0)
  var nameBucket = Bucket(number: 0)
  /// Whether it is counted for its name.
  var isOfName = false
  /// The last of its tokens.
  var tokenKey: TokenTable.Key?
  /// The name in the hello; before it has come, the one that it has to have, if any.
  var serverName: String?
  /// Where a stream that is `connecting` goes to.
  var target: AddressCache.Sole?
  /// How the hello came, once it has been read.
  var hello: HelloShape?

  var isOrdered: Bool { serial != 0 }
  /// Where the bytes of its hello are counted besides the sum.
  var helloBucket: Bucket? { isOrdered ? nil : sourceBucket }
  /// For whom it is counted while it waits; nil for a leg.
  var waitingBuckets: (source: Bucket, name: Bucket)? { isOrdered ? nil : (sourceBucket, nameBucket) }

  subscript(end: End) -> SocketState {
    @inline(__always) get { end == .downstream ? downstream : upstream }
    @inline(__always) set { if end == .downstream { downstream = newValue } else { upstream = newValue } }
  }

  subscript(direction: Direction) -> Flow {
    @inline(__always) get { direction == .up ? up : down }
    @inline(__always) set { if direction == .up { up = newValue } else { down = newValue } }
  }
}
