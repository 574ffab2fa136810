/// Decides which connection carries a call: a value without sockets, waiting or clock.
///
/// HTTP/1.1 carries one call at a time per connection. Idle connections are used again, the last one first, so that the others can be
/// closed for their idleness; when all allowed ones are busy, calls wait in order. Few are opened at one time: a busy server that had to
/// make a handshake for every call that finds no connection would be busier still, and come to none of them in time.
struct ConnectionPool<Connection: Hashable> {
  /// Which call waits; given out by the pool.
  typealias Ticket = UInt64

  enum Taking: Equatable {
    case use(Connection)
    /// Open a connection; it counts already. Report `opened` or `dialFailed`.
    case dial
    case wait(Ticket)
    /// Too many wait already.
    case refuse
  }

  /// What a waiting call gets.
  enum Handover: Equatable {
    case use(Connection, Ticket)
    case dial(Ticket)
    case nothing
  }

  private let connectionLimit: Int
  private let dialLimit: Int
  private let waitingLimit: Int
  private var idle: [Connection] = []
  private var busy: Set<Connection> = []
  private var dialing = 0
  private var waiting: [Ticket] = []
  private var lastTicket: Ticket = 0

  init(connectionLimit: Int, dialLimit: Int, waitingLimit: Int) {
    self.connectionLimit = max(1, connectionLimit)
    self.dialLimit = max(1, dialLimit)
    self.waitingLimit = waitingLimit
  }

  var openCount: Int { idle.count + busy.count + dialing }
  var waitingCount: Int { waiting.count }
  var connections: [Connection] { idle + Array(busy) }

  mutating func take() -> Taking {
    if let connection = idle.popLast() {
      busy.insert(connection)
      return .use(connection)
    }
    if mayDial {
      dialing += 1
      return .dial
    }
    guard waiting.count < waitingLimit else { return .refuse }
    lastTicket += 1
    waiting.append(lastTicket)
    return .wait(lastTicket)
  }

  /// A dial succeeded; the connection carries the call it was opened for, and the next call may dial.
  mutating func opened(_ connection: Connection) -> Handover {
    dialing -= 1
    busy.insert(connection)
    return handPlaceOver()
  }

  /// A dial failed: its place is free.
  mutating func dialFailed() -> Handover {
    dialing -= 1
    return handPlaceOver()
  }

  /// A call ended and its connection can take another one.
  mutating func returned(_ connection: Connection) -> Handover {
    // A connection that was closed meanwhile is gone already.
    guard busy.contains(connection) else { return .nothing }
    if waiting.isEmpty {
      busy.remove(connection)
      idle.append(connection)
      return .nothing
    }
    return .use(connection, waiting.removeFirst())
  }

  /// A connection is closed, whatever it was doing. May be reported more than once.
  mutating func closed(_ connection: Connection) -> Handover {
    if busy.remove(connection) == nil {
      guard let position = idle.firstIndex(of: connection) else { return .nothing }
      idle.remove(at: position)
    }
    return handPlaceOver()
  }

  /// A waiting call gave up.
  /// - Returns: false when it was served meanwhile.
  mutating func gaveUp(_ ticket: Ticket) -> Bool {
    guard let position = waiting.firstIndex(of: ticket) else { return false }
    waiting.remove(at: position)
    return true
  }

  private mutating func handPlaceOver() -> Handover {
    guard !waiting.isEmpty, mayDial else { return .nothing }
    dialing += 1
    return .dial(waiting.removeFirst())
  }

  private var mayDial: Bool { openCount < connectionLimit && dialing < dialLimit }
}
